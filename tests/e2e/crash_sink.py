# SPDX-License-Identifier: Apache-2.0
"""A next hop in a process of its own that knows by number what has arrived, and is slow, busy or down when told so."""

import asyncio
import collections
import multiprocessing
import random
import re
import tempfile
import zlib
from pathlib import Path

import process
from ports import WORKSPACE, free_port
from sink import Options, Sink

REFUSED = "refused"    # the local part that this sink refuses
MODES = ("up", "slow", "busy", "down")
_NUMBER = re.compile(rb"^Subject: crash (\S+) (\d+) (\d+)\r\n", re.M)
_FORK = multiprocessing.get_context("fork")


def subject(number: str, body: bytes) -> bytes:
    return f"Subject: crash {number} {len(body)} {zlib.crc32(body)}\r\n".encode()


def _arrival(octets: bytes) -> tuple[str, bool]:
    """The message's number, and whether its body is whole. A report about a message has no number of its own."""
    header, _, body = octets.partition(b"\r\n\r\n")
    found = _NUMBER.search(header + b"\r\n")
    if found is None:
        return "", True
    number, length, checksum = found.groups()
    return number.decode(), len(body) == int(length) and zlib.crc32(body) == int(checksum)


class _Counting(Sink):
    mode = "up"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._arrived: list[tuple[str, str, bool]] = []

    def take(self) -> list[tuple[str, str, bool]]:
        """What has arrived since the last time: (number, recipient, whole)."""
        taken, self._arrived = self._arrived, []
        return taken

    async def verdict(self) -> str:
        if self.mode in ("slow", "busy"):
            await asyncio.sleep(random.uniform(0.0, 0.05))
        if self.mode == "busy" and random.random() < 0.4:
            return "451 4.3.0 come again"
        return await super().verdict()

    def record(self, session, octets: bytes, chunked: bool) -> None:
        number, whole = _arrival(octets)
        self._arrived += [(number, recipient.lower(), whole) for recipient in session.recipients]


def _serve(port: int, domain: str, chunking: bool, orders) -> None:
    process.die_with_parent()
    options = Options(chunking=chunking, refuse={f"{REFUSED}@{domain}": "550 5.1.1 no such mailbox"})
    with tempfile.TemporaryDirectory() as folder:
        sink = _Counting(Path(folder), WORKSPACE, port, options, False)
        sink.start()
        while True:
            order = orders.recv()
            if order == "take":
                orders.send(sink.take())
                continue
            sink.mode = order
            if order == "down":
                sink.close()
            else:
                sink.open()
            orders.send(None)


class CrashSink:
    """`arrived[(number, recipient)]`: how often; `broken`: what arrived and was not whole."""

    def __init__(self, domain: str, chunking: bool):
        self.port = free_port(WORKSPACE)
        self.arrived: collections.Counter[tuple[str, str]] = collections.Counter()
        self.broken: list[str] = []
        self._orders, theirs = _FORK.Pipe()
        _FORK.Process(target=_serve, args=(self.port, domain, chunking, theirs), daemon=True).start()
        self.set("up")    # it listens when this returns

    def set(self, mode: str) -> None:
        self._ask(mode)

    def collect(self) -> int:
        """How many more have arrived."""
        fresh = self._ask("take")
        for number, recipient, whole in fresh:
            self.arrived[number, recipient] += 1
            if not whole:
                self.broken.append(number)
        return len(fresh)

    def _ask(self, order: str):
        self._orders.send(order)
        if not self._orders.poll(30):
            raise process.HarnessError("a sink does not answer")
        return self._orders.recv()
