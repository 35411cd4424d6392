# SPDX-License-Identifier: Apache-2.0
"""Next hops that misbehave: one that takes its time for each command, one that accepts and says nothing, one that is not there.
In an event loop of their own thread; they cost next to nothing."""

import asyncio
import threading

from systems import ADDRESS

from ports import free_port


class Hops:
    """Servers run between `with`; each `add_...` returns its port."""

    def __init__(self) -> None:
        self.octets = 0     # of the messages' contents that slow hops have taken
        self.messages = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Hops":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, coroutine):
        """Starts a coroutine in the loop; the future ends with it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def add_slow(self, delay: float) -> int:
        """Waits so long, in seconds, before each of its replies."""
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._session(reader, writer, delay)
        return self._listen(serve)

    def add_silent(self) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(65536):
                pass
            writer.close()
        return self._listen(serve)

    @staticmethod
    def add_refusing() -> int:
        return free_port(ADDRESS)

    def _listen(self, serve) -> int:
        port = free_port(ADDRESS)

        async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass  # the other side went, or the benchmark is over
            finally:
                writer.close()
        self.run(asyncio.start_server(guarded, ADDRESS, port, backlog=1024, limit=1 << 27)).result(10)
        return port

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
        async def reply(line: bytes) -> None:
            await asyncio.sleep(delay)
            writer.write(line + b"\r\n")
            await writer.drain()

        await reply(b"220 slow.example ESMTP")
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            if verb == b"QUIT":
                await reply(b"221 2.0.0 bye")
                return
            if verb != b"DATA":
                await reply(b"250 2.0.0 ok")
                continue
            await reply(b"354 go on")
            text = await reader.readuntil(b"\r\n.\r\n")
            self.octets += len(text) - 3
            self.messages += 1
            await reply(b"250 2.0.0 taken")

    async def _end(self) -> None:
        own = asyncio.current_task()
        for task in asyncio.all_tasks():
            if task is not own:
                task.cancel()
        await asyncio.sleep(0)
