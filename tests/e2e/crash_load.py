# SPDX-License-Identifier: Apache-2.0
"""Clients in processes of their own that send numbered messages and remember which of them were answered with 250."""

import base64
import multiprocessing
import random
import socket
import threading
import time

import process
from crash_sink import REFUSED, subject

FAST, SLOW, BACK = "fast.example", "slow.example", "client.example"    # BACK: where reports go
_FORK = multiprocessing.get_context("fork")
_TEXT = b"".join(b"%06d is a line of text that somebody wrote, and .\r\n..dots at the start of a line\r\n" % n for n in range(6000))
_OCTETS = random.Random("octets").randbytes(500_000).translate(None, b"\r\n\0")
_BASE64 = base64.encodebytes(_OCTETS).replace(b"\n", b"\r\n")    # as an attachment is: packed it is three fourths
_EIGHT_BIT = b"\r\n".join(_OCTETS[at:at + 900] for at in range(0, len(_OCTETS), 900))    # it cannot be packed

# What letters a load has. A large one shares its group's sync and lies beside the database's log, or is in it as one
# large value; one of 256 KiB and more has a file of its own.
SMALL, LARGE, MIX = "small letters", "letters of 40 to 200 KB", "letters of any size"
SIZES = (SMALL, LARGE, MIX)
_RANGES = {    # octets, and how often
    SMALL: (((200, 4_000), 80), ((4_000, 20_000), 20)),
    LARGE: (((40_000, 200_000), 1),),
    MIX: (((200, 4_000), 66), ((4_000, 40_000), 14), ((40_000, 200_000), 12), ((200_000, 260_000), 2), ((262_144, 400_000), 6)),
}
_PAUSES = {SMALL: 1, LARGE: 4, MIX: 1}    # large ones in fewer a second: the next hops have to keep up
NO_STORAGE = "452 4.3.1"

Acknowledged = dict[str, list[str]]    # number -> what must arrive for it


class _Refused(Exception):
    pass


class _Session:
    def __init__(self, server: tuple[str, int]):
        self._socket = socket.create_connection(server, 10)
        self._replies = self._socket.makefile("rb")
        self._want("220")
        self._send(b"EHLO client.example\r\n")
        self._want("250")

    def close(self) -> None:
        self._replies.close()
        self._socket.close()

    def send(self, number: str, recipients: list[str], octets: bytes, chunks: list[int]) -> None:
        """By DATA without `chunks`, else by BDAT in chunks of these sizes and a last one."""
        body = "" if octets.isascii() else " BODY=8BITMIME"
        envelope = f"MAIL FROM:<{number}@{BACK}>{body}\r\n" + "".join(f"RCPT TO:<{one}>\r\n" for one in recipients)
        if not chunks:
            self._send(envelope.encode() + b"DATA\r\n")
            codes = self._want_all(["250"] * (1 + len(recipients)) + ["354"])
            stuffed = (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:]
            self._send(stuffed + b".\r\n" if codes else b".\r\n")
            self._want("250")
            return
        parts, at = [envelope.encode()], 0
        for size in chunks:
            parts.append(b"BDAT %d\r\n" % len(octets[at:at + size]) + octets[at:at + size])
            at += size
        parts.append(b"BDAT %d LAST\r\n" % len(octets[at:]) + octets[at:])
        self._send(b"".join(parts))
        self._want_all(["250"] * (2 + len(recipients) + len(chunks)))

    def _send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def _want_all(self, codes: list[str]) -> bool:
        for code in codes:
            self._want(code)
        return True

    def _want(self, code: str) -> None:
        while True:
            line = self._replies.readline()
            if not line.endswith(b"\n"):
                raise ConnectionResetError
            if line[3:4] != b"-":
                break
        if not line.startswith(code.encode()):
            raise _Refused(line.decode(errors="replace").strip())


def _message(number: str, sizes: str, chance: random.Random) -> bytes:
    ranges, weights = zip(*_RANGES[sizes])
    size = chance.randint(*chance.choices(ranges, weights)[0])
    octets = chance.choices((_TEXT, _BASE64, _EIGHT_BIT), (2, 2, 1))[0]
    start = chance.randrange(len(octets) - size)
    body = number.encode() + b"\r\n" + octets[start:start + size].strip(b"\r\n") + b"\r\n"
    return b"From: load@client.example\r\n" + subject(number, body) + b"\r\n" + body


