# SPDX-License-Identifier: Apache-2.0
"""A small SMTP server that says what it is told to, one thread a connection, and remembers every octet it got."""

import base64
import socket
import ssl
import threading
from dataclasses import dataclass, field

from process import HarnessError

CLOSE = "close"    # in place of a reply: the connection ends without a word


@dataclass
class Heard:
    """One connection. `lines` are commands, `reads` what each read of the socket gave, `message` what stood behind DATA."""
    lines: list[str] = field(default_factory=list)
    reads: list[bytes] = field(default_factory=list)
    message: bytes = b""
    chunks: list[bytes] = field(default_factory=list)
    preamble: bytes = b""
    tls: bool = False

    def verbs(self) -> list[str]:
        return [line.split(" ")[0].upper() for line in self.lines]


@dataclass
class Script:
    """`replies` by verb ("MAIL", "." for the message, "220" for the greeting) in place of the usual ones."""
    replies: dict[str, str] = field(default_factory=dict)
    keywords: list[str] = field(default_factory=lambda: ["PIPELINING", "8BITMIME"])
    tls: ssl.SSLContext | None = None      # with it STARTTLS is offered
    implicit: bool = False                 # TLS from the first octet
    password: str | None = None            # with it AUTH PLAIN LOGIN is offered
    preamble: int = 0                      # octets before the dialogue; -1: a line
    end: bytes = b"\r\n.\r\n"              # what ends a message: another is smuggled with
    keeps_plain: bool = False              # what comes in plain behind STARTTLS is answered within TLS


class Scripted:
    """Listens on 127.0.0.1 until closed."""

    def __init__(self, script: Script):
        self.script = script
        self.heard: list[Heard] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._marks: dict[int, threading.Event] = {}     # by the port that the mark comes from
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> "Scripted":
        return self

    def __exit__(self, *_) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join(10)

    def connections(self) -> list[Heard]:
        """All that clients have opened, when they are over."""
        self._mark()
        for thread in list(self._threads):
            thread.join(30)
            if thread.is_alive():
                raise HarnessError("a connection to the scripted server does not end")
        return self.heard

    def wait(self) -> Heard:
        """The last connection, when it is over."""
        if not (heard := self.connections()):
            raise HarnessError("nobody has connected to the scripted server")
        return heard[-1]

    def _mark(self) -> None:
        """Connections are accepted in their order: behind one of its own, all that came before have been."""
        seen = threading.Event()
        with socket.socket() as mark:
            mark.bind(("127.0.0.1", 0))
            self._marks[mark.getsockname()[1]] = seen
            mark.connect(("127.0.0.1", self.port))
            if not seen.wait(20):
                raise HarnessError("the scripted server accepts nobody")

    def _accept(self) -> None:
        while True:
            try:
                connection, client = self._listening.accept()
            except OSError:
                return
            if mark := self._marks.pop(client[1], None):
                connection.close()
                mark.set()
                continue
            connection.settimeout(20)
            heard = Heard()
            thread = threading.Thread(target=self._serve, args=(connection, heard), daemon=True)
            thread.start()
            self.heard.append(heard)
            self._threads.append(thread)

    def _serve(self, connection: socket.socket, heard: Heard) -> None:
        try:
            _Session(self.script, connection, heard).run()
        except OSError:
            pass    # the client has gone, or TLS did not come about


