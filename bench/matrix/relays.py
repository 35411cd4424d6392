# SPDX-License-Identifier: Apache-2.0
"""A relay under test, whatever its make: started for a point, with an account of what it uses and a count of its syncs."""

import shutil
from pathlib import Path
from typing import Protocol

from measure import Account, Usage
from ports import free_port
from sync_count import SyncCount
from systems import ADDRESS, DELIVERIES, RECIPIENT, postern, postfix
from tunnels import make_certificate

from .peers import PEERS
from .points import Point

DIRECT = "direct"                                   # no relay: the source straight to the sink
OURS = tuple(DELIVERIES)
NAMES = ("postfix", *PEERS, *OURS)
# Beyond what Debian's Postfix starts by default (TUNING_README): a process for each session, and one delivery for 100 recipients.
_POSTFIX_MORE = {"smtp_destination_recipient_limit": "1000"}


def cannot(name: str, point: Point) -> str:
    """Why this relay has no part in this point; empty: it has."""
    return PEERS[name].no_tls if point.tls and name in PEERS else ""


class Server(Protocol):
    def stop(self) -> None: ...


class Relay:
    """`port` is where the source sends to. The next hop's port is `hop`, where a sink may come and go."""

    def __init__(self, name: str, folder: Path, point: Point):
        self.name = name
        self.hop = free_port(ADDRESS)
        self.port = self.hop
        self.account: Account | None = None
        self._syncs: SyncCount | None = None
        self._server: Server | None = None
        self._root = folder / f"{name}-{self.hop}"
        if name == DIRECT:
            return
        self.account = Account(f"{name}-{self.hop}")
        self._syncs = SyncCount(folder / f"{name}-{self.hop}.syncs")
        try:
            with self.account.entered():
                self._start(point)
        except BaseException:
            self.stop()
            raise

    def _start(self, point: Point) -> None:
        launcher = self._syncs.launcher
        certificate = make_certificate(self._root.parent) if point.tls else None
        if self.name == "postfix":
            more = _POSTFIX_MORE | {"default_process_limit": str(max(200, point.sessions + 50))}
            self._server = postfix(self._root, self.hop, launcher, point.tls, reuse=point.tls, more=more)
            self.port = self._server.port
        elif self.name in DELIVERIES:
            hops = {"sink": (RECIPIENT.partition("@")[2], self.hop)}
            self._server = postern(self._root, DELIVERIES[self.name], hops, launcher, tls=point.tls)
            self.port = self._server.endpoints["mx"][1]
        else:
            peer = PEERS[self.name](self._root, self.hop, launcher, certificate, point.sessions)
            self._server = peer
            peer.start()
            self.port = peer.port

    def usage(self) -> Usage:
        return self.account.usage() if self.account else Usage()

    def syncs(self) -> int:
        return self._syncs.calls() if self._syncs else 0

    def settle(self) -> None:
        """Waits until it does nothing any more."""
        if self.account:
            self.account.settle()

    def stop(self) -> None:
        try:
            if self._server:
                self._server.stop()
        finally:
            if self.account:
                self.account.close()
            if self._syncs:
                self._syncs.close()
            shutil.rmtree(self._root, ignore_errors=True)
