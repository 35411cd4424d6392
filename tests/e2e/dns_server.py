# SPDX-License-Identifier: Apache-2.0
"""A scripted DNS server over UDP: it answers from a table that a test changes while it runs."""

import ipaddress
import socket
import struct
import threading

_TYPES = {"A": 1, "CNAME": 5, "MX": 15, "TXT": 16, "AAAA": 28}
_NAMES = {number: name for name, number in _TYPES.items()}
_NXDOMAIN, _SERVFAIL = 3, 2


def _encoded(name: str) -> bytes:
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _data(kind: str, text: str) -> bytes:
    """A record's data from its text: "10 mx.example", "192.0.2.1", any text for TXT."""
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(text).packed
    if kind == "MX":
        preference, host = text.split()
        return struct.pack("!H", int(preference)) + _encoded(host)
    if kind == "CNAME":
        return _encoded(text)
    octets = text.encode()
    return b"".join(bytes([len(part)]) + part for part in (octets[at:at + 255] for at in range(0, len(octets) or 1, 255)))


class DnsServer:
    """`records[NAME, TYPE]` is a list of texts; what is in no such key is NXDOMAIN, or empty where the name has others.
    `broken` holds names that are answered with SERVFAIL. Public members may be changed at any time."""

    def __init__(self, address: str, port: int = 53, ttl: int = 1):
        self.records: dict[tuple[str, str], list[str]] = {}
        self.broken: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.address = f"{address}:{port}"
        self._ttl = ttl
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self._socket.settimeout(0.05)    # between two looks whether it is the end
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._stopping:
            try:
                query, client = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            if len(query) > 12:
                self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace").lower())
            at += 1 + query[at]
        name, number = ".".join(labels), struct.unpack("!H", query[at + 1:at + 3])[0]
        question = query[12:at + 5]
        kind = _NAMES.get(number, str(number))
        self.asked.append((name, kind))
        found = list(self.records.get((name, kind), []))
        known = any(owner == name or owner.endswith("." + name) for owner, _ in list(self.records))
        code = _SERVFAIL if name in self.broken else 0 if known else _NXDOMAIN
        if code:
            found = []
        flags = 0x8180 | code    # an answer of a resolver that recursed
        head = query[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0)
        out = head + question
        for text in found:
            data = _data(kind, text)
            out += b"\xc0\x0c" + struct.pack("!HHIH", number, 1, self._ttl, len(data)) + data
        return out
