# SPDX-License-Identifier: Apache-2.0
"""The database's log as it lies in data_dir/db, so that a test can damage a place that it knows: groups, and letters in them."""

import struct
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = 32768
_HEADER = struct.Struct("<IHB")    # checksum, length, type
HEADER = _HEADER.size
LENGTH_AT = 4                      # in a header
_FULL, _FIRST = 1, 2
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def key(space: bytes, letter: str) -> bytes:
    """As it stands in a group, its length in front: `space` is b"e" for a letter's record, b"b" for its body."""
    value = 0
    for digit in letter:
        value = value << 5 | _DIGITS.index(digit)
    return b"\x09" + space + value.to_bytes(8, "big")


@dataclass
class Group:
    """What was written at once. It has a header in the file for each block that it is in."""
    parts: list[tuple[int, bytes]] = field(default_factory=list)    # where its header is, and what is behind that

    @property
    def octets(self) -> bytes:
        return b"".join(octets for _, octets in self.parts)

    @property
    def start(self) -> int:
        return self.parts[0][0]

    @property
    def end(self) -> int:
        at, octets = self.parts[-1]
        return at + HEADER + len(octets)

    def place(self, index: int) -> int:
        """Where in the file the octet of that index is."""
        for at, octets in self.parts:
            if index < len(octets):
                return at + HEADER + index
            index -= len(octets)
        raise IndexError

    def place_of(self, space: bytes, letter: str, behind: int = 0) -> int:
        """Where the octet is that comes so many behind the key of a letter's record or body."""
        return self.place(self.octets.index(key(space, letter)) + behind)


def groups(log: Path) -> list[Group]:
    """Of a log that is not damaged."""
    octets, out = log.read_bytes(), []
    for block in range(0, len(octets), BLOCK):
        at, end = block, min(block + BLOCK, len(octets))
        while at + HEADER <= end:
            _, length, kind = _HEADER.unpack_from(octets, at)
            if kind in (_FULL, _FIRST):
                out.append(Group())
            out[-1].parts.append((at, octets[at + HEADER:at + HEADER + length]))
            at += HEADER + length
    return out


def flip(log: Path, at: int, bits: int = 0x10) -> None:
    octets = log.read_bytes()[at:at + 1]
    overwrite(log, at, bytes([octets[0] ^ bits]))


def overwrite(log: Path, at: int, octets: bytes) -> None:
    with log.open("r+b") as file:
        file.seek(at)
        file.write(octets)
