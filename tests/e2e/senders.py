# SPDX-License-Identifier: Apache-2.0
"""Clients of many makes that send one message, whose octets are given, to one recipient. Each raises SendError when refused."""

import smtplib
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

SENDER = "sender@client.example"
LIMIT = 300.0


class SendError(Exception):
    """The client could not send, or was refused."""


def _run(command: list[str], octets: bytes = b"") -> None:
    run = subprocess.run(command, input=octets, capture_output=True, check=False, timeout=LIMIT)
    if run.returncode:
        said = (run.stdout[-600:] + run.stderr[-600:]).decode(errors="replace")
        raise SendError(f"{Path(command[0]).name} ended with status {run.returncode}: {said}")


def _file(octets: bytes) -> "tempfile._TemporaryFileWrapper[bytes]":
    file = tempfile.NamedTemporaryFile(prefix="postern-letter-")
    file.write(octets)
    file.flush()
    return file


def _stuffed(octets: bytes) -> bytes:
    """As DATA carries it, the final dot included."""
    return (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def swaks(server: tuple[str, int], recipient: str, octets: bytes) -> None:
    # Left to itself swaks adds an empty line, and takes a last line that is a dot for the end.
    with _file(_stuffed(octets)) as file:
        _run(["swaks", "--server", server[0], "--port", str(server[1]), "--from", SENDER, "--to", recipient, "--data",
              f"@{file.name}", "--no-data-fixup", "--helo", "client.example", "--timeout", "120", "--silent", "2",
              "--suppress-data"])


def curl(server: tuple[str, int], recipient: str, octets: bytes) -> None:
    with _file(octets) as file:
        _run(["curl", "--silent", "--show-error", f"smtp://{server[0]}:{server[1]}/client.example", "--mail-from", SENDER,
              "--mail-rcpt", recipient, "--upload-file", file.name])


def msmtp(server: tuple[str, int], recipient: str, octets: bytes) -> None:
    # Reads lines with LF, as from any program of the system, and sends CRLF.
    _run(["msmtp", f"--host={server[0]}", f"--port={server[1]}", "--auth=off", "--tls=off", "--domain=client.example",
          f"--from={SENDER}", "--", recipient], octets.replace(b"\r\n", b"\n"))


def python(server: tuple[str, int], recipient: str, octets: bytes) -> None:
    try:
        with smtplib.SMTP(*server, local_hostname="client.example", timeout=LIMIT) as client:
            client.sendmail(SENDER, [recipient], octets)
    except smtplib.SMTPException as error:
        raise SendError(f"smtplib: {error!r}") from None


def smtp_source(server: tuple[str, int], recipient: str, octets: bytes, messages: int, sessions: int) -> None:
    # It adds an empty line at the end, which the octets must therefore have.
    assert octets.endswith(b"\r\n\r\n")
    with _file(octets.removesuffix(b"\r\n").replace(b"\r\n", b"\n")) as file:
        _run(["smtp-source", "-s", str(sessions), "-m", str(messages), "-F", file.name, "-f", SENDER, "-t", recipient,
              "-M", "client.example", f"{server[0]}:{server[1]}"])


class Raw:
    """A client that sends what it is told to. Used where the others are too polite: BDAT, and messages without a header."""

    def __init__(self, server: tuple[str, int]):
        self._socket = socket.create_connection(server, LIMIT)
        self._replies = self._socket.makefile("rb")
        self._want("220")
        self.command("EHLO client.example", "250")

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_) -> None:
        self._socket.close()

    def command(self, line: str, wanted: str) -> str:
        self._socket.sendall(line.encode() + b"\r\n")
        return self._want(wanted)

    def envelope(self, recipient: str, parameters: str = "") -> None:
        self.command(f"MAIL FROM:<{SENDER}>{parameters}", "250")
        self.command(f"RCPT TO:<{recipient}>", "250")

    def data(self, octets: bytes) -> None:
        self.command("DATA", "354")
        self._socket.sendall(_stuffed(octets))
        self._want("250")

    def bdat(self, octets: bytes, sizes: Iterator[int], pipelined: bool) -> None:
        """Chunks of the given sizes, the last with LAST; each with its command in one write. Pipelined, all are sent before
        a reply is read (RFC 3030, section 4.2)."""
        view = memoryview(octets)
        done = waiting = 0
        last = False
        while not last:
            size = min(next(sizes), len(octets) - done)
            last = done + size == len(octets)
            command = f"BDAT {size}{' LAST' if last else ''}\r\n".encode()
            self._socket.sendall(command + view[done:done + size])
            done += size
            waiting += 1
            while waiting and (last or not pipelined):
                self._want("250")
                waiting -= 1

    def _want(self, code: str) -> str:
        while True:
            line = self._replies.readline().decode(errors="replace")
            if line[3:4] != "-":
                break
        if not line.startswith(code):
            raise SendError(f"wanted {code}, got {line.strip() or 'the end of the connection'}")
        return line


def raw_data(server: tuple[str, int], recipient: str, octets: bytes) -> None:
    with Raw(server) as client:
        client.envelope(recipient, f" SIZE={len(octets)} BODY=8BITMIME")
        client.data(octets)


def raw_bdat(sizes: list[int], pipelined: bool = False):
    """A sender by BDAT that takes its chunk sizes from the list, again and again."""
    def send(server: tuple[str, int], recipient: str, octets: bytes) -> None:
        def endless() -> Iterator[int]:
            while True:
                yield from sizes
        with Raw(server) as client:
            client.envelope(recipient, f" SIZE={len(octets)} BODY=8BITMIME")
            client.bdat(octets, endless(), pipelined)
    return send
