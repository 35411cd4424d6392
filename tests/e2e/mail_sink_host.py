# SPDX-License-Identifier: Apache-2.0
"""`postern sink` as a child process with its control socket."""

import json
import re
import signal
import socket
from pathlib import Path

from gateway import executable
from ports import GATEWAY
from process import HarnessError, expect, spawn, stop, tail, wait_until


class MailSink:
    """`postern sink` with these options; `server` is where it listens, as it has said itself."""

    def __init__(self, root: Path, *options: str, address: str = GATEWAY, port: int = 0, out: int | None = None):
        self.root = root
        self.control = root / "control"
        self.said = root / "sink.out"
        self._command = [str(executable()), "sink", "--listen", f"{address}:{port}", "--control", str(self.control), *options]
        self._errors = root / "sink.err"
        with open(self.said, "wb") as said:
            self._process = spawn(self._command, self._errors, stdout=said if out is None else out)
        self._where = self._errors if "-" in options else self.said
        wait_until(lambda: "listening on" in self._where.read_text() or self._process.poll() is not None, 20, "it listens")
        found = re.search(r"listening on (\S+):(\d+)", self._where.read_text())
        if not found:
            raise HarnessError(f"the sink ended: {tail(self._errors)}")
        self.server = (found[1], int(found[2]))

    def ask(self, request: str) -> list[str]:
        """The answer's lines, without the `ok` at its end."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(self.control))
            client.sendall(request.encode() + b"\n")
            lines = []
            for line in client.makefile():
                if line == "ok\n":
                    return lines
                lines.append(line.rstrip("\n"))
                if line.startswith("error: "):
                    break
            raise HarnessError(f"{request}: {lines}")

    def letters(self) -> list[dict]:
        return [json.loads(line) for line in self.ask("last 100")]

    def errors(self) -> str:
        return self._errors.read_text()

    def interrupt(self, number: int) -> None:
        self._process.send_signal(number)

    def ended(self, seconds: float = 20) -> int:
        return self._process.wait(seconds)

    def end(self, number: int = signal.SIGTERM) -> str:
        """What it has said on standard output, once it has ended by this signal."""
        self.interrupt(number)
        status = self.ended()
        expect(status == 0, f"ended with {status}: {tail(self._errors)}")
        return self.said.read_text()

    def close(self) -> None:
        stop(self._process)
