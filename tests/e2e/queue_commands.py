# SPDX-License-Identifier: Apache-2.0
"""`postern queue` against a gateway whose next hop is dead: every command, its filters and its exit status."""

import json
import os
import pty
import signal
import smtplib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from gateway import Gateway, executable
from ports import WORKSPACE, free_port
from process import HarnessError, expect, wait_until
from sink import Sink
from tally import Tally, with_party

DONE, NOTHING, WRONG_USE, NOT_RUNNING, NOT_PERMITTED = 0, 1, 2, 69, 77

CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"

[[listener]]
name = "mx"
bind = "127.0.0.1:0"
delivery = "queue"

[[domain]]
name = "company.ru"
mailboxes = "vk"

[[next_hop]]
name = "vk"
hosts = ["{address}:{port}"]

[retry]
first = "1h"
max = "1h"
"""


class Queue:
    """The gateway with a next hop that nobody listens for (until `revive()`), and the commands on it."""

    def __init__(self, root: Path):
        self.root = root
        self.port = free_port(WORKSPACE)
        self.data = root / "data"
        config = CONFIG.format(data=self.data, address=WORKSPACE, port=self.port)
        self.gateway = Gateway("gateway", root, config)
        self.sink: Sink | None = None

    def start(self) -> "Queue":
        self.gateway.start()
        return self

    def revive(self) -> Sink:
        self.sink = Sink(self.root / "sink", WORKSPACE, self.port).start()
        return self.sink

    def close(self) -> None:
        self.gateway.stop()
        if self.sink:
            self.sink.stop()

    def run(self, *words: str, status: int | None = DONE, command: str = "queue", **options) -> str:
        """What it printed; `status` None: done or nothing matched."""
        command = [str(executable()), command, *words, "--config", str(self.gateway.config)]
        options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)
        said = done.stdout + done.stderr
        if done.returncode not in ((DONE, NOTHING) if status is None else (status,)):
            raise HarnessError(f"queue {' '.join(words)}: status {done.returncode}, not {status}:\n{said}")
        return said

    def json(self, *words: str, status: int | None = DONE) -> list[dict]:
        return [json.loads(line) for line in self.run(*words, "--json", status=status).splitlines()]

    def send(self, sender: str, recipients: list[str], subject: str = "queue") -> str:
        """Its id, once its lane knows that the next hop is dead, or has it wait for that."""
        before = self.ids()
        with smtplib.SMTP(*self.gateway.endpoints["mx"], timeout=20) as client:
            message = f"Subject: {subject}\r\nX-Esc: a\x1b[31mb\r\n\r\nthe body of {subject}\r\n"
            client.sendmail(sender, recipients, message.encode())
        new = self.ids() - before
        expect(len(new) == 1, f"one letter is new, not {new}")
        return new.pop()

    def ids(self, *filters: str, status: int | None = None) -> set[str]:
        return {message["id"] for message in self.json("list", *filters, status=status)}

    def three(self) -> tuple[str, str, str]:
        """Three letters, of which the first two have been tried."""
        one = self.send("a@corp.com", ["u1@company.ru"], "one")
        two = self.send("b@corp.com", ["u2@company.ru", "u3@company.ru"], "two")
        wait_until(lambda: len(self.ids("--state", "deferred")) == 2, 20, "two were tried")
        three = self.send("s@company.ru", ["u4@company.ru"], "three")
        return one, two, three


def expect_in(needle: str, text: str) -> None:
    expect(needle in text, f"{needle!r} is not in:\n{text}")


# ---- without a gateway ----

def says_that_postern_is_not_running(queue: Queue) -> None:
    for words in (["list"], ["stats"], ["show", "0ABCDEFGHJKMN"], ["remove", "--all", "--yes"]):
        said = queue.run(*words, status=NOT_RUNNING)
        expect_in("postern is not running", said)
        expect_in(str(queue.data / "control"), said)
        expect(said.count("\n") == 1, f"one line:\n{said}")


def tells_wrong_use_from_everything_else(queue: Queue) -> None:
    expect_in("which letters", queue.run("hold", status=WRONG_USE))
    expect_in("either ids, or filters", queue.run("hold", "0ABCDEFGHJKMN", "--hop", "vk", status=WRONG_USE))
    expect_in("is no id", queue.run("show", "nonsense", status=WRONG_USE))
    expect_in("--state", queue.run("list", "--state", "lost", status=WRONG_USE))
    expect_in("--older", queue.run("list", "--older", "soon", status=WRONG_USE))
    expect_in('"--recipient"', queue.run("list", "--recipent", "x", status=WRONG_USE))
    expect_in("list", queue.run("lst", status=WRONG_USE))
    expect_in("there is no terminal", queue.run("remove", "--all", status=WRONG_USE))
    queue.gateway.config.write_text("data_dir = 5\n")
    expect_in("data_dir must be a path", queue.run("list", status=WRONG_USE))
    queue.gateway.config.unlink()
    expect_in("cannot be read", queue.run("list", status=WRONG_USE))
    expect_in("deferred", queue.run("list", "--help"))


# ---- with one ----

def lists_and_filters(queue: Queue) -> None:
    expect_in("the queue is empty", queue.start().run("list"))
    one, two, three = queue.three()
    queue.run("hold", three)
    text = queue.run("list")
    expect_in("3 messages, 4 recipients", text)
    expect_in("b@corp.com -> u2@company.ru, u3@company.ru | 4", text)
    expect(text.index(one) < text.index(two) < text.index(three), f"oldest first:\n{text}")
    message = next(m for m in queue.json("list") if m["id"] == two)
    expect(message["sender"] == "b@corp.com" and message["size"] > 50, f"{message}")
    recipient = message["recipients"][1]
    expect(recipient["address"] == "u3@company.ru" and recipient["lane"] == "vk", f"{recipient}")
    expect(recipient["attempts"] == 1 and recipient["last_reply"].startswith("4"), f"{recipient}")
    filters: list[tuple[list[str], set[str]]] = [
        (["--hop", "vk"], {one, two, three}), (["--hop", "exchange"], set()),
        (["--sender", "*@CORP.com"], {one, two}), (["--sender", "<a@corp.com>"], {one}), (["--sender", "<>"], set()),
        (["--recipient", "u3@*"], {two}), (["--recipient", "*"], {one, two, three}),
        (["--older", "0s"], {one, two, three}), (["--older", "1h"], set()),
        (["--state", "deferred"], {one, two}), (["--state", "held"], {three}),
        (["--state", "deferred", "--recipient", "u1@company.ru"], {one}),
    ]
    for words, wanted in filters:
        found = queue.ids(*words, status=DONE if wanted else NOTHING)
        expect(found == wanted, f"{words}: {found}, not {wanted}")


def shows_one_letter(queue: Queue) -> None:
    _, two, _ = queue.start().three()
    text = queue.run("show", two)
    for needle in (two, "<b@corp.com>", "<u2@company.ru>", "<u3@company.ru>  pending, next hop vk, 1 attempt, next try",
                   "last reply", "tried 20", "Subject: two", "client     127.0.0.1", "\\x1b[31m"):
        expect_in(needle, text)
    expect("the body of" not in text and "\x1b" not in text, f"headers alone, and harmless:\n{text}")
    expect_in("the body of two", queue.run("show", two, "--body"))
    [message] = queue.json("show", two, "--body")
    expect(message["message"].endswith("\r\n\r\nthe body of two\r\n"), f"{message}")
    expect_in("there is no message", queue.run("show", "0ABCDEFGHJKMN", status=NOTHING))


def holds_releases_and_retries(queue: Queue) -> None:
    one, two, three = queue.start().three()
    expect_in("2 messages held", queue.run("hold", one, two))
    expect_in("held already", queue.run("hold", one))
    expect(queue.ids("--state", "held") == {one, two}, "two are held")
    expect_in("is held: release it", queue.run("retry", one, status=NOTHING))
    expect_in("is not held", queue.run("release", three, status=NOTHING))
    sink = queue.revive()
    expect_in("dry run", queue.run("retry", "--all", "--dry-run"))
    expect(sink.count == 0, "a dry run changes nothing")
    # Two of the three are held: one is scheduled, two refuse.
    expect_in("1 message scheduled", queue.run("retry", "--all", status=NOTHING))
    expect(sink.wait_for(1, 20), "what is not held was not delivered")
    wait_until(lambda: queue.ids() == {one, two}, 20, "it has left the queue")
    expect(sink.count == 1, "what is held was delivered")
    expect_in("1 message released", queue.run("release", "--sender", "a@corp.com"))
    expect_in("1 message released", queue.run("release", two))
    # Their next try is an hour away.
    queue.run("retry", one, two)
    expect(sink.wait_for(3, 20), "a retry did not deliver")
    wait_until(lambda: not queue.ids(), 20, "the queue is empty")
    expect(sorted(r for m in sink.messages for r in m.recipients) == [f"u{n}@company.ru" for n in (1, 2, 3, 4)],
           "each once")


def removes(queue: Queue) -> None:
    one, two, three = queue.start().three()
    expect_in("dry run: nothing was changed", queue.run("remove", one, "--dry-run"))
    expect_in("there is no terminal", queue.run("remove", one, status=WRONG_USE))
    expect(len(queue.ids()) == 3, "nothing is gone yet")
    expect_in(f"{one} removed: 1 recipient", queue.run("remove", one, "--yes"))
    expect_in("not in the queue", queue.run("remove", one, "--yes", status=NOTHING))
    expect(queue.ids() == {two, three}, "one is gone")
    # By filter, the recipients that it means.
    expect_in(f"{two} removed: 1 recipient", queue.run("remove", "--recipient", "u3@*", "--yes"))
    wait_until(lambda: queue.ids("--recipient", "u2@company.ru") == {two}, 10, "the other recipient stays")
    expect_in("no message", queue.run("remove", "--hop", "exchange", "--yes", status=NOTHING))
    queue.run("hold", two)
    expect_in("2 messages removed", queue.run("remove", "--all", "--yes"))
    expect_in("the queue is empty", queue.run("list"))
    ledger = queue.json("stats")[0]["ledger"]
    expect(ledger["discarded"] == 4 and ledger["queued"] == 0 and ledger["balances"], f"{ledger}")


def bounces(queue: Queue) -> None:
    _, _, three = queue.start().three()
    expect_in(f"{three} bounced: 1 recipient", queue.run("bounce", three, "--yes"))
    [report] = queue.json("list", "--sender", "<>")
    expect(report["recipients"][0]["address"] == "s@company.ru", f"{report}")
    text = queue.run("show", report["id"], "--body")
    for needle in ("554 5.0.0 delivery cancelled by the administrator", "u4@company.ru", "Subject: three"):
        expect_in(needle, text)
    expect(three not in queue.ids(), "what was bounced is gone")
    # R17: a report is not answered, whatever an operator does.
    queue.run("hold", report["id"])
    queue.run("bounce", report["id"], "--yes")
    expect(not queue.ids("--sender", "<>", status=NOTHING), "the null sender is not answered")
    expect(queue.json("stats")[0]["ledger"]["bounced"] == 2, "two were given up")


def asks_on_a_terminal(queue: Queue) -> None:
    one, _, _ = queue.start().three()
    for answer, status, count in (("n\n", NOTHING, 3), ("\n", NOTHING, 3), ("y\n", DONE, 2)):
        master, terminal = pty.openpty()
        os.write(master, answer.encode())
        said = queue.run("remove", one, stdin=terminal, status=status)
        os.close(master)
        os.close(terminal)
        expect_in("remove 1 message (1 recipient)? [y/N]", said)
        expect_in(one, said)
        expect(len(queue.ids()) == count, f"{count} are left after {answer!r}")


def tells_figures(queue: Queue) -> None:
    queue.start().three()
    stats = queue.json("stats")[0]
    expect(stats["ledger"]["accepted"] == 4 and stats["ledger"]["queued"] == 4, f"{stats}")
    expect(stats["queue"]["messages"] == 3 and stats["spool"]["health"] == "good", f"{stats}")
    [lane] = [lane for lane in stats["lanes"] if lane["name"] == "vk"]
    expect(lane["state"] == "blocked" and lane["waiting"] == 3, f"{lane}")
    memory = stats["memory"]
    parts = ["memtables", "block_cache", "bodies", "letters", "tables", "other"]
    expect(sum(memory[part] for part in parts) == memory["allocated"], f"the parts are all: {memory}")
    expect(memory["resident"] > 1 << 20 and memory["other"] > 0, f"{memory}")
    # Those that were tried are not kept at hand; the third waits for its first try, or has had it.
    expect(memory["letters_count"] <= 1 and memory["letters"] >= 500 * memory["letters_count"], f"{memory}")
    expect(0 < memory["memtables"] <= memory["memtables_limit"], f"{memory}")
    expect(memory["block_cache"] <= memory["block_cache_limit"] == 32 << 20, f"{memory}")
    text = queue.run("stats")
    for needle in ("in the queue  3 messages", "accepted", "vk", "blocked", "octets_written", "memtables", "of at most 384M"):
        expect_in(needle, text)
    for part in parts:
        expect_in(f'postern_memory_octets{{part="{part}"}}', queue.run(command="stats"))
    queue.run("remove", "--all", "--yes")
    [lane] = [lane for lane in queue.json("stats")[0]["lanes"] if lane["name"] == "vk"]
    expect(lane["waiting"] == 0, f"what is gone waits no more: {lane}")


def tells_of_the_next_hops(queue: Queue) -> None:
    def hops(*words: str, status: int = DONE) -> str:
        return queue.run(*words, status=status, command="hops")

    expect_in("postern is not running", hops(status=NOT_RUNNING))
    queue.start().three()
    hop = json.loads(hops("vk", "--json"))
    expect(hop["circuit"] == "open" and hop["waiting"] == 3, f"{hop}")
    [host] = hop["hosts"]
    expect(host["state"] == "penalised" and host["last_failure"]["text"], f"{host}")
    expect_in("vk: circuit open, next try in", hops())
    expect_in('there is no next hop "exchange"', hops("exchange", status=NOTHING))
    expect_in("--jsn", hops("--jsn", status=WRONG_USE))
    queue.revive()
    queue.run("retry", "--all")
    wait_until(lambda: not queue.ids(), 20, "the queue is empty")
    [host] = json.loads(hops("--json"))["hosts"]
    expect(host["state"] == "up" and host["address"] == f"{WORKSPACE}:{queue.port}", f"{host}")


def a_probe_finds_a_host_again(queue: Queue) -> None:
    def hop() -> dict:
        return json.loads(queue.run("vk", "--json", command="hops"))

    config = queue.gateway.config
    config.write_text(config.read_text().replace("hosts = [", 'probe = "1s"\nhosts = ['))
    queue.start().three()
    wait_until(lambda: hop()["hosts"][0]["state"] == "down", 20, "a probe finds the host down")
    expect(hop()["circuit"] == "open" and hop()["hosts"][0]["last_probe"]["good"] is False, f"{hop()}")
    sink = queue.revive()
    # Their next try is an hour away.
    expect(sink.wait_for(3, 20), "a good probe lets what waits go")
    wait_until(lambda: hop()["circuit"] == "closed" and hop()["waiting"] == 0, 20, "the circuit is closed")
    expect(hop()["hosts"][0]["last_probe"]["good"], f"{hop()}")


def belongs_to_its_owner(queue: Queue) -> None:
    queue.start()
    control = queue.data / "control"
    expect(oct(control.stat().st_mode)[-4:] == "0600", f"{control}: {oct(control.stat().st_mode)}")
    if os.getuid() != 0:
        return
    queue.root.chmod(0o755)
    queue.data.chmod(0o700)
    for _ in range(2):
        program = os.open(executable(), os.O_RDONLY)  # the build's own folder may be closed to others
        said = queue.run("list", status=NOT_PERMITTED, user="nobody", group="nogroup", extra_groups=[],
                         executable=f"/proc/self/fd/{program}", pass_fds=[program])
        os.close(program)
        expect_in("belongs to root", said)
        queue.data.chmod(0o755)  # now the socket's own mode is what refuses


def survives_a_kill(queue: Queue) -> None:
    ids = set(queue.start().three())
    os.kill(queue.gateway.pid, signal.SIGKILL)
    wait_until(lambda: not queue.gateway.alive(), 10, "it is dead")
    control = queue.data / "control"
    expect(control.is_socket(), "a dead process leaves its socket")
    expect_in("postern is not running", queue.run("list", status=NOT_RUNNING))
    queue.gateway.start()
    wait_until(lambda: queue.ids() == ids, 10, "the queue is there again")
    queue.gateway.stop()
    expect(not control.exists(), "a gateway that ends takes its socket along")
    expect_in("postern is not running", queue.run("list", status=NOT_RUNNING))


TESTS: list[Callable[[Queue], None]] = [
    says_that_postern_is_not_running, tells_wrong_use_from_everything_else, lists_and_filters, shows_one_letter,
    holds_releases_and_retries, removes, bounces, asks_on_a_terminal, tells_figures, tells_of_the_next_hops,
    a_probe_finds_a_host_again, belongs_to_its_owner, survives_a_kill,
]


def main() -> int:
    tally = Tally()
    tally.in_folders((with_party(Queue, test) for test in TESTS), "postern-queue-")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