def _recipients(number: str, chance: random.Random) -> tuple[list[str], list[str]]:
    """To whom, and what must arrive: a report where a recipient is refused."""
    a, b, c = f"a@{FAST}", f"b@{SLOW}", f"c@{FAST}"
    to = chance.choices(([a], [b], [a, b], [a, c], [a, f"{REFUSED}@{FAST}"], [b, f"{REFUSED}@{FAST}"]),
                        (30, 30, 25, 5, 5, 5))[0]
    return to, [f"{number}@{BACK}" if one.startswith(REFUSED) else one for one in to]


class _Client(threading.Thread):
    def __init__(self, name: str, server: tuple[str, int], seed: str, shared: "Load"):
        super().__init__(daemon=True)
        self._name, self._server, self._shared = name, server, shared
        self._chance = random.Random(seed)
        self.acknowledged: Acknowledged = {}
        self.told: set[str] = set()

    def run(self) -> None:
        count = 0
        while not self._shared.ending.is_set():
            session = None
            try:
                session = _Session(self._server)
                for _ in range(self._chance.randint(1, 30)):
                    if self._shared.ending.is_set():
                        break
                    count += 1
                    self._one(session, f"{self._name}-{count:06d}")
            except _Refused as refusal:
                self._shared.refused(str(refusal))
                time.sleep(0.01)
            except OSError:
                time.sleep(0.02)    # it was killed, or is not up yet
            finally:
                if session is not None:
                    session.close()

    def _one(self, session: _Session, number: str) -> None:
        chance = self._chance
        sizes = self._shared.sizes
        octets = _message(number, sizes, chance)
        to, arrivals = _recipients(number, chance)
        chunks = [chance.randint(0, len(octets)) for _ in range(chance.randint(1, 3))] if chance.random() < 0.4 else []
        while sum(chunks) > len(octets):
            chunks.pop()
        try:
            session.send(number, to, octets, chunks)
        except _Refused as refusal:
            if str(refusal).startswith(NO_STORAGE):
                self.told.add(number)
            raise
        self.acknowledged[number] = arrivals
        self._shared.taken()
        time.sleep(chance.uniform(0, self._shared.pause * _PAUSES[sizes]))


class Load:
    """`clients` sessions at a time in each of `processes` processes, until it is ended."""

    def __init__(self, server: tuple[str, int], seed: str, processes: int = 3, clients: int = 4, pause: float = 0.02,
                 sizes: str = MIX):
        self.ending = _FORK.Event()
        self.pause = pause
        self._sizes = _FORK.Value("i", SIZES.index(sizes))
        self._taken, self._no_storage, self._others = (_FORK.Value("q", 0) for _ in range(3))
        self.told: set[str] = set()    # after end(): numbers that were answered with 452 4.3.1
        self._pipes = []
        for index in range(processes):
            ours, theirs = _FORK.Pipe()
            self._pipes.append(ours)
            _FORK.Process(target=self._work, args=(f"{seed}.{index}", server, clients, theirs), daemon=True).start()

    def _work(self, name: str, server: tuple[str, int], clients: int, pipe) -> None:
        process.die_with_parent()
        threads = [_Client(f"{name}.{n}", server, f"{name}.{n}", self) for n in range(clients)]
        for thread in threads:
            thread.start()
        acknowledged: Acknowledged = {}
        told: set[str] = set()
        for thread in threads:
            thread.join()
            acknowledged.update(thread.acknowledged)
            told |= thread.told
        pipe.send((acknowledged, told))

    @staticmethod
    def _count(value) -> None:
        with value.get_lock():
            value.value += 1

    def taken(self) -> None:
        self._count(self._taken)

    def refused(self, reply: str) -> None:
        if reply.startswith("550"):
            return    # the next hop's own, passed on
        self._count(self._no_storage if reply.startswith(NO_STORAGE) else self._others)
        if not reply.startswith(NO_STORAGE):
            print(f"     a client was told: {reply}", flush=True)

    @property
    def sizes(self) -> str:
        """Of the letters that come now."""
        return SIZES[self._sizes.value]

    @sizes.setter
    def sizes(self, sizes: str) -> None:
        self._sizes.value = SIZES.index(sizes)

    @property
    def acknowledged(self) -> int:
        """So far."""
        return self._taken.value

    @property
    def no_storage(self) -> int:
        return self._no_storage.value

    @property
    def others(self) -> int:
        return self._others.value

    def end(self) -> Acknowledged:
        """Ends the clients; what must have arrived in the end."""
        self.ending.set()
        acknowledged: Acknowledged = {}
        for pipe in self._pipes:
            if not pipe.poll(30):
                raise process.HarnessError("the clients do not end")
            taken, told = pipe.recv()
            acknowledged.update(taken)
            self.told |= told
        self._pipes = []
        return acknowledged
