# SPDX-License-Identifier: Apache-2.0
"""What a large backlog leaves behind: letters that cannot be packed well, until data_dir holds so many octets, then the way out, and
how small data_dir is a minute later."""

import argparse
import base64
import os
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

import report
from growth import STALLED, Backlogged
from measure import filesystem
from one_run import RunFailed
from relay import IN_MEMORY, needs
from systems import ADDRESS, RECIPIENT, SENDER, Sink

from process import HarnessError

SENDERS = 8
LINE = 76                                    # octets of base64, before CRLF
POOL = 32 << 20                              # octets that bodies are cut from
TURN = [2 << 10] * 10 + [100 << 10] * 40 + [5 << 20]    # bodies of one turn: half of the octets are in large ones
WITHIN = 60.0                                # seconds
LEFT = 300e6                                 # octets


class Letters:
    """Bodies of random base64: Zstandard takes a quarter of it away, and no more."""

    def __init__(self) -> None:
        text = base64.b64encode(os.urandom(POOL * 3 // 4))
        self._lines = b"".join(text[at:at + LINE] + b"\r\n" for at in range(0, len(text) - LINE, LINE))
        self._lock = threading.Lock()
        self._number = 0
        self.octets = 0

    def next(self) -> bytes:
        with self._lock:
            number = self._number
            self._number += 1
            size = TURN[number % len(TURN)]
            self.octets += size
        room = len(self._lines) - size
        at = number * 7919 * (LINE + 2) % (room - room % (LINE + 2))
        at -= at % (LINE + 2)
        body = self._lines[at:at + size - size % (LINE + 2)]
        return b"Subject: %d\r\n\r\n" % number + body + b".\r\n"


def send(port: int, letters: Letters, enough: threading.Event, taken: list[int], failed: list[str]) -> None:
    try:
        with socket.create_connection((ADDRESS, port), 60) as connection, connection.makefile("rb") as replies:
            def said(wanted: bytes) -> None:
                while (line := replies.readline())[3:4] == b"-":
                    pass
                if not line.startswith(wanted):
                    raise RunFailed(f"postern said {line!r}")

            said(b"220")
            connection.sendall(b"EHLO space.example\r\n")
            said(b"250")
            while not enough.is_set():
                connection.sendall(f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n".encode())
                for code in (b"250", b"250", b"354"):
                    said(code)
                connection.sendall(letters.next())
                said(b"250")
                taken.append(1)
    except (OSError, RunFailed) as error:
        failed.append(str(error))
        enough.set()


class Filled(Backlogged):
    """A postern whose data_dir is filled until du says so many octets."""

    def fill(self, wanted: int) -> tuple[int, int]:
        """Messages, and octets of their bodies."""
        letters, enough, taken, failed = Letters(), threading.Event(), [], []
        threads = [threading.Thread(target=send, args=(self.port, letters, enough, taken, failed)) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        last, changed = 0, time.monotonic()
        while not enough.wait(0.5):
            now = self._disk()
            if now >= wanted:
                enough.set()
            if len(taken) != last:
                last, changed = len(taken), time.monotonic()
            elif time.monotonic() - changed > STALLED:
                failed.append("nothing was taken for a minute")
                enough.set()
        for thread in threads:
            thread.join()
        if failed:
            raise RunFailed(failed[0])
        return len(taken), letters.octets

    def drain(self, messages: int) -> tuple[float, int]:
        """Seconds, and the largest data_dir meanwhile."""
        arrivals = self._arrivals = Sink(self.name, self.root, self._hop)
        began = changed = time.monotonic()
        largest = last = 0
        while (came := arrivals.count()) < messages:
            largest = max(largest, self._disk())
            if came != last:
                last, changed = came, time.monotonic()
            elif time.monotonic() - changed > STALLED or not self._server.alive():
                raise RunFailed(f"{came} of {messages} arrived")
            time.sleep(0.2)
        return time.monotonic() - began, largest

    def sizes(self) -> tuple[float, list[tuple[float, int]]]:
        """When data_dir was first small enough (infinity: never), and its size by the second."""
        began = time.monotonic()
        small, seen = float("inf"), []
        while (now := time.monotonic() - began) <= WITHIN:
            size = self._disk()
            seen.append((now, size))
            if size < LEFT:
                small = min(small, now)
            time.sleep(0.5)
        return small, seen


def measure(folder: Path, wanted: int) -> bool:
    filled = Filled(folder, wanted, 1024)
    try:
        messages, octets = filled.fill(wanted)
        backlog = filled._disk()
        seconds, largest = filled.drain(messages)
        small, seen = filled.sizes()
        # Nobody may come twice, nor be left: the ledger's last line says it.
        filled.load = type(filled.load)(1024, SENDERS, messages)
        filled._end()
    finally:
        filled.close()
    print("| messages | received, MB | data_dir then, MB | delivered within, s | its largest meanwhile, MB | at the last delivery "
          "| under 300 MB after, s | after a minute |\n|---:|---:|---:|---:|---:|---:|---:|---:|")
    print(f"| {messages:,} | {octets / 1e6:,.0f} | {backlog / 1e6:,.0f} | {seconds:.0f} | {largest / 1e6:,.0f} | {seen[0][1] / 1e6:,.0f} "
          f"| {small:.1f} | {seen[-1][1] / 1e6:,.0f} |")
    print(f"\n- {report.machine()}; {report.versions()}; {SENDERS} sessions, bodies of random base64 of 2 KB, 100 KB and 5 MB.")
    return small <= WITHIN


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/dev bench space", description=__doc__)
    parser.add_argument("--octets", type=float, default=10e9, help="of data_dir with the whole backlog (10e9)")
    parser.add_argument("--dir", type=Path, default=None, help="where the queue is; a real disk (the temporary directory)")
    parser.add_argument("--check", action="store_true", help="exit 1 if data_dir is not under 300 MB within a minute")
    options = parser.parse_args()
    needs("smtp-sink")
    with tempfile.TemporaryDirectory(prefix="postern-space-", dir=options.dir) as name:
        folder = Path(name)
        folder.chmod(0o755)
        if (kind := filesystem(folder)) in IN_MEMORY:
            raise HarnessError(f"{folder} is on {kind}: name a folder on a disk with --dir")
        met = measure(folder, int(options.octets))
    if not met:
        print("NOT MET: data_dir was not under 300 MB within a minute")
    return 1 if options.check and not met else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RunFailed, HarnessError) as error:
        sys.exit(f"FAILED: {error}")
