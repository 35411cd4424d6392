# SPDX-License-Identifier: Apache-2.0
"""Clients that come again after a 4xx, as mail servers do, until each recipient was taken or refused for good."""

import random
import smtplib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_PAUSE = 0.3            # until the next try of what was deferred
_RECIPIENTS = 3         # of a letter, at most
_BACK = "client.example"


@dataclass
class Letter:
    """`open` are the recipients without a final reply; each of the others is in one of the two sets."""
    marker: str
    open: list[str]
    taken: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    tries: int = 0
    due: float = 0.0

    @property
    def sender(self) -> str:
        return f"{self.marker}@{_BACK}"

    def octets(self) -> bytes:
        return (f"From: load@{_BACK}\r\nSubject: {self.marker}\r\nX-Postern-Test: {self.marker}\r\n\r\n"
                f"{self.marker} is the body.\r\n").encode()


class Client(threading.Thread):
    """Sends letters to recipients of `choose` until the load pauses or ends, and at the end what is open."""

    def __init__(self, name: str, server: tuple[str, int], choose: Callable[[random.Random], str], load: "Load"):
        super().__init__(daemon=True)
        self._server, self._choose, self._load = server, choose, load
        self._name = name
        self._chance = random.Random(name)
        self.letters: list[Letter] = []
        self.turns = 0    # transactions begun

    def run(self) -> None:
        while not self._load.ended() or self.waiting():
            try:
                with smtplib.SMTP(*self._server, local_hostname=_BACK, timeout=30) as session:
                    for _ in range(20):
                        letter = self._next()
                        if letter is None:
                            break
                        self._send(session, letter)
            except (OSError, smtplib.SMTPException) as error:
                self._load.problem(f"{self._name}: {error!r}")
            if self._load.given_up():
                return
            time.sleep(0.02)

    def waiting(self) -> list[Letter]:
        return [letter for letter in self.letters if letter.open]

    def _next(self) -> Letter | None:
        now = time.monotonic()
        for letter in self.waiting():
            if letter.due <= now:
                return letter
        if self._load.ended() or len(self.waiting()) > 20:
            return None
        chosen = [self._choose(self._chance) for _ in range(self._chance.randint(1, _RECIPIENTS))]
        one_a_user = {address.partition("@")[0]: address for address in chosen}
        letter = Letter(f"{self._name}-{len(self.letters):05d}", list(one_a_user.values()))
        self.letters.append(letter)
        return letter

    def _send(self, session: smtplib.SMTP, letter: Letter) -> None:
        self.turns += 1
        letter.tries += 1
        letter.due = time.monotonic() + _PAUSE
        session.ehlo_or_helo_if_needed()
        code, said = session.mail(letter.sender)
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, said, letter.sender)
        taken = []
        for recipient in list(letter.open):
            code, said = session.rcpt(recipient)
            if code == 250:
                taken.append(recipient)
            elif 500 <= code < 600:
                letter.refused[recipient] = f"{code} {said.decode(errors='replace')}"
                letter.open.remove(recipient)
            else:
                self._load.deferred()
        if not taken:
            session.rset()
            return
        code, said = session.data(letter.octets())
        if code == 250:
            letter.taken.update(taken)
            letter.open = [one for one in letter.open if one not in taken]
            self._load.accepted(len(taken))
        elif 500 <= code < 600:
            letter.refused |= {one: f"{code} {said.decode(errors='replace')}" for one in taken}
            letter.open = [one for one in letter.open if one not in taken]
        else:
            self._load.deferred()


class Load:
    """All members may be used from the thread that made it."""

    def __init__(self, servers: dict[str, tuple[str, int]], choose: Callable[[random.Random], str], clients: int):
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._dropped = threading.Event()
        self._counts = {"deferred": 0, "accepted": 0}
        self.problems: list[str] = []
        self.clients = {name: [Client(f"{name}-{n}", server, choose, self) for n in range(clients)]
                        for name, server in servers.items()}
        for client in self._all():
            client.start()

    def _all(self) -> list[Client]:
        return [client for clients in self.clients.values() for client in clients]

    def ended(self) -> bool:
        return self._ending.is_set()

    def given_up(self) -> bool:
        return self._dropped.is_set()

    def _add(self, what: str, count: int) -> None:
        with self._lock:
            self._counts[what] += count

    def deferred(self) -> None:
        self._add("deferred", 1)

    def accepted(self, count: int) -> None:
        self._add("accepted", count)

    def problem(self, text: str) -> None:
        with self._lock:
            self.problems.append(text)

    def count(self, what: str) -> int:
        """"deferred": replies; "accepted": recipients."""
        with self._lock:
            return self._counts[what]

    def turns(self) -> list[int]:
        """By client: when a number has grown, what was open before has ended."""
        return [client.turns for client in self._all()]

    def end(self, seconds: float) -> dict[str, list[Letter]]:
        """No more letters; those that are open are brought to their end, for so long. By server."""
        self._ending.set()
        deadline = time.monotonic() + seconds
        for client in self._all():
            client.join(max(0.0, deadline - time.monotonic()))
        self._dropped.set()
        for client in self._all():
            client.join(35)
        return {name: [letter for client in clients for letter in client.letters] for name, clients in self.clients.items()}
