# SPDX-License-Identifier: Apache-2.0
"""A gateway that is killed with letters in its queue, and started again when a test has damaged what is on its disk."""

import random
import re
import smtplib
import socket
from dataclasses import dataclass
from pathlib import Path

from ports import WORKSPACE
from process import HarnessError, expect, tail, wait_until
from queue_commands import Queue
from spool_log import Group, groups, key

_RAW = bytes(octet for octet in range(256) if octet not in b"\r\n\0")
_NAMED = re.compile(r"letter (\w{13}) was moved aside: (.*)")
_CANNOT_START = 1


@dataclass
class Letter:
    sender: str
    recipients: list[str]
    body: bytes     # octets that cannot be packed
    id: str = ""


class Damage(Queue):
    """A gateway with letters that nobody has tried yet: its next hop takes connections and says nothing."""

    def __init__(self, root: Path):
        super().__init__(root)
        self.letters: list[Letter] = []
        self.chance = random.Random(4)
        self._silent: socket.socket | None = None

    def start(self) -> "Damage":
        self.be_silent()
        super().start()
        return self

    def be_silent(self) -> None:
        self._silent = socket.create_server((WORKSPACE, self.port))

    def fill(self, count: int, octets: int = 2000) -> list[Letter]:
        """One by one, each in a group of its own; every third has two recipients."""
        with smtplib.SMTP(*self.gateway.endpoints["mx"], timeout=20) as client:
            for number in range(len(self.letters), len(self.letters) + count):
                users = [f"u{number}@company.ru", f"v{number}@company.ru"][:2 if number % 3 == 0 else 1]
                raw = bytes(self.chance.choices(_RAW, k=octets))
                body = b"".join(raw[at:at + 900] + b"\r\n" for at in range(0, octets, 900))
                letter = Letter(f"s{number}@corp.com", users, body)
                client.sendmail(letter.sender, users, b"Subject: damage\r\n\r\n" + letter.body, ["BODY=8BITMIME"])
                self.letters.append(letter)
        ids = {message["sender"]: message["id"] for message in self.json("list")}
        for letter in self.letters:
            letter.id = ids[letter.sender]
        return self.letters

    def kill(self) -> Path:
        """As a crash; the log that all of it is in."""
        self.gateway.kill()
        logs = [path for path in (self.data / "db").glob("*.log") if path.stat().st_size > 0]
        expect(len(logs) == 1, f"one log has the letters: {logs}")
        return logs[0]

    def group_of(self, log: Path, letter: Letter) -> Group:
        """The one that the letter came with."""
        return next(group for group in groups(log) if key(b"e", letter.id) in group.octets)

    def aside(self, name: str) -> bytes:
        path = self.data / "damaged" / name
        expect(path.exists(), f"{path} is there, and not only {sorted(one.name for one in path.parent.iterdir())}")
        return path.read_bytes()

    def expect_envelope(self, letter: Letter) -> None:
        envelope = self.aside(f"{letter.id}.envelope")
        for part in letter.sender.encode().split(b"@"):
            expect(part in envelope, f"the envelope of {letter.sender} is kept, not {envelope}")

    def named(self) -> dict[str, str]:
        """Letters that the gateway's log says are lost, and why."""
        return {found[1]: found[2] for line in self.gateway.log_lines("was moved aside") if (found := _NAMED.search(line))}

    def start_again(self) -> None:
        """Now with a next hop that takes all."""
        if self._silent is not None:
            self._silent.close()
        self.revive()
        self.gateway.start()

    def check(self, lost: list[Letter], named: list[Letter] | None = None, counted: bool = True) -> None:
        """All but what is lost arrives, once and whole; the lost letters (of those, `named`) are told; the books are right.
        Not `counted`: it may have been an earlier start that has told and counted them."""
        names = {letter.id for letter in (lost if named is None else named)}
        kept = [letter for letter in self.letters if letter not in lost]
        wait_until(lambda: self.sink.count >= len(kept) and not self.ids(), 20, f"{len(kept)} letters are delivered")
        got = sorted((message.sender, tuple(message.recipients)) for message in self.sink.messages)
        wanted = sorted((letter.sender, tuple(letter.recipients)) for letter in kept)
        expect(got == wanted, f"each of {wanted} once, not {got}")
        bodies = {letter.sender: letter.body for letter in kept}
        for message in self.sink.messages:
            expect(message.octets().endswith(b"\r\n\r\n" + bodies[message.sender]), f"{message.sender} is whole")
        expect(self.named().keys() == names, f"{names} are named in the log, not {self.named()}")
        self.check_ledger(lost)
        if counted:
            self.check_counters(len(names))

    def check_ledger(self, lost: list[Letter]) -> None:
        [stats] = self.json("stats")
        ledger = stats["ledger"]
        accepted = sum(len(letter.recipients) for letter in self.letters)
        damaged = sum(len(letter.recipients) for letter in lost)
        expected = {"accepted": accepted, "delivered": accepted - damaged, "bounced": 0, "discarded": 0, "queued": 0,
                    "damaged": damaged, "balances": True}
        expect(ledger == expected, f"the ledger is {ledger}, not {expected}")
        expect(not list((self.data / "db").glob("*mended")), "nothing of the mending is left behind")

    def check_counters(self, named: int) -> None:
        [stats] = self.json("stats")
        expect(stats["spool"]["damaged_records"] == named, f"{named} damaged records, not {stats['spool']}")
        [metric] = re.findall(r"^postern_queue_damaged_messages_total (\d+)", self.run(command="stats"), re.M) or ["0"]
        expect(int(metric) == named, f"{named} in the metrics, not {metric}")

    def told_once(self) -> None:
        """Another start finds nothing."""
        before = self.named()
        lines = len(self.gateway.log_lines("was moved aside"))
        self.gateway.stop()
        self.gateway.start()
        expect(len(self.gateway.log_lines("was moved aside")) == lines, f"{before} are told once")
        [stats] = self.json("stats")
        expect(stats["ledger"]["balances"] and stats["spool"]["damaged_records"] == 0, f"{stats}")

    def refused(self) -> str:
        """It does not start; what it said."""
        size = self.gateway.log.stat().st_size
        try:
            self.gateway.start()
        except HarnessError:
            expect(self.gateway.status() == _CANNOT_START, f"status {self.gateway.status()}, not {_CANNOT_START}")
            return self.gateway.log.read_text(errors="replace")[size:]
        raise HarnessError(f"it starts although the log cannot be mended\n{tail(self.gateway.log)}")

    def close(self) -> None:
        super().close()
        if self._silent is not None:
            self._silent.close()
