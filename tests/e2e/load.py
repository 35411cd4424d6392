# SPDX-License-Identifier: Apache-2.0
"""`postern load` against smtp-sink, postern sink, servers that refuse and stall, and the gateway with its own sink behind it:
counts are exact, errors are told by reply, latencies count from when a letter was due."""

import json
import re
import signal
import socket
import subprocess
import sys
import xml.etree.ElementTree
from collections.abc import Callable
from pathlib import Path

from gateway import Gateway, executable
from load_servers import Leaving, Stalling
from mail_sink_host import MailSink
from pki import Authority
from ports import GATEWAY, OUTSIDE, WORKSPACE, free_port
from process import HarnessError, expect, spawn, stop, wait_until
from sink import Options, Sink
from tally import Tally, with_party
from terminal import Terminal

ALL_TAKEN, SOME_FAILED, WRONG_USE, UNAVAILABLE, CANNOT_WRITE = 0, 1, 2, 69, 73
SOURCES = ("127.0.6.1", "127.0.6.2", "127.0.6.3")

CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"
relay.allow_without_auth = ["127.0.0.0/8"]

[[listener]]
name = "mx"
bind = "127.0.0.1:0"
tls = "starttls"

[[listener]]
name = "mxs"
bind = "127.0.0.1:0"
tls = "implicit"

[[domain]]
name = "company.ru"
mailboxes = "vk"

[[next_hop]]
name = "vk"
hosts = ["{address}:{port}"]

