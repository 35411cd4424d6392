# SPDX-License-Identifier: Apache-2.0
"""What a message costs while ever more of them wait: a dead next hop and backlogs of growing size, a crash, a restart on each, and
the way out when the next hop is there at last."""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import growth_report
from growth_report import Figures, Memory, Slice
from measure import Account, filesystem, machine_ticks, number, sync_rate
from one_run import Load, RunFailed, run, source_command
from relay import IN_MEMORY, needs
from systems import ADDRESS, RECIPIENT, Measured, Sink, postern

from gateway import executable
from ports import free_port, open_sessions
from process import HarnessError, spawn, stop, tail, wait_until

BACKLOGS = [1_000, 10_000, 100_000, 1_000_000]
SESSIONS = 20
SMALLEST_SLICE = 2_000      # messages
OPENING = 1_000             # messages while connections to the next hop are opened
WARM_UP = 1_000             # messages through a next hop that is there
ROUNDS_IN_ALL = 300_000     # messages, of one backlog
WARM = "warm.example"
WORKERS = os.cpu_count() or 1
LONGEST_PAUSE = 5           # seconds between two attempts at the dead next hop
JITTER = 1.15               # a pause may be so many times as long
STALLED = 60.0              # seconds without one message more: the run is over
PATIENCE = 240.0            # seconds for a restart
SHRINKS_WITHIN = 60.0       # seconds
REHEARSED = 300             # messages of a first crash and restart
LOOKS = 5                   # at what memory is used for: the median counts


class Marks:
    """Follows a counter and remembers when it reached each of some marks, with the count it really had by then."""

    def __init__(self, count: Callable[[], int], marks: list[int], facts: Callable[[], float] = lambda: 0.0):
        self._count, self._facts = count, facts
        self._todo = sorted(set(marks))
        self.reached: dict[int, tuple[float, int, float]] = {}

    def follow(self, what: str, alive: Callable[[], bool]) -> None:
        last, changed = -1, time.monotonic()
        while self._todo:
            over = not alive()  # asked first: what it had done by then is in the counter
            count = self._count()
            now = time.monotonic()
            while self._todo and count >= self._todo[0]:
                self.reached[self._todo.pop(0)] = (now, count, self._facts())
            if count != last:
                last, changed = count, now
            elif self._todo and (over or now - changed > STALLED):
                raise RunFailed(f"{what} ended at {count}, wanted {self._todo[-1]}")
            time.sleep(0.002)

    def between(self, one: int, other: int) -> Slice:
        (began, before, used), (ended, after, used_after) = self.reached[one], self.reached[other]
        messages = max(1, after - before)
        return Slice(messages, (ended - began) / messages, (used_after - used) / messages)


class Client:
    """A session to postern, as far as EHLO."""

    def __init__(self, port: int):
        self._socket = socket.create_connection((ADDRESS, port), 60)
        self._lines = self._socket.makefile("rb")
        self._expect(b"220")
        self.ask("EHLO growth.example")

    def ask(self, command: str) -> None:
        self._socket.sendall(command.encode() + b"\r\n")
        self._expect(b"250")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def _expect(self, code: bytes) -> None:
        while (line := self._lines.readline())[3:4] == b"-":
            pass
        if not line.startswith(code):
            raise RunFailed(f"postern said {line!r}, wanted {code.decode()}")


