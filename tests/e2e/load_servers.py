# SPDX-License-Identifier: Apache-2.0
"""Servers that load.py sends to, each with a fault of its own."""

import socket
import threading
import time

from ports import GATEWAY, free_port


class Stalling(threading.Thread):
    """Takes letters, and answers none for a moment behind the first."""

    def __init__(self, seconds: float):
        super().__init__(daemon=True)
        self._seconds = seconds
        self._listener = socket.create_server((GATEWAY, free_port(GATEWAY)))
        self.server = self._listener.getsockname()[:2]
        self.letters = 0

    def run(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with client, client.makefile("rwb") as wire:
                self._serve(wire)

    def _serve(self, wire) -> None:
        self._say(wire, "220 stalls.example")
        while line := wire.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say(wire, "354 go ahead")
                while wire.readline() not in (b".\r\n", b""):
                    pass
                self.letters += 1
                if self.letters == 1:
                    time.sleep(self._seconds)    # the stall is what is tested
            self._say(wire, "221 bye" if verb == b"QUIT" else "250 ok")
            if verb == b"QUIT":
                return

    def _say(self, wire, reply: str) -> None:
        wire.write(reply.encode() + b"\r\n")
        wire.flush()


class Leaving(threading.Thread):
    """Takes a letter's commands and the head of its BDAT, answers all of them well, and resets the connection."""

    def __init__(self):
        super().__init__(daemon=True)
        self._listener = socket.create_server((GATEWAY, free_port(GATEWAY)))
        self.server = self._listener.getsockname()[:2]

    def run(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with client:
                self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        client.sendall(b"220 leaves.example\r\n")
        seen = b""
        while b"BDAT " not in seen:
            octets = client.recv(4096)
            if not octets:
                return
            seen += octets
            if octets.startswith(b"EHLO"):
                client.sendall(b"250-leaves.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
            elif octets.startswith(b"QUIT"):
                client.sendall(b"221 bye\r\n")
        # What was not read makes the end of the connection a reset, while the client still writes.
        client.sendall(b"250 2.0.0 ok\r\n" * 2)