[tls]
certificates = [{pair}]
"""


def start(server: tuple[str, int], *options: str, err: int = subprocess.PIPE) -> subprocess.Popen:
    command = [str(executable()), "load", "--server", server[0], "--port", str(server[1]), "--to", "user%n@company.ru",
               "--json", "-", *options]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err, text=True)


def end(child: subprocess.Popen, status: int = ALL_TAKEN) -> dict:
    """Its figures; {} where it has none to tell."""
    try:
        out, err = child.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    expect(child.returncode == status, f"status {child.returncode}, not {status}: {out}{err}")
    return json.loads(out) if out else {"said": err}


def load(server: tuple[str, int], *options: str, status: int = ALL_TAKEN) -> dict:
    return end(start(server, *options), status)


def taken(figures: dict, letters: int) -> None:
    counts = figures["messages"]
    expect(counts["sent"] == counts["accepted"] == letters and counts["failed"] == 0, figures)
    expect(figures["latency_ms"]["letter"]["count"] == letters, figures)


def arrived(figures: dict, letters: int) -> None:
    taken(figures, letters)
    counts = figures["messages"]
    expect(counts["delivered"] == letters and counts["copies"] == 0, figures)
    expect(figures["recipients"]["delivered"] == figures["recipients"]["accepted"], figures)
    spans = figures["latency_ms"]["end_to_end"]
    expect(spans["count"] == letters and 0 < spans["p50"] <= spans["p99"] <= spans["max"], spans)


class Route:
    """The gateway, and where the sink of a load is its next hop."""

    def __init__(self, root: Path):
        self.ca = Authority(root / "pki")
        self.sink = (WORKSPACE, free_port(WORKSPACE))
        pair = self.ca.issue("gw", "DNS:gw.company.ru,IP:127.0.0.1")
        config = CONFIG.format(data=root / "gateway" / "data", address=self.sink[0], port=self.sink[1], pair=pair.toml())
        self.gateway = Gateway("gateway", root / "gateway", config).start()

    def close(self) -> None:
        self.gateway.stop()

    def load(self, *options: str, listener: str = "mx", status: int = ALL_TAKEN) -> dict:
        return end(self.start(*options, listener=listener), status)

    def start(self, *options: str, listener: str = "mx") -> subprocess.Popen:
        return start(self.gateway.endpoints[listener], "--sink", f"{self.sink[0]}:{self.sink[1]}", *options)


def smtp_sink_has_every_letter(root: Path) -> None:
    port = free_port(GATEWAY)
    counter = root / "counter"
    with open(counter, "wb") as out:
        child = spawn(["smtp-sink", "-u", "nobody", "-c", f"{GATEWAY}:{port}", "100"], root / "smtp-sink.err", stdout=out)
    try:
        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex((GATEWAY, port)) == 0
        wait_until(listens, 20, "smtp-sink listens")
        taken(load((GATEWAY, port), "--sessions", "4", "--messages", "700", "--size", "1K:80,10K:19,100K:1"), 700)
        taken(load((GATEWAY, port), "--rate", "1000", "--messages", "300", "--reuse", "1", "--no-pipelining"), 300)
        wait_until(lambda: b"mesg=1000\r" in counter.read_bytes(), 20, f"smtp-sink has 1000: {counter.read_bytes()[-200:]}")
    finally:
        stop(child)


def postern_passes_all_of_it_on(route: Route) -> None:
    figures = route.load("--sessions", "5", "--messages", "300", "--size", "1K:9,200K:1", "--recipients", "1:3,3:1")
    arrived(figures, 300)
    expect(figures["loop"] == "closed" and figures["ended"] == "messages", figures)
    expect(figures["recipients"]["accepted"] > 300, figures)
    arrived(route.load("--sessions", "3", "--messages", "100", "--bdat", "--chunk-size", "700", "--warm-up", "20"), 100)


def an_open_loop_keeps_its_rate(route: Route) -> None:
    plot = route.gateway.root / "latency.svg"
    figures = route.load("--rate", "200", "--arrivals", "poisson", "--duration", "2s", "--threads", "2", "--plot", str(plot))
    arrived(figures, figures["messages"]["sent"])
    expect(figures["ended"] == "duration" and figures["loop"] == "open", figures)
    # 400 with a standard deviation of 20; the schedule is the same in each run.
    expect(320 < figures["messages"]["sent"] < 480, figures)
    texts = [element.text for element in xml.etree.ElementTree.parse(plot).iter() if element.text]
    expect({"end to end", "letter", "99 %", "part of the letters"} <= set(texts), texts)


def tls_is_verified_and_resumed(route: Route) -> None:
    trust = ("--tls-ca", str(route.ca.pair.cert))
    figures = route.load("--tls", "starttls", *trust, "--sessions", "1", "--messages", "12", "--reuse", "3", "--tls-resume")
    arrived(figures, 12)
    expect(figures["connections"] == {"opened": 4, "failed": 0, "handshakes": 4, "resumed": 3}, figures)
    figures = route.load("--tls", "on-connect", *trust, "--sessions", "2", "--messages", "10", listener="mxs")
    arrived(figures, 10)
    expect(figures["connections"]["handshakes"] == figures["latency_ms"]["tls"]["count"] == 2, figures)
    other = Authority(route.gateway.root / "other")
    said = route.load("--tls", "starttls", "--tls-ca", str(other.pair.cert), "--sessions", "1", "--messages", "1",
                      status=UNAVAILABLE)["said"]
    expect("cannot be used" in said, said)
    # The system's authorities know nobody of the test.
    said = route.load("--tls", "starttls", "--tls-verify", "--sessions", "1", "--messages", "1", status=UNAVAILABLE)["said"]
    expect("cannot be used" in said, said)
    arrived(route.load("--tls", "starttls", "--sessions", "1", "--messages", "1"), 1)


def idle_and_slow_sessions_stay_beside_the_load(route: Route) -> None:
    child = route.start("--idle", "200", "--slow", "3", "--rate", "50", "--duration", "10m")
    try:
        # One more sends the letters.
        wait_until(lambda: route.gateway.sessions() >= 204, 20, "200 idle sessions, 3 slow ones and the load")
        wait_until(lambda: bool(route.gateway.log_lines("outcome=delivered")), 20, "a letter of the load has gone")
    except HarnessError:
        child.kill()
        raise
    child.send_signal(signal.SIGINT)
    figures = end(child)
    expect(figures["ended"] == "interrupted", figures)
    arrived(figures, figures["messages"]["sent"])
    expect(figures["held"] == {"idle": 200, "slow": 3, "lost": 0}, figures)


def it_logs_in(root: Path) -> None:
    sink = MailSink(root, "--quiet", "--auth", "ann:secret", "--auth-required", "--tls")
    try:
        tls = ("--tls", "starttls", "--sessions", "2", "--messages", "10", "--auth-user", "ann")
        taken(load(sink.server, *tls, "--auth-password", "secret"), 10)
        expect({letter["auth"] for letter in sink.letters()} == {"ann"}, sink.letters())
        said = load(sink.server, *tls, "--auth-password", "mistaken7", status=UNAVAILABLE)["said"]
        expect("535" in said and "mistaken7" not in said, said)
    finally:
        sink.close()


def refusals_are_counted_by_reply(root: Path) -> None:
    sink = Sink(root / "sink", OUTSIDE, free_port(OUTSIDE), Options(refuse={
        "user3@company.ru": "450 4.3.1 not now", "user7@company.ru": "550 5.1.1 nobody"})).start()
    try:
        server = (OUTSIDE, sink.port)
        figures = load(server, "--sessions", "3", "--messages", "200", "--users", "10", status=SOME_FAILED)
        expect(figures["messages"]["accepted"] == sink.count == 160 and figures["messages"]["failed"] == 40, figures)
        rows = {(row["step"], row["code"], row["enhanced"], row["example"]): row["count"] for row in figures["errors"]}
        expect(rows == {("rcpt", 450, "4.3.1", "450 4.3.1 not now"): 20, ("rcpt", 550, "5.1.1", "550 5.1.1 nobody"): 20}, rows)
        figures = load(server, "--sessions", "1", "--messages", "20", "--users", "10", "--recipients", "10", status=SOME_FAILED)
        expect(figures["messages"]["accepted"] == 20, figures)
        expect(figures["recipients"] == {"accepted": 160, "refused": 40}, figures)
    finally:
        sink.stop()


def good_replies_are_not_why_a_connection_went(_root: Path) -> None:
    server = Leaving()
    server.start()
    figures = load(server.server, "--sessions", "1", "--messages", "1", "--size", "50M", "--bdat", status=SOME_FAILED)
    rows = [(row["kind"], row["code"]) for row in figures["errors"]]
    expect(rows == [("closed", 0)], figures["errors"])


def a_stall_counts_for_all_that_was_due(_root: Path) -> None:
    open_loop, closed_loop = Stalling(1.0), Stalling(1.0)
    open_loop.start()
    closed_loop.start()
    figures = load(open_loop.server, "--rate", "100", "--messages", "60", "--max-sessions", "1")
    taken(figures, 60)
    spans = figures["latency_ms"]
    # All were due within 0.6 s of the first, and none was answered before about 1 s: either end has a clock.
    expect(spans["letter"]["p50"] >= 500 and spans["data"]["max"] >= 950, spans)
    expect(figures["behind_schedule_ms"] >= 500, figures)
    spans = load(closed_loop.server, "--sessions", "1", "--messages", "60")["latency_ms"]
    expect(spans["letter"]["max"] >= 950 and spans["letter"]["p50"] < 500, spans)


def sources_take_turns(root: Path) -> None:
    sink = Sink(root / "sink", OUTSIDE, free_port(OUTSIDE)).start()
    try:
        taken(load((OUTSIDE, sink.port), "--sessions", "1", "--messages", "30", "--reuse", "1", "--source", *SOURCES), 30)
        clients = [message.client[0] for message in sink.messages]
        expect({source: clients.count(source) for source in SOURCES} == dict.fromkeys(SOURCES, 10), clients)
    finally:
        sink.stop()


def a_signal_ends_it_with_figures(root: Path) -> None:
    sink = Sink(root / "sink", OUTSIDE, free_port(OUTSIDE), keep=False).start()
    try:
        child = start((OUTSIDE, sink.port), "--rate", "100", "--duration", "10m")
        expect(sink.wait_for(20, 20), "nothing arrived")
        child.send_signal(signal.SIGINT)
        figures = end(child)
        expect(figures["ended"] == "interrupted", figures)
        expect(20 <= figures["messages"]["accepted"] <= sink.count, (figures, sink.count))
    finally:
        sink.stop()


def what_never_arrives_is_waited_for_as_told(root: Path) -> None:
    """Letters that are taken, and do not come to the sink of the load."""
    sink = Sink(root / "sink", OUTSIDE, free_port(OUTSIDE), keep=False).start()
    nowhere = ("--sessions", "1", "--messages", "3", "--sink", f"{WORKSPACE}:{free_port(WORKSPACE)}")
    try:
        child = start((OUTSIDE, sink.port), *nowhere, "--sink-wait", "100ms")
        try:
            child.wait(20)    # 30 s are what is not told
        finally:
            child.kill()
        figures = end(child, SOME_FAILED)
        expect(figures["messages"]["accepted"] == 3 and figures["messages"]["delivered"] == 0, figures)
        said = load((OUTSIDE, sink.port), *nowhere, "--sink-wait", "soon", status=WRONG_USE)["said"]
        expect("--sink-wait" in said, said)
    finally:
        sink.stop()


def progress_is_one_line_of_a_terminal(root: Path) -> None:
    sink = Sink(root / "sink", OUTSIDE, free_port(OUTSIDE), keep=False).start()
    terminal = Terminal()
    child = start((OUTSIDE, sink.port), "--rate", "100", "--duration", "10m", err=terminal.theirs)
    terminal.close_theirs()
    try:
        terminal.wait_for(b" taken  ")
        terminal.wait_for(b" sessions")
        child.send_signal(signal.SIGINT)
        figures = end(child)
    finally:
        child.kill()
        text = terminal.close()
        sink.stop()
    expect(figures["ended"] == "interrupted", figures)
    shown = [line for line in text.split("\r\x1b[K") if line]
    line = re.compile(r"\d+ s  \d+ taken  \d+/s  0 failed  \d+ sessions")
    expect(shown and all(line.fullmatch(one) for one in shown), repr(text))
    expect(text.endswith("\r\x1b[K"), f"the line stays: {text!r}")


def what_cannot_work_is_said_at_once(root: Path) -> None:
    nobody = (GATEWAY, free_port(GATEWAY))
    expect("refused" in load(nobody, "--sessions", "1", "--messages", "1", status=UNAVAILABLE)["said"], "nothing listens")
    for options, advice in ((["--sessions", "1"], "--duration 30s or --messages N"), (["--rate", "5", "--messages", "1", "--size", "9X"], "10K"),
                            (["--sesions", "1"], '"--sessions"')):
        said = load(nobody, *options, status=WRONG_USE)["said"]
        expect(advice in said, said)
    sink = Sink(root / "sink", OUTSIDE, free_port(OUTSIDE)).start()
    try:
        server = (OUTSIDE, sink.port)
        said = load(server, "--sessions", "1", "--messages", "1", "--bdat", status=UNAVAILABLE)["said"]
        expect("CHUNKING" in said, said)
        command = [str(executable()), "load", "--server", OUTSIDE, "--port", str(sink.port), "--sessions", "1", "--messages", "2",
                   "--json", str(root / "missing" / "figures.json")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        expect(done.returncode == CANNOT_WRITE and "figures.json" in done.stderr, done)
        expect(re.search(r"taken +2 of 2 letters", done.stdout) is not None, done.stdout)
    finally:
        sink.stop()


def few_descriptors_are_said_before_anything_is_sent(_root: Path) -> None:
    command = ["sh", "-c", 'ulimit -n 100; exec "$0" "$@"', str(executable()), "load", "--sessions", "500", "--messages", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    expect(done.returncode == WRONG_USE and "ulimit" in done.stderr, done)


def with_route(test: Callable[[Route], None]) -> Callable[[Path], None]:
    return with_party(Route, test)


TESTS: list[Callable[[Path], None]] = [
    smtp_sink_has_every_letter,
    with_route(postern_passes_all_of_it_on),
    with_route(an_open_loop_keeps_its_rate),
    with_route(tls_is_verified_and_resumed),
    with_route(idle_and_slow_sessions_stay_beside_the_load),
    it_logs_in,
    refusals_are_counted_by_reply,
    good_replies_are_not_why_a_connection_went,
    a_stall_counts_for_all_that_was_due,
    sources_take_turns,
    a_signal_ends_it_with_figures,
    what_never_arrives_is_waited_for_as_told,
    progress_is_one_line_of_a_terminal,
    what_cannot_work_is_said_at_once,
    few_descriptors_are_said_before_anything_is_sent,
]


def main() -> int:
    tally = Tally()
    tally.in_folders(TESTS, "postern-load-", 0o755)    # smtp-sink is nobody
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
