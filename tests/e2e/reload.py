# SPDX-License-Identifier: Apache-2.0
"""Reloads: while DNS is silent mail goes on being taken; by command they are guarded by the mail of before."""

import contextlib
import os
import signal
import smtplib
import socket
import subprocess
import sys
from pathlib import Path

from gateway import Gateway, executable
from ports import EXCHANGE, GATEWAY, WORKSPACE, free_port
from process import HarnessError, wait_until
from sink import Sink
from tally import Tally

# DNS that says nothing is waited for longer than a client waits for its greeting here: a gateway that blocks is seen.
CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"

[dns]
servers = ["127.0.0.1:{dns}"]
timeout = "60s"
tries = 1

[[listener]]
name = "mx"
bind = "127.0.0.1:0"

[[domain]]
name = "company.ru"
mailboxes = "vk"

[[next_hop]]
name = "vk"
hosts = ["{workspace}:{port}"]

[[next_hop]]
name = "exchange"
hosts = ["ex.company.ru:25"]
"""

TWO_WAYS = """
hostname = "gw.company.ru"
data_dir = "{data}"

[[listener]]
name = "mx"
bind = "127.0.0.1:0"

[[next_hop]]
name = "exchange"
hosts = ["{exchange}"]

[[next_hop]]
name = "vk"
hosts = ["{vk}"]

[[domain]]
name = "company.ru"
mailboxes = "vk"

[[route]]
domains = ["company.ru"]
via = "{via}"
"""


@contextlib.contextmanager
def running_sink(root: Path, address: str = WORKSPACE):
    sink = Sink(root / f"sink-{address}", address, free_port(address)).start()
    try:
        yield sink
    finally:
        sink.stop()


def deliver(gateway: Gateway, sink: Sink) -> None:
    count = sink.count
    with smtplib.SMTP(*gateway.endpoints["mx"], timeout=20) as client:
        client.sendmail("a@corp.com", ["u@company.ru"], b"Subject: reload\r\n\r\nbody\r\n")
    if not sink.wait_for(count + 1, 20):
        raise HarnessError("the client was told 250, and nothing arrived")


def reload_while_dns_is_silent(root: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dns, running_sink(root) as sink:
        dns.bind((GATEWAY, 0))
        dns.settimeout(20)
        config = CONFIG.format(data=root / "data", dns=dns.getsockname()[1], workspace=WORKSPACE, port=sink.port)
        gateway = Gateway("gateway", root, config).start()
        try:
            dns.recv(512)  # the start has asked, and went on without an answer
            deliver(gateway, sink)
            drain(dns)
            os.kill(gateway.pid, signal.SIGHUP)
            dns.recv(512)  # the reload asks, and waits
            deliver(gateway, sink)
        finally:
            gateway.stop()
        if not gateway.log_lines("source-not-resolved"):
            raise HarnessError("the log does not say that a source did not resolve")


def drain(dns: socket.socket) -> None:
    dns.setblocking(False)
    try:
        while True:
            dns.recv(512)
    except BlockingIOError:
        dns.settimeout(20)


def hang_up_at_the_start(root: Path) -> None:
    """SIGHUP as early as can be: `postern serve` must not die of it."""
    with running_sink(root) as sink:
        config = CONFIG.format(data=root / "data", dns=free_port(GATEWAY), workspace=WORKSPACE, port=sink.port)
        gateway = Gateway("gateway", root, config.replace("ex.company.ru", "10.0.0.5"))
        gateway.on_spawn = hang_up_when_held
        gateway.start()
        try:
            deliver(gateway, sink)
        finally:
            gateway.stop()


def hang_up_when_held(pid: int) -> None:
    """SIGHUP as soon as main() holds it back or has a handler; before that it is the program loader's."""
    hang_up = 1 << (signal.SIGHUP - 1)
    wait_until(lambda: any(int(status(pid)[mask], 16) & hang_up for mask in ("SigBlk", "SigCgt")), 20, "SIGHUP is held")
    os.kill(pid, signal.SIGHUP)


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def command(*words: str, status: int) -> str:
    """What `postern WORDS` printed; a failure when it ends otherwise."""
    done = subprocess.run([str(executable()), *words], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != status:
        raise HarnessError(f"{' '.join(words)}: status {done.returncode}, not {status}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def expect(text: str, *needles: str) -> None:
    for needle in needles:
        if needle not in text:
            raise HarnessError(f"there is no {needle!r} in:\n{text}")


def arrives(session: smtplib.SMTP, sink: Sink) -> None:
    count = sink.count
    session.sendmail("boss@corp.com", ["u@company.ru"], b"Subject: reload\r\n\r\nbody\r\n")
    if not sink.wait_for(count + 1, 20):
        raise HarnessError(f"the letter did not come to {sink.address}")


def guarded_reloads(root: Path) -> None:
    """One session all the while: each of its letters goes by the config that is in force at its MAIL."""
    with running_sink(root, EXCHANGE) as exchange, running_sink(root, WORKSPACE) as vk:
        def config(via: str) -> str:
            return TWO_WAYS.format(data=root / "data", exchange=f"{EXCHANGE}:{exchange.port}",
                                   vk=f"{WORKSPACE}:{vk.port}", via=via)
        gateway = Gateway("gateway", root, config("exchange")).start()
        at = ("--config", str(gateway.config))
        new = root / "new.toml"
        new.write_text(config("vk"))
        try:
            with smtplib.SMTP(*gateway.endpoints["mx"], timeout=20) as session:
                for _ in range(5):
                    arrives(session, exchange)
                expect(command("reload", *at, "--guard", "0%", status=0), "5 stay", "is in force")
                expect(command("replay", "--config", str(new), status=1), "5 recipients: exchange -> vk, because")
                gateway.config.write_text(config("vk"))
                expect(command("reload", *at, "--guard", "5%", status=1), "5 recipients: exchange -> vk", "guard")
                arrives(session, exchange)
                expect(command("reload", *at, "--dry-run", status=0), "6 recipients: exchange -> vk")
                arrives(session, exchange)
                expect(command("reload", *at, status=0), "is in force")
                arrives(session, vk)
                gateway.config.write_text(config("nowhere"))
                expect(command("reload", *at, status=2), f"{gateway.config}:23:7: error: route.via", "goes on")
                arrives(session, vk)
                gateway.config.write_text(config("exchange"))
                os.kill(gateway.pid, signal.SIGHUP)
                wait_until(lambda: len(gateway.log_lines(" reloaded ")) == 3, 20, "SIGHUP has reloaded")
                arrives(session, exchange)
            command("reload", *at, "--dry-run", status=0)  # the records are in the file
            gateway.kill()
            said = command("replay", "--config", str(new), status=1)
            expect(said, "8 recipients: exchange -> vk", "10 envelopes")
            expect(command("reload", *at, status=69), "postern is not running")
        finally:
            if gateway.alive():
                gateway.stop()


def main() -> int:
    tally = Tally()
    tally.in_folders((reload_while_dns_is_silent, hang_up_at_the_start, guarded_reloads), "postern-reload-")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
