# SPDX-License-Identifier: Apache-2.0
"""System calls a message: strace counts those of `postern serve` over a fixed number of letters, and over three times as
many; the difference, per letter, has neither start nor idling in it. Connections are kept on both sides."""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "relay"))

from client import Session, text  # noqa: E402
from systems import DELIVERIES, RECIPIENT, SENDER, Sink, postern  # noqa: E402

from process import HarnessError, expect, spawn, stop, tail, wait_until  # noqa: E402  systems.py says where it is

LIMIT = 25.0
MODES = tuple(DELIVERIES.values())


def send(sessions: list[Session], letters: int, octets: bytes, pipelining: bool) -> None:
    """`letters` by each of the sessions, side by side."""
    errors: list[Exception] = []

    def work(session: Session) -> None:
        try:
            for _ in range(letters):
                session.letter(SENDER, [RECIPIENT], octets, pipelining)
        except (OSError, HarnessError) as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(session,), daemon=True) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class Trace:
    """strace -c on all threads of a process that runs, while it is entered. It lets go of the process whatever happens."""

    def __init__(self, pid: int, path: Path):
        self._pid = pid
        self._path = path
        self._strace: subprocess.Popen | None = None

    def __enter__(self) -> "Trace":
        log = self._path.with_suffix(".log")
        self._strace = spawn(["strace", "-f", "-c", "-U", "calls,errors,name", "-o", str(self._path), "-p", str(self._pid)], log)
        tasks = Path(f"/proc/{self._pid}/task")
        try:
            wait_until(lambda: self._strace.poll() is not None or all(map(self._traces, tasks.iterdir())), 20,
                       "strace is attached to every thread")
            expect(self._strace.poll() is None, f"strace ended: {tail(log)}")
        except BaseException:
            stop(self._strace)
            raise
        return self

    def __exit__(self, *_) -> None:
        stop(self._strace)

    def end(self) -> dict[str, int]:
        self._strace.send_signal(signal.SIGINT)
        try:
            self._strace.wait(20)
        except subprocess.TimeoutExpired:
            raise HarnessError("strace was not done within 20 s") from None
        return counts_of(self._path.read_text(encoding="ascii"))

    def _traces(self, task: Path) -> bool:
        try:
            return f"TracerPid:\t{self._strace.pid}\n" in (task / "status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True      # the thread has ended meanwhile


def counts_of(table: str) -> dict[str, int]:
    """strace's own table: calls, errors (may be missing), name."""
    found = {}
    for line in table.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0].isdigit() and words[-1] != "total":
            found[words[-1]] = int(words[0])
    return found


def measure(mode: str, options: argparse.Namespace, folder: Path) -> dict[str, float]:
    """System calls a letter, by name."""
    sink = Sink(f"syscalls-{mode}", folder)
    gateway = None
    sessions: list[Session] = []
    try:
        gateway = postern(folder / mode, mode, {"sink": (RECIPIENT.partition("@")[2], sink.port)}, log=folder / "log")
        port = gateway.endpoints["mx"][1]
        for _ in range(options.sessions):
            sessions.append(Session(port))
            sessions[-1].ehlo()
        each = options.letters // options.sessions
        sent = 0

        def run(letters: int) -> dict[str, int]:
            nonlocal sent
            with Trace(gateway.pid, folder / f"{mode}.strace") as trace:
                send(sessions, letters, text(options.size), not options.lockstep)
                sent += letters * options.sessions
                wait_until(lambda: sink.count() >= sent, 60, f"{mode}: {sent} letters at the next hop, of which there are {sink.count()}")
                time.sleep(0.3)     # what is written behind the last letter belongs to it
                return trace.end()

        run(each)     # warm: connections to the next hop, the spool's files
        short, long = run(each), run(3 * each)
        expect(sink.count() == sent, f"{sent} letters were sent, {sink.count()} came")
        return {name: (long.get(name, 0) - short.get(name, 0)) / (2 * each * options.sessions)
                for name in sorted(short.keys() | long.keys())}
    finally:
        for session in sessions:
            session.close()
        if gateway is not None:
            gateway.stop()
        sink.stop()


def report(results: dict[str, dict[str, float]]) -> str:
    """Markdown: a line a system call, those that make less than a hundredth of a call left out."""
    names = {name for calls in results.values() for name, count in calls.items() if abs(count) >= 0.01}
    by_weight = sorted(names, key=lambda name: -max(calls.get(name, 0.0) for calls in results.values()))
    lines = ["| system call | " + " | ".join(results) + " |", "|---|" + "---:|" * len(results)]
    for name in by_weight:
        lines.append(f"| {name} | " + " | ".join(f"{calls.get(name, 0.0):.2f}" for calls in results.values()) + " |")
    lines.append("| **all** | " + " | ".join(f"**{sum(calls.values()):.1f}**" for calls in results.values()) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES), help="delivery, of the listener")
    parser.add_argument("--sessions", type=int, default=8, help="kept sessions that send side by side (default 8)")
    parser.add_argument("--letters", type=int, default=2000, help="in the short run; the long one has three times as many")
    parser.add_argument("--size", type=int, default=1024, help="octets of a letter")
    parser.add_argument("--lockstep", action="store_true", help="a client that waits for the reply to each command")
    parser.add_argument("--check", action="store_true", help=f"status 1 when a mode makes more than {LIMIT:.0f} calls a letter")
    options = parser.parse_args()
    if shutil.which("strace") is None:
        print("bench/syscalls.py: strace is not installed: apt-get install strace", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="postern-syscalls-") as folder:
        try:
            results = {mode: measure(mode, options, Path(folder)) for mode in options.modes}
        except (HarnessError, OSError, subprocess.SubprocessError) as error:
            print(f"bench/syscalls.py: {error}", file=sys.stderr)
            return 2
    way = "a reply awaited for each command" if options.lockstep else "MAIL, RCPT and DATA in one write"
    print(f"System calls a letter of {options.size} octets, {options.sessions} kept sessions, {way}:\n")
    print(report(results))
    over = [mode for mode, calls in results.items() if sum(calls.values()) > LIMIT]
    if options.check and over:
        print(f"more than {LIMIT:.0f} a letter: {', '.join(over)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