class Backlogged(Measured):
    """One postern with a backlog for a next hop that is not there yet."""

    def __init__(self, folder: Path, backlog: int, octets: int):
        self.name = f"growth-{backlog}"
        self.root = folder / self.name
        self.load = Load(octets, SESSIONS, backlog)
        self.slice = min(backlog, max(SMALLEST_SLICE, backlog // 10))
        self.account = Account(self.name)
        self.sink = Sink(f"{self.name}-warm", folder)
        self._log = self.root / "letters.log"
        self._hop = free_port(ADDRESS)
        self._arrivals: Sink | None = None
        hops = {"late": (RECIPIENT.partition("@")[2], self._hop), "warm": (WARM, self.sink.port)}
        with self.account.entered():
            self._server = postern(self.root, "queue", hops, log=self._log, longest_pause=LONGEST_PAUSE)

    @property
    def port(self) -> int:
        return self._server.endpoints["mx"][1]

    def close(self) -> None:
        with ExitStack() as last:
            last.callback(shutil.rmtree, self.root, ignore_errors=True)
            last.callback(self.account.close)
            last.callback(self.sink.stop)
            if self._arrivals:
                last.callback(self._arrivals.stop)
            if self._server.alive():
                self._server.kill()

    def measure(self) -> Figures:
        fresh = self._memory("VmRSS:")
        run(self, self.load, WARM_UP, f"b@{WARM}")
        fresh_parts = self._rehearse()
        run(self, self.load, WARM_UP, f"b@{WARM}")
        figures = Figures(self.load.messages, fresh=fresh, warm=self._memory("VmRSS:"), empty_disk=self._disk(),
                          fresh_parts=fresh_parts, rehearsed=REHEARSED, warm_parts=self._parts())
        self._fill(figures)
        figures.filled_peak = self._memory("VmHWM:")
        figures.disk = self._disk()
        self._server.kill()
        self._restart(figures)
        self._drain(figures)
        figures.drained_peak = self._memory("VmHWM:")
        self._shrink(figures)
        self._end()
        return figures

    def _rehearse(self) -> Memory:
        """Crash and restart with a few letters, which are dropped then: what is made once, by the first letter that waits, the first
        restart, is there before anything is compared. Gives what memory is used for behind that restart."""
        few = Load(self.load.size, SESSIONS, REHEARSED)
        subprocess.run(source_command(few, self.port, REHEARSED), stdin=subprocess.DEVNULL, check=True, timeout=60)
        self._server.kill()
        with ExitStack() as sessions:
            with self.account.entered():
                self._server.start(60)
            for client in [Client(self.port) for _ in range(WORKERS)]:
                sessions.callback(client.close)
                client.ask("NOOP")
            parts = self._parts(WORKERS)
        self._queue("remove", "--all", "--yes")
        return parts

    def _queue(self, *words: str) -> str:
        command = [str(executable()), "queue", *words, "--config", str(self._server.config)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise RunFailed(f"{self.name}: queue {words[0]}: {done.stderr.strip()}")
        return done.stdout

    def _memory(self, key: str) -> int:
        return number(Path(f"/proc/{self._server.pid}/status"), key) * 1024

    def _parts(self, sessions: int = 0) -> Memory:
        """With so many sessions: those of a load end a moment after its source."""
        wait_until(lambda: open_sessions(ADDRESS, {self.port}) == sessions, 10, "the load's sessions have ended")
        looks = []
        for _ in range(LOOKS):
            looks.append(Memory.of(json.loads(self._queue("stats", "--json"))["memory"]))
            time.sleep(0.1)
        return sorted(looks, key=lambda one: one.growing)[LOOKS // 2]

    def _disk(self) -> int:
        """What du says of data_dir."""
        total = 0
        for folder, _, files in os.walk(self.root / "data"):
            for name in files:
                try:
                    total += (Path(folder) / name).lstat().st_blocks * 512
                except FileNotFoundError:
                    continue  # the spool has just removed it
        return total

    def _cpu(self) -> float:
        return self.account.usage().cpu

    def _fill(self, figures: Figures) -> None:
        memory = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else self.root
        counter, errors = memory / f"postern-{os.getpid()}-{self.name}", self.root / "source.log"
        command = source_command(self.load, self.port, self.load.messages)
        command.insert(1, "-c")

        def count() -> int:
            with open(counter, "rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - 40))
                found = re.findall(rb"(\d+)\r", stream.read())
            return int(found[-1]) if found else 0

        # What a slice costs begins with the first message, not with the source's own start.
        first, last = max(1, self.load.messages - self.slice), self.load.messages
        marks = Marks(count, [first, last], self._cpu)
        try:
            with open(counter, "wb") as stream:
                source = spawn(command, errors, stdout=stream)
            try:
                marks.follow(f"{self.name}: smtp-source", lambda: source.poll() is None)
                source.wait(30)
            finally:
                stop(source)
        except RunFailed as error:
            raise RunFailed(f"{error}; {tail(errors)}") from None
        finally:
            counter.unlink(missing_ok=True)
        if source.returncode != 0:
            raise RunFailed(f"{self.name}: smtp-source: {source.returncode} {tail(errors)}")
        figures.accept = marks.between(first, last)
        figures.queued = self._memory("VmRSS:")
        figures.queued_parts = self._parts()

    def _restart(self, figures: Figures) -> None:
        """Killed before. The recovery's last word in the log says when the workers had been handed everything; the log is written
        out once a second. Each worker answers its session behind what it was handed before, so that all lanes had
        all their messages in the first round of answers that was asked for after that word."""
        seen = self._log.stat().st_size
        began, clock = time.monotonic(), time.time()
        looks: list[tuple[float, float]] = []
        pause = 0.02
        with ExitStack() as sessions:
            with self.account.entered():
                self._server.start(120)
            clients = [Client(self.port)]
            sessions.callback(clients[0].close)
            figures.accepting = time.monotonic() - began
            # A new session goes to the worker that has fewest.
            for _ in range(1, WORKERS):
                clients.append(Client(self.port))
                sessions.callback(clients[-1].close)
            while not looks or (recovered := self._recovered(seen)) is None or looks[-1][0] < recovered[0]:
                asked = time.time()
                for client in clients:
                    client.ask("NOOP")
                looks.append((asked, time.time()))
                if asked - clock > PATIENCE:
                    raise RunFailed(f"{self.name}: no word of what was in the queue, {PATIENCE:.0f} s after a crash; {tail(self._log, 3)}")
                time.sleep(pause)
                # Postern takes 200 NOOPs in a row: these last longer than PATIENCE.
                pause = min(pause * 1.2, max(0.25, (time.monotonic() - began) / 30))
            figures.restart_peak = self._memory("VmHWM:")
            figures.restarted = self._memory("VmRSS:")
            figures.restarted_parts = self._parts(WORKERS)
        figures.scheduled = next(answered for asked, answered in looks if asked >= recovered[0]) - clock
        if recovered[1] != self.load.messages:
            raise RunFailed(f"{self.name}: {self.load.messages} answered 250, {recovered[1]} in the queue after a crash")

    def _recovered(self, seen: int) -> tuple[float, int] | None:
        """When the recovery was over, as time.time() and perhaps a millisecond early, and how many letters it has found."""
        with open(self._log, "rb") as log:
            log.seek(seen)
            found = re.search(rb"^(\S+) .* (\d+) letters were in the queue$", log.read(), re.MULTILINE)
        return (datetime.fromisoformat(found[1].decode()).timestamp(), int(found[2])) if found else None

    def _drain(self, figures: Figures) -> None:
        """Postern stands still while the next hop comes, for longer than a pause between attempts: all workers see it at the
        same moment then, and how they happened to pause is not in the figures."""
        os.kill(self._server.pid, signal.SIGSTOP)
        time.sleep(LONGEST_PAUSE * JITTER)
        arrivals = self._arrivals = Sink(self.name, self.root, self._hop)
        backlog = self.load.messages
        opened = min(OPENING, backlog)
        wanted = [1, opened, backlog]
        if sliced := backlog >= opened + self.slice:
            wanted += [opened + self.slice, backlog - self.slice]
        marks = Marks(arrivals.count, wanted, self._cpu)
        began = time.monotonic()
        os.kill(self._server.pid, signal.SIGCONT)
        marks.follow(f"{self.name}: the drain", self._server.alive)
        figures.drained = marks.reached[backlog][0] - began
        figures.opening = marks.between(1, opened)
        if sliced:
            figures.first = marks.between(opened, opened + self.slice)
            figures.last = marks.between(backlog - self.slice, backlog)

    def _shrink(self, figures: Figures) -> None:
        began = time.monotonic()
        while True:
            figures.left = self._disk()
            figures.shrunk = time.monotonic() - began
            if figures.left < growth_report.LEFT or figures.shrunk > SHRINKS_WITHIN:
                return
            time.sleep(0.5)

    def _end(self) -> None:
        self.account.settle()
        self._server.stop()
        said = self._log.read_bytes()[-4096:].decode(errors="replace").strip().rpartition("\n")[2]
        if "stopped; recipients:" not in said or " queued=0 " not in said:
            raise RunFailed(f"{self.name}: everything was delivered, and the log ends with: {said}")
        if (came := self._arrivals.count()) != self.load.messages:
            raise RunFailed(f"{self.name}: {self.load.messages} messages answered 250, {came} arrived")


def measure(folder: Path, backlog: int, octets: int) -> Figures:
    backlogged = Backlogged(folder, backlog, octets)
    stolen, ticks = machine_ticks()
    try:
        figures = backlogged.measure()
    finally:
        backlogged.close()
    stolen_after, ticks_after = machine_ticks()
    figures.stolen = (stolen_after - stolen) / max(1, ticks_after - ticks)
    print(growth_report.progress(figures), file=sys.stderr, flush=True)
    return figures


def rounds(backlog: int, most: int) -> int:
    """Small ones are over in a moment: medians of several."""
    return max(1, min(most, ROUNDS_IN_ALL // backlog))


def measure_all(options: argparse.Namespace, folder: Path) -> tuple[list[list[Figures]], list[str]]:
    """Every backlog; one that fails is named, and the others go on. Forwards, then backwards: what drifts with time meets all alike."""
    results: dict[int, list[Figures]] = {backlog: [] for backlog in options.backlogs}
    failed: dict[int, str] = {}
    for turn in range(options.rounds):
        for backlog in options.backlogs if turn % 2 == 0 else options.backlogs[::-1]:
            if backlog in failed or turn >= rounds(backlog, options.rounds):
                continue
            try:
                results[backlog].append(measure(folder, backlog, options.octets))
            except (RunFailed, HarnessError, OSError) as error:
                failed[backlog] = f"FAILED {backlog:,}: {error}"
                print(failed[backlog], file=sys.stderr, flush=True)
    return [group for backlog, group in results.items() if backlog not in failed], list(failed.values())


def arguments() -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(one) for one in text.split(",")]

    parser = argparse.ArgumentParser(prog="tools/dev bench growth", description=__doc__)
    parser.add_argument("--backlogs", type=numbers, default=BACKLOGS, help=f"messages: {','.join(map(str, BACKLOGS))}")
    parser.add_argument("--octets", type=int, default=2048, help="of a body (2048)")
    parser.add_argument("--rounds", type=int, default=5, help="of each backlog, fewer of those above 60,000 (5)")
    parser.add_argument("--dir", type=Path, default=None, help="where the queue is; a real disk (the temporary directory)")
    parser.add_argument("--json", type=Path, help="every round's figures, into this file")
    parser.add_argument("--check", action="store_true", help="exit 1 if a limit of growth_report.py is not met")
    options = parser.parse_args()
    if min(options.backlogs + [options.octets, options.rounds]) < 1:
        parser.error("backlogs, octets and rounds begin at 1")
    if min(options.backlogs) <= REHEARSED:
        parser.error(f"backlogs begin above {REHEARSED}, which are there to compare memory with")
    if options.check and growth_report.BASE not in options.backlogs:
        parser.error(f"--check compares with a backlog of {growth_report.BASE}")
    return options


def main() -> int:
    options = arguments()
    needs("smtp-source", "smtp-sink")
    folder = Path(tempfile.mkdtemp(prefix="postern-growth-", dir=options.dir))
    try:
        if (kind := filesystem(folder)) in IN_MEMORY:
            raise HarnessError(f"{folder} is on {kind}, where a sync costs nothing: name a folder on a disk with --dir")
        rates = [sync_rate(folder)]
        results, failures = measure_all(options, folder)
        rates.append(sync_rate(folder))
        table = growth_report.markdown(results, kind, rates, options.octets) if results else ""
        print(table)
        if options.json:
            figures = [asdict(one) for group in results for one in group]
            options.json.write_text(json.dumps({"report": table, "results": figures}, indent=1) + "\n")
        missed = growth_report.missed(results)
        print(*(failures + missed or [growth_report.ALL_MET]), sep="\n")
        return 1 if failures or (options.check and missed) else 0
    except HarnessError as error:
        print(f"bench growth: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
