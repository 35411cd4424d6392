# SPDX-License-Identifier: Apache-2.0
"""A fast next hop beside a slow one and two dead ones: how much of the fast one's throughput is left."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from hops import Hops
from measure import Account, filesystem
from one_run import Load, RunFailed, run
from relay import IN_MEMORY, needs
from systems import ADDRESS, DELIVERIES, SENDER, Measured, Sink, postern

from process import HarnessError

WANTED = 0.90
DELAY = 0.2          # seconds before each reply of the slow next hop
HEAD_START = 2.0     # seconds that the bad next hops have to fill what they can fill
BODY = b"From: <a@x.example>\r\nSubject: beside\r\n\r\n" + b"beside the fast lane\r\n" * 48 + b".\r\n"
FAST = "fast.example"
BAD = ("slow", "refusing", "silent")


class Fast(Measured):
    """What one_run.run() wants of a system: where to send, whose usage it is, and the sink."""

    def __init__(self, name: str, root: Path, delivery: str, bad: dict[str, int]):
        self.name = name
        self.account = Account(name)
        self.sink = Sink(name, root)
        hops = {"fast": (FAST, self.sink.port)} | {hop: (f"{hop}.example", port) for hop, port in bad.items()}
        self._root = root / name
        with self.account.entered():
            self._server = postern(self._root, delivery, hops)
        self.port = self._server.endpoints["mx"][1]

    def stop(self) -> None:
        try:
            self._server.stop()
        except HarnessError:
            pass  # it waits for the silent next hop, and has been killed
        finally:
            self.sink.stop()
            self.account.close()
            shutil.rmtree(self._root, ignore_errors=True)


class Feeder:
    """Sends to each bad next hop at a steady rate over some sessions, whatever becomes of it."""

    def __init__(self, port: int, rate: float, sessions: int):
        self._port, self._pause, self._sessions = port, sessions / rate, sessions
        self.offered = dict.fromkeys(BAD, 0)
        self.taken = dict.fromkeys(BAD, 0)
        self.refused = dict.fromkeys(BAD, 0)

    async def feed(self) -> None:
        await asyncio.gather(*(self._client(hop, number) for hop in BAD for number in range(self._sessions)))

    async def _client(self, hop: str, number: int) -> None:
        await asyncio.sleep(self._pause * number / self._sessions)
        while True:
            writer = None
            try:
                reader, writer = await asyncio.open_connection(ADDRESS, self._port)
                await self._session(reader, writer, hop)
            except (OSError, EOFError):
                await asyncio.sleep(self._pause)
            finally:
                if writer:
                    writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hop: str) -> None:
        async def reply() -> bytes:
            while (line := await reader.readline())[3:4] == b"-":
                pass
            if not line.endswith(b"\n"):
                raise EOFError
            return line[:1]

        async def said(command: bytes) -> bytes:
            writer.write(command + b"\r\n")
            return await reply()

        await reply()
        await said(b"EHLO beside.example")
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._pause
            self.offered[hop] += 1
            await said(f"MAIL FROM:<{SENDER}>".encode())
            taken = await said(f"RCPT TO:<b@{hop}.example>".encode()) == b"2" and await said(b"DATA") == b"3"
            if taken:
                writer.write(BODY)
                taken = await reply() == b"2"
            if taken:
                self.taken[hop] += 1
            else:
                self.refused[hop] += 1
                await said(b"RSET")
            await asyncio.sleep(max(0.0, due - loop.time()))


def alone(root: Path, delivery: str, load: Load, bad: dict[str, int]) -> float:
    fast = Fast("alone", root, delivery, bad)
    try:
        run(fast, load, load.sessions * 10, f"b@{FAST}")
        return run(fast, load, recipient=f"b@{FAST}").rate
    finally:
        fast.stop()


def beside(root: Path, delivery: str, load: Load, bad: dict[str, int], hops: Hops, options: argparse.Namespace) -> tuple[float, Feeder]:
    fast = Fast("beside", root, delivery, bad)
    feeder = Feeder(fast.port, options.rate, options.bad_sessions)
    feeding = None
    try:
        run(fast, load, load.sessions * 10, f"b@{FAST}")
        feeding = hops.run(feeder.feed())
        hops.run(asyncio.sleep(HEAD_START)).result()
        rate = run(fast, load, recipient=f"b@{FAST}").rate
        if feeding.done():
            raise HarnessError(f"the client of the bad next hops ended: {feeding.exception()!r}")
        if not all(feeder.offered.values()):
            raise HarnessError(f"a bad next hop was offered nothing: {feeder.offered}")
        return rate, feeder
    finally:
        if feeding:
            feeding.cancel()
        fast.stop()


def compare(delivery: str, root: Path, load: Load, options: argparse.Namespace) -> float:
    """Prints one line of the table; the median ratio."""
    rates: dict[str, list[float]] = {"alone": [], "beside": []}
    fed = []
    with Hops() as hops:
        bad = {"slow": hops.add_slow(DELAY), "refusing": hops.add_refusing(), "silent": hops.add_silent()}
        for number in range(options.pairs):
            for way in ("alone", "beside") if number % 2 == 0 else ("beside", "alone"):
                if way == "alone":
                    rates[way].append(alone(root, delivery, load, bad))
                else:
                    rate, feeder = beside(root, delivery, load, bad, hops, options)
                    rates[way].append(rate)
                    fed.append(feeder)
    ratios = [other / one for one, other in zip(rates["alone"], rates["beside"])]
    cells = ["postern-" + delivery, f"{median(rates['alone']):.0f}", f"{median(rates['beside']):.0f}",
             f"{median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"]
    cells += [" / ".join(str(sum(counts[hop] for counts in (getattr(one, what) for one in fed)))
                         for what in ("offered", "taken", "refused")) for hop in BAD]
    print(f"| {' | '.join(cells)} |", flush=True)
    return median(ratios)


def arguments() -> argparse.Namespace:
    modes = list(DELIVERIES.values())
    parser = argparse.ArgumentParser(prog="tools/dev bench isolation", description=__doc__)
    parser.add_argument("--delivery", type=lambda text: text.split(","), default=modes, help=f"the listener's modes: {','.join(modes)}")
    parser.add_argument("--messages", type=int, default=20000, help="to the fast next hop, a run (20000)")
    parser.add_argument("--size", type=int, default=1024, help="octets of a body (1024)")
    parser.add_argument("--sessions", type=int, default=20, help="of the fast source (20)")
    parser.add_argument("--rate", type=float, default=20, help="messages/s offered to each bad next hop (20)")
    parser.add_argument("--bad-sessions", type=int, default=20, help="sessions to each bad next hop (20)")
    parser.add_argument("--pairs", type=int, default=5, help="runs alone and beside (5)")
    parser.add_argument("--dir", type=Path, default=None, help="where the queues are; a real disk (the temporary directory)")
    parser.add_argument("--check", action="store_true", help=f"exit 1 if a median ratio is under {WANTED}")
    options = parser.parse_args()
    if unknown := set(options.delivery) - set(modes):
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(modes)}")
    return options


def main() -> int:
    options = arguments()
    needs("smtp-source", "smtp-sink")
    root = Path(tempfile.mkdtemp(prefix="postern-isolation-", dir=options.dir))
    try:
        if (kind := filesystem(root)) in IN_MEMORY:
            raise HarnessError(f"{root} is on {kind}, where a sync costs nothing: name a folder on a disk with --dir")
        print("| relay | fast alone, messages/s | beside, messages/s | beside / alone | slow: offered / taken / refused | refusing | silent |")
        print("|---|---|---|---|---|---|---|")
        load = Load(options.size, options.sessions, options.messages)
        ratios = {delivery: compare(delivery, root, load, options) for delivery in options.delivery}
        missed = [f"NOT MET postern-{delivery}: {ratio:.3f} of its throughput alone, wanted {WANTED:.2f}"
                  for delivery, ratio in ratios.items() if ratio < WANTED]
        print(*(missed or ["Every limit is met."]), sep="\n")
        return 1 if options.check and missed else 0
    except (RunFailed, HarnessError) as error:
        print(f"bench isolation: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
