# SPDX-License-Identifier: Apache-2.0
"""Finds the copies of a letter, wherever they are."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sink import Sink

_STATUS = re.compile(rb"^Status: (\d\.\d+\.\d+)", re.M)


def describe(owner: str, octets: bytes, marker: str) -> str | None:
    """`OWNER` for the letter itself, `OWNER bounce STATUS` for a report about it, None for anything else."""
    if marker.encode() not in octets:
        return None
    header = octets.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    if re.search(rb"^X-Postern-Test: " + marker.encode(), header, re.M):
        return owner
    status = _STATUS.search(octets.replace(b"\r\n", b"\n"))
    if b"multipart/report" in header and status:
        return f"{owner} bounce {status.group(1).decode()}"
    return f"{owner} unexpected mention"


def maildir_messages(base: Path) -> Iterator[tuple[str, bytes]]:
    """(mailbox, octets) of every message below base, where each mailbox is a Maildir named as its user."""
    for kind in ("new", "cur"):
        for path in sorted(base.glob(f"*/{kind}/*")):
            yield path.parent.parent.name, path.read_bytes()


def copies_in_maildirs(server: str, base: Path, marker: str) -> Counter[str]:
    found = (describe(f"{server}:{user}", octets, marker) for user, octets in maildir_messages(base))
    return Counter(name for name in found if name)


def copies_in_sink(server: str, sink: Sink, marker: str) -> Counter[str]:
    """A sink has no mailboxes: each recipient of the envelope counts as one, without its tag."""
    copies: Counter[str] = Counter()
    for message in list(sink.messages):
        octets = message.octets()
        for recipient in message.recipients:
            user = recipient.partition("@")[0].partition("+")[0]
            name = describe(f"{server}:{user}", octets, marker)
            if name:
                copies[name] += 1
    return copies


def first_copy(base: Path, user: str, marker: str) -> bytes:
    for mailbox, octets in maildir_messages(base):
        if mailbox == user and describe(user, octets, marker) == user:
            return octets
    raise LookupError(f"no copy of {marker} in the mailbox of {user}")
