# SPDX-License-Identifier: Apache-2.0
"""The gateway under test: writes its configuration, starts `postern serve`, knows where it listens and what it logged."""

import json
import os
import queue
import re
import subprocess
import threading
import time
from pathlib import Path

from ports import GATEWAY, open_sessions
from process import HarnessError, spawn, stop, tail

_LETTER = re.compile(r" letter id=(\S+) .*?\bto=(<.*?>) .*?\boutcome=(\w+)")
_LEDGER = re.compile(r"stopped; recipients: accepted=(-?\d+) delivered=(-?\d+) bounced=(-?\d+) discarded=(-?\d+) "
                     r"queued=(-?\d+) damaged=(-?\d+)$")
_REPORT = re.compile(r" report (\S+) to <(.*?)> about ")

REPOSITORY = Path(__file__).resolve().parents[2]


def executable() -> Path:
    """build/release/postern, or what POSTERN names."""
    return Path(os.environ.get("POSTERN", REPOSITORY / "build" / "release" / "postern"))


class Gateway:
    """`endpoints[NAME]` is where the listener NAME accepts, as the process itself has said."""

    def __init__(self, name: str, root: Path, configuration: str):
        self.name = name
        self.root = root
        self.config = root / "postern.toml"
        self.log = root / "postern.log"
        self.endpoints: dict[str, tuple[str, int]] = {}
        self.on_spawn = lambda pid: None    # called while the process starts
        self.more: list[str] = []      # arguments behind --config
        self.launcher: list[str] = []  # what starts it, such as env with its variables
        self._process: subprocess.Popen | None = None
        root.mkdir(parents=True, exist_ok=True)
        (root / "data").mkdir(exist_ok=True)
        self.config.write_text(configuration)

    def start(self, seconds: float = 20.0) -> "Gateway":
        if not executable().exists():
            raise HarnessError(f"{executable()} is not there: run tools/dev build")
        command = [*self.launcher, str(executable()), "serve", "--config", str(self.config), *self.more]
        self._process = spawn(command, self.log, stdout=subprocess.PIPE, text=True)
        self.on_spawn(self.pid)
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(self._process.stdout, lines), daemon=True).start()
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise HarnessError(f"{self.name}: not ready after {seconds:.0f} s\n{tail(self.log)}") from None
            if line is None:
                raise HarnessError(f"{self.name}: ended before it was ready\n{tail(self.log)}")
            if line == "ready":
                return self
            words = line.split()
            if len(words) == 3 and words[0] == "listening":
                address, _, port = words[2].rpartition(":")
                self.endpoints[words[1]] = (address, int(port))

    def _read(self, stream, lines: queue.Queue) -> None:
        """Keeps the pipe empty for as long as the process lives; what is said after `ready` goes to the log."""
        for line in stream:
            lines.put(line.strip())
        lines.put(None)

    def stop(self) -> None:
        running = self._process is not None and self._process.poll() is None
        if self._process is not None and not stop(self._process):
            raise HarnessError(f"{self.name}: did not end within 10 s of SIGTERM")
        if running and self._process.returncode != 0:
            raise HarnessError(f"{self.name}: ended with {self._process.returncode} after SIGTERM, not 0\n{tail(self.log)}")

    def ledger(self) -> tuple[int, ...]:
        """Of a process that has ended: (accepted, delivered, bounced, discarded, queued, damaged) recipients, as its log says."""
        for line in reversed(self.log.read_text(errors="replace").splitlines()):
            if found := _LEDGER.search(line):
                return tuple(int(number) for number in found.groups())
        raise HarnessError(f"{self.name}: no ledger in the log\n{tail(self.log)}")

    def check_ledger(self) -> None:
        accepted, *ends = self.ledger()
        if accepted != sum(ends):
            raise HarnessError(f"{self.name}: the ledger is not exact: {accepted} recipients accepted, {sum(ends)} accounted for")

    def kill(self) -> None:
        """As a crash: nothing of the process runs any more."""
        self._process.kill()
        self._process.wait()

    def status(self) -> int:
        """Of the process that has ended, or just does."""
        return self._process.wait(10)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def sessions(self) -> int:
        return open_sessions(GATEWAY, {port for _, port in self.endpoints.values()})

    def log_lines(self, needle: str) -> list[str]:
        """The log's lines about a letter, found by its marker, which its sender's address carries."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [line for line in lines if needle in line]

    def queued(self) -> int:
        """Recipients and reports that the log says were stored, and not what became of them."""
        waiting: set[tuple[str, str]] = set()
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        for line in lines:
            if report := _REPORT.search(line):
                waiting.add((report[1], f"<{report[2]}>"))
            elif letter := _LETTER.search(line):
                key = (letter[1], letter[2])
                if letter[3] == "queued":
                    waiting.add(key)
                elif letter[3] in ("delivered", "bounced", "failed", "discarded"):
                    waiting.discard(key)
        return len(waiting)

    def explain(self, client: str, sender: str, recipient: str, listener: str = "mx") -> dict:
        command = [str(executable()), "explain", "--config", str(self.config), "--client", client, "--from", sender,
                   "--to", recipient, "--listener", listener, "--json"]
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        try:
            return json.loads(run.stdout)
        except json.JSONDecodeError:
            raise HarnessError(f"explain printed no JSON (status {run.returncode}): {run.stdout}{run.stderr}") from None
