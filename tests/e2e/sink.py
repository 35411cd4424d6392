# SPDX-License-Identifier: Apache-2.0
"""A recording SMTP server: it takes everything and keeps the exact octets of every message, envelope beside it."""

import asyncio
import re
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Received:
    """One message as it arrived. `path` holds its octets after dot-unstuffing, or after BDAT as they were."""
    sender: str
    recipients: list[str]
    parameters: str          # of MAIL FROM, e.g. "SIZE=120 BODY=8BITMIME"
    path: Path
    chunked: bool
    client: tuple[str, int]

    def octets(self) -> bytes:
        return self.path.read_bytes()


@dataclass
class Options:
    pipelining: bool = True
    chunking: bool = False
    eight_bit: bool = True
    smtputf8: bool = True
    size: int = 0                       # announced limit, 0 for none
    rate: int = 0                       # octets a second that are read of a message; 0 for as fast as they come
    tls: ssl.SSLContext | None = None   # STARTTLS is offered with it
    refuse: dict[str, str] = field(default_factory=dict)     # recipient -> reply


class Sink:
    """Runs its own event loop in a thread. All public members may be used from the thread that made it."""

    def __init__(self, folder: Path, address: str, port: int, options: Options | None = None, keep: bool = True):
        self.address = address
        self.port = port
        self.options = options or Options()
        self.messages: list[Received] = []
        self.count = 0
        self._folder = folder
        self._keep = keep
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sink-{port}", daemon=True)
        self._active = 0
        self._listener: socket.socket | None = None
        self._beginning: set[asyncio.Task] = set()    # connections that are no session yet
        self._writers: set[asyncio.StreamWriter] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> "Sink":
        self._thread.start()
        if not self._started.wait(10):
            raise RuntimeError("the sink did not start")
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def wait_for(self, count: int, seconds: float) -> bool:
        """True as soon as `count` messages in all have arrived."""
        with self._changed:
            return self._changed.wait_for(lambda: self.count >= count, seconds)

    def busy(self) -> bool:
        """A message is being received."""
        return self._active > 0

    def open(self) -> None:
        """It listens again, after close()."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    def close(self) -> None:
        """It listens no more, and every connection is reset."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)

    # asyncio's own server leaves a connection open that nobody serves when it is closed while it accepts (Python 3.11).
    async def _open(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server((self.address, self.port), backlog=100)
            self._listener.setblocking(False)
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        connection.setblocking(False)
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=1 << 16), self._serve)
        task = self._loop.create_task(self._loop.connect_accepted_socket(lambda: protocol, connection))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def _close(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        if self._beginning:
            await asyncio.wait(self._beginning)
            await asyncio.sleep(0)    # their sessions see that it is closed
        for writer in self._writers:
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open())
        self._started.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._listener is None:    # it came while close() was at work
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            await _Session(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def verdict(self) -> str:
        """The reply to the end of a message; only what gets 250 counts as arrived."""
        return "250 2.0.0 taken"

    def begin(self) -> None:
        self._active += 1

    def end(self) -> None:
        self._active -= 1

    def record(self, session: "_Session", octets: bytes, chunked: bool) -> None:
        path = self._folder / f"{self.count:06d}.eml"
        if self._keep:
            path.write_bytes(octets)
        message = Received(session.sender or "", session.recipients, session.parameters, path, chunked, session.client)
        with self._changed:
            self.count += 1
            if self._keep:
                self.messages.append(message)
            self._changed.notify_all()


class _Session:
    def __init__(self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._sink = sink
        self._options = sink.options
        self._reader = reader
        self._writer = writer
        self._pending = bytearray()
        self._encrypted = False
        self.client = writer.get_extra_info("peername")[:2]
        self._reset()

    def _reset(self) -> None:
        self.sender: str | None = None
        self.parameters = ""
        self.recipients: list[str] = []
        self._chunks = bytearray()
        self._in_chunks = False

    async def run(self) -> None:
        self._say("220 sink.example ESMTP")
        while True:
            line = await self._line()
            verb, _, rest = line.decode("utf-8", "replace").partition(" ")
            verb = verb.upper()
            if verb == "QUIT":
                self._say("221 2.0.0 bye")
                await self._writer.drain()
                return
            await self._command(verb, rest)
            if not self._pending:
                await self._writer.drain()

    async def _command(self, verb: str, rest: str) -> None:
        if verb in ("EHLO", "HELO"):
            self._reset()
            self._greet(verb)
        elif verb == "MAIL":
            self._mail(rest)
        elif verb == "RCPT":
            self._rcpt(rest)
        elif verb == "DATA":
            await self._data()
        elif verb == "BDAT" and self._options.chunking:
            await self._bdat(rest)
        elif verb == "RSET":
            self._reset()
            self._say("250 2.0.0 ok")
        elif verb == "STARTTLS" and self._options.tls and not self._encrypted:
            self._say("220 2.0.0 go ahead")
            await self._writer.start_tls(self._options.tls)
            self._encrypted = True
            self._reset()
        elif verb == "NOOP":
            self._say("250 2.0.0 ok")
        else:
            self._say("500 5.5.1 unknown command")

    def _greet(self, verb: str) -> None:
        words = ["sink.example"]
        if verb == "EHLO":
            options = self._options
            words += ["PIPELINING"] * options.pipelining + ["CHUNKING"] * options.chunking
            words += ["8BITMIME"] * options.eight_bit + ["SMTPUTF8"] * options.smtputf8 + ["ENHANCEDSTATUSCODES"]
            words += ["STARTTLS"] * (options.tls is not None and not self._encrypted)
            words.append(f"SIZE {options.size}" if options.size else "SIZE")
        for index, word in enumerate(words):
            self._say(f"250{' ' if index == len(words) - 1 else '-'}{word}")

    def _mail(self, rest: str) -> None:
        path = re.match(r"FROM:\s*<([^>]*)>\s*(.*)", rest, re.I)
        if path is None or self.sender is not None:
            self._say("503 5.5.1 bad MAIL")
            return
        self.sender, self.parameters = path.groups()
        self._say("250 2.1.0 ok")

    def _rcpt(self, rest: str) -> None:
        path = re.match(r"TO:\s*<([^>]*)>", rest, re.I)
        if path is None or self.sender is None:
            self._say("503 5.5.1 bad RCPT")
            return
        refused = self._options.refuse.get(path.group(1).lower())
        if refused:
            self._say(refused)
            return
        self.recipients.append(path.group(1))
        self._say("250 2.1.5 ok")

    async def _data(self) -> None:
        if not self.recipients:
            self._say("554 5.5.1 no valid recipients")
            return
        self._say("354 go ahead")
        await self._writer.drain()
        self._sink.begin()
        try:
            octets = await self._until_dot()
            verdict = await self._sink.verdict()
            if verdict.startswith("250") and self._can_reply():
                self._sink.record(self, octets, chunked=False)
        finally:
            self._sink.end()
        self._reset()
        self._say(verdict)

    async def _bdat(self, rest: str) -> None:
        words = rest.upper().split()
        size = int(words[0])
        if not self._in_chunks:
            self._in_chunks = True
            self._sink.begin()
        chunk = bytearray()
        while len(chunk) < size:
            chunk += await self._some(size - len(chunk))
        if not self.recipients:
            self._in_chunks = False
            self._sink.end()
            self._say("503 5.5.1 no valid recipients")
            return
        self._chunks += chunk
        verdict = "250 2.0.0 ok"
        if words[-1] == "LAST":
            verdict = await self._sink.verdict()
            if verdict.startswith("250") and self._can_reply():
                self._sink.record(self, bytes(self._chunks), chunked=True)
            self._sink.end()
            self._reset()
        self._say(verdict)

    async def _until_dot(self) -> bytes:
        """Everything up to CRLF.CRLF, with the stuffed dots taken off again."""
        stuffed = bytearray(b"\r\n")      # the end of the DATA line counts as the first CRLF
        while True:
            start = max(0, len(stuffed) - 4)
            stuffed += await self._some(1 << 20)
            end = stuffed.find(b"\r\n.\r\n", start)
            if end >= 0:
                self._pending[:0] = stuffed[end + 5:]
                return bytes(stuffed[:end + 2]).replace(b"\r\n.", b"\r\n")[2:]

    async def _some(self, most: int) -> bytes:
        """Between one and `most` octets, at the sink's rate."""
        if self._pending:
            part = bytes(self._pending[:most])
            del self._pending[:most]
            return part
        part = await self._reader.read(min(most, 1 << 16))
        if not part:
            raise ConnectionResetError
        if self._options.rate:
            await asyncio.sleep(len(part) / self._options.rate)
        return part

    async def _line(self) -> bytes:
        while (end := self._pending.find(b"\n")) < 0:
            part = await self._reader.read(1 << 16)
            if not part:
                raise ConnectionResetError
            self._pending += part
        line = bytes(self._pending[:end]).rstrip(b"\r")
        del self._pending[:end + 1]
        return line

    def _can_reply(self) -> bool:
        """A message whose sender will not hear of it has not arrived: it comes again."""
        if self._writer.transport.is_closing():
            raise ConnectionResetError
        return True

    def _say(self, line: str) -> None:
        self._writer.write(line.encode() + b"\r\n")