class _Session:
    def __init__(self, script: Script, connection: socket.socket, heard: Heard):
        self.script = script
        self.connection = connection
        self.heard = heard
        self.input = b""

    def run(self) -> None:
        try:
            self._dialogue()
        finally:
            self.connection.close()

    def _fill(self) -> bool:
        got = self.connection.recv(65536)
        if got:
            self.heard.reads.append(got)
        self.input += got
        return bool(got)

    def _until(self, end: bytes) -> bytes | None:
        while end not in self.input:
            if not self._fill():
                return None
        found, _, self.input = self.input.partition(end)
        return found

    def _message(self) -> bytes | None:
        """Up to the true end, or to what the script takes for one."""
        ends = {self.script.end, b"\r\n.\r\n"}
        while not (found := [(self.input.index(end), -len(end), end) for end in ends if end in self.input]):
            if not self._fill():
                return None
        octets, _, self.input = self.input.partition(min(found)[2])
        return octets

    def _exactly(self, octets: int) -> bytes:
        while len(self.input) < octets and self._fill():
            pass
        found, self.input = self.input[:octets], self.input[octets:]
        return found

    def _say(self, verb: str, usual: str) -> bool:
        """False: the connection ends."""
        text = self.script.replies.get(verb, usual)
        if text == CLOSE:
            return False
        if text:
            self.connection.sendall(text.encode() + b"\r\n")
        return True

    def _wrap(self) -> None:
        self.connection = self.script.tls.wrap_socket(self.connection, server_side=True)
        self.heard.tls = True

    def _dialogue(self) -> None:
        if self.script.preamble > 0:
            self.heard.preamble = self._exactly(self.script.preamble)
        elif self.script.preamble < 0:
            self.heard.preamble = self._until(b"\r\n") or b""
        if self.script.implicit:
            self._wrap()
        if not self._say("220", "220 mx.test ESMTP"):
            return
        while (line := self._until(b"\r\n")) is not None:
            text = line.decode(errors="replace")
            self.heard.lines.append(text)
            if not self._command(text):
                return

    def _command(self, text: str) -> bool:
        verb = text.split(" ")[0].upper()
        if verb in ("EHLO", "LHLO"):
            keywords = [*self.script.keywords]
            if self.script.tls and not self.heard.tls:
                keywords.append("STARTTLS")
            if self.script.password is not None:
                keywords.append("AUTH PLAIN LOGIN")
            lines = ["mx.test", *keywords]
            usual = "\r\n".join(f"250{'-' if n + 1 < len(lines) else ' '}{one}" for n, one in enumerate(lines))
            return self._say(verb, usual)
        if verb == "STARTTLS" and self.script.tls:
            return self._start_tls()
        if verb == "AUTH" and self.script.password is not None:
            return self._auth(text)
        if verb == "DATA":
            return self._data()
        if verb == "BDAT":
            return self._bdat(text)
        if verb == "QUIT":
            self._say("QUIT", "221 bye")
            return False
        known = verb in ("HELO", "MAIL", "RCPT", "RSET", "NOOP")
        if verb == "XCLIENT":
            return self._say(verb, "220 mx.test ESMTP")
        return self._say(verb, "250 2.1.0 fine" if known else "500 5.5.2 unknown")

    def _start_tls(self) -> bool:
        if not self._say("STARTTLS", "220 go on"):
            return False
        if self.script.replies.get("STARTTLS", "220")[0] != "2":
            return True
        kept, self.input = self.input, b""
        self._wrap()
        self.input = kept if self.script.keeps_plain else b""
        return True

    def _auth(self, text: str) -> bool:
        words = text.split(" ")
        secret = words[2] if len(words) > 2 else None
        if words[1].upper() == "LOGIN":
            for question in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"):
                self.connection.sendall(f"334 {question}\r\n".encode())
                secret = (self._until(b"\r\n") or b"").decode()
            good = base64.b64decode(secret).decode() == self.script.password
        else:
            good = base64.b64decode(secret or "").decode().split("\0")[-1] == self.script.password
        return self._say("AUTH", "235 2.7.0 welcome" if good else "535 5.7.8 wrong")

    def _data(self) -> bool:
        go_ahead = self.script.replies.get("DATA", "354 go ahead")
        if not self._say("DATA", go_ahead):
            return False
        if not go_ahead.startswith("354"):
            return True
        self.input = b"\r\n" + self.input
        found = self._message()
        if found is None:
            self.heard.message = self.input[2:]
            return False
        self.heard.message = (found + b"\r\n")[2:]
        for reply in self.script.replies.get(".", "250 2.0.0 taken").split("|"):
            if reply == CLOSE:
                return False
            self.connection.sendall(reply.encode() + b"\r\n")
        return True

    def _bdat(self, text: str) -> bool:
        words = text.split(" ")
        if not words[1].isdigit():
            return self._say("BDAT", "501 5.5.4 no number")
        self.heard.chunks.append(self._exactly(int(words[1])))
        return self._say("BDAT", "250 2.0.0 taken")
