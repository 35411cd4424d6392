# SPDX-License-Identifier: Apache-2.0
"""What sends and what receives: `postern load` and `postern sink`, or Postfix's smtp-source and smtp-sink, which know no TLS."""

import json
import os
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway import executable
from process import HarnessError, spawn, stop, tail, wait_until
from systems import ADDRESS, RECIPIENT, SENDER, listens
from systems import Sink as SmtpSink
from tunnels import make_certificate

from .points import Point

POSTERN = "postern"
POSTFIX = "postfix"
SESSIONS_OPEN_LOOP = 1000


class RunFailed(Exception):
    """Not everything arrived, or more than was sent: no figure of such a run means anything."""


class TooSlow(RunFailed):
    """Nothing was lost, but it takes longer than a run may."""


@dataclass(frozen=True)
class Sent:
    accepted_s: float        # from the first connection to the last 250
    octets: int              # of one message, header and all


class Sink(Protocol):
    def arrived(self) -> int: ...       # messages x recipients where the sink counts these, messages otherwise

    def stop(self) -> None: ...


def available(tools: str) -> bool:
    if tools == POSTFIX:
        return True
    try:
        return all(subprocess.run([str(executable()), name, "--help"], capture_output=True, check=False, timeout=10).returncode == 0
                   for name in ("load", "sink"))
    except OSError:
        return False


class PosternSink:
    """postern sink on a port; asked by its control socket. Counts recipients."""

    def __init__(self, name: str, folder: Path, port: int, tls: bool):
        # In a folder with a short name: the path of a Unix socket has room for 107 octets.
        self._path = Path(tempfile.gettempdir()) / f"postern-bench-{os.getpid()}-{port}"
        log = folder / f"sink-{port}.log"
        command = [str(executable()), "sink", "--listen", f"{ADDRESS}:{port}", "--quiet", "--control", str(self._path)]
        if tls:
            cert, key = make_certificate(folder)
            command += ["--tls-cert", str(cert), "--tls-key", str(key)]
        self._process = spawn(command, log)
        try:
            wait_until(lambda: self._process.poll() is not None or (listens(port) and self._path.exists()), 10, "the sink listens")
            if self._process.poll() is not None:
                raise HarnessError(f"postern sink ended at start: {tail(log)}")
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(10)
            self._socket.connect(str(self._path))
            self._answers = self._socket.makefile("r", encoding="utf-8")
        except BaseException:
            stop(self._process)
            raise

    def arrived(self) -> int:
        """Recipients."""
        self._socket.sendall(b"count\n")
        found = 0
        for line in self._answers:
            words = line.split()
            if "recipients" in words:
                found = int(words[words.index("recipients") + 1])
            if words[:1] == ["ok"]:
                return found
            if words[:1] == ["error:"]:
                break
        raise HarnessError("postern sink does not answer on its control socket")

    def stop(self) -> None:
        self._socket.close()
        stop(self._process)
        self._path.unlink(missing_ok=True)


class PostfixSink(SmtpSink):
    """smtp-sink. Counts messages: each relay is set so that a message for 100 recipients is delivered as one."""

    def __init__(self, name: str, folder: Path, port: int, tls: bool):
        if tls:
            raise HarnessError("smtp-sink knows no TLS")
        super().__init__(f"{name}-{port}", folder, port)

    def arrived(self) -> int:
        return self.count()


def sink(tools: str, name: str, folder: Path, port: int, tls: bool) -> Sink:
    return (PosternSink if tools == POSTERN else PostfixSink)(name, folder, port, tls)


def per_message(tools: str, point: Point) -> int:
    """How much one message adds to arrived()."""
    return point.recipients if tools == POSTERN else 1


def source_command(tools: str, point: Point, port: int, messages: int) -> list[str]:
    """Closed loop: so many sessions, each sends the next message when the last is answered."""
    if tools == POSTFIX:
        return ["smtp-source", *(["-d"] if point.kept else []), "-s", str(point.sessions), "-m", str(messages), "-l", str(point.size),
                *(["-r", str(point.recipients)] if point.recipients > 1 else []), "-f", SENDER, "-t", RECIPIENT, f"{ADDRESS}:{port}"]
    return [*_load_command(point, port), "--sessions", str(point.sessions), "--messages", str(messages),
            *([] if point.kept else ["--reuse", "1"]), "--json", "-"]


def _load_command(point: Point, port: int) -> list[str]:
    user, _, domain = RECIPIENT.partition("@")
    return [str(executable()), "load", "--server", ADDRESS, "--port", str(port), "--size", str(point.size), "--from", SENDER,
            "--to", f"{user}%n@{domain}", *(["--recipients", str(point.recipients)] if point.recipients > 1 else []),
            *(["--tls", "starttls"] if point.tls else []), "--quiet"]


def send(tools: str, point: Point, port: int, messages: int, patience: float) -> Sent:
    command = source_command(tools, point, port, messages)
    began = time.monotonic()
    done = _run(command, patience)
    seconds = time.monotonic() - began
    if tools == POSTFIX:
        if done.returncode != 0 or done.stderr:
            raise RunFailed(f"smtp-source: {done.stderr.strip() or done.returncode}")
        return Sent(seconds, point.size)
    figures = _figures(done)
    accepted = figures["messages"]["accepted"]
    if done.returncode != 0 or accepted != messages:
        raise RunFailed(f"postern load: {accepted} of {messages} taken; {_errors(figures)}")
    return Sent(figures["seconds"], figures["octets"] // accepted)


def open_loop(point: Point, port: int, hop: int, rate: float, seconds: float, warm_up: float) -> dict:
    """postern load at a rate, with its own sink at the next hop's port; its JSON."""
    command = [*_load_command(point, port), "--rate", f"{rate:.1f}", "--duration", f"{seconds * 1000:.0f}ms",
               "--warm-up", f"{warm_up * 1000:.0f}ms", "--arrivals", "poisson", "--max-sessions", str(SESSIONS_OPEN_LOOP),
               "--sink", f"{ADDRESS}:{hop}", "--sink-wait", "10s", "--json", "-"]
    done = _run(command, seconds + warm_up + 60)
    figures = _figures(done)
    if figures["messages"]["accepted"] == 0:
        raise RunFailed(f"postern load: nothing was taken; {_errors(figures)}")
    return figures


def _run(command: list[str], patience: float) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=patience,
                              env=os.environ | {"LC_ALL": "C"})
    except subprocess.TimeoutExpired:
        source = "postern load" if command[0] == str(executable()) else Path(command[0]).name
        raise TooSlow(f"{source} was not done after {patience:.0f} s") from None


def _figures(done: subprocess.CompletedProcess) -> dict:
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        raise RunFailed(f"postern load ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}") from None


def _errors(figures: dict) -> str:
    return "; ".join(f"{error['count']} x {error.get('example', error['kind'])}" for error in figures.get("errors", [])[:3]) or "no error told"
