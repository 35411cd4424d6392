# SPDX-License-Identifier: Apache-2.0
"""A client's session that is kept: opened, brought to where a benchmark wants it, and used for letter after letter."""

import socket
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "e2e"))

from process import expect  # noqa: E402

ADDRESS = "127.0.0.1"
PATIENCE = 60.0


def text(size: int) -> bytes:
    """A letter of so many octets, with the dot behind it."""
    line = b"x" * 70 + b"\r\n"
    return (b"Subject: a letter\r\n\r\n" + line * (size // len(line) + 1))[:size - 2] + b"\r\n.\r\n"


class Session:
    """Greeted when it is made. `client`: the address that it comes from; empty: the kernel's choice."""

    def __init__(self, port: int, client: str = "", address: str = ADDRESS):
        self.socket: socket.socket = socket.create_connection((address, port), PATIENCE, (client, 0) if client else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.expect(b"220")

    def expect(self, code: bytes, replies: int = 1) -> None:
        """Reads so many replies; the last has the code."""
        octets = b""
        while not octets.endswith(b"\n") or sum(line[3:4] == b" " for line in octets.splitlines()) < replies:
            some = self.socket.recv(4096)
            expect(bool(some), f"the connection has ended after {octets!r}")
            octets += some
        expect(octets.splitlines()[-1].startswith(code), f"{code!r} was expected, not {octets!r}")

    def say(self, octets: bytes, code: bytes, replies: int = 1) -> None:
        self.socket.sendall(octets)
        self.expect(code, replies)

    def ehlo(self) -> None:
        self.say(b"EHLO client.example\r\n", b"250")

    def secure(self) -> None:
        """STARTTLS with whatever certificate the server has, and EHLO."""
        self.ehlo()
        self.say(b"STARTTLS\r\n", b"220")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)
        self.ehlo()

    def letter(self, sender: str, recipients: Sequence[str], octets: bytes, pipelining: bool = True) -> None:
        """By DATA. Pipelined as RFC 2920 has it, or each command by itself."""
        commands = [f"MAIL FROM:<{sender}>\r\n", *(f"RCPT TO:<{recipient}>\r\n" for recipient in recipients), "DATA\r\n"]
        if pipelining:
            self.say("".join(commands).encode(), b"354", len(commands))
        else:
            for command in commands[:-1]:
                self.say(command.encode(), b"250")
            self.say(commands[-1].encode(), b"354")
        self.say(octets, b"250")

    def letter_in_chunks(self, sender: str, recipients: Sequence[str], octets: bytes) -> None:
        """By BDAT (RFC 3030), all in one write."""
        octets = octets.removesuffix(b".\r\n")
        commands = [f"MAIL FROM:<{sender}>\r\n", *(f"RCPT TO:<{recipient}>\r\n" for recipient in recipients),
                    f"BDAT {len(octets)} LAST\r\n"]
        self.say("".join(commands).encode() + octets, b"250", len(commands))

    def close(self) -> None:
        self.socket.close()
