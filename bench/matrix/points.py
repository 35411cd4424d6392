# SPDX-License-Identifier: Apache-2.0
"""What is measured: a base point, one axis varied at a time, and a few corners that stand for a use."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Point:
    name: str
    axis: str                # what --only names
    size: int = 1024         # octets of the content
    recipients: int = 1      # of each message
    sessions: int = 20       # at a time
    kept: bool = True        # many messages over one connection, or a new one for each
    tls: bool = False        # on both sides of the relay


AXES = ("size", "recipients", "sessions", "connections", "tls")
CORNERS = "corners"
BASE = Point("base", "base")
SIZES = {"1 KB": 1024, "10 KB": 10_240, "100 KB": 102_400, "10 MB": 10_485_760}

_VARIED = [
    *(replace(BASE, name=f"size {name}", axis="size", size=size) for name, size in SIZES.items() if size != BASE.size),
    *(replace(BASE, name=f"{count} recipients", axis="recipients", recipients=count) for count in (10, 100)),
    *(replace(BASE, name=f"{count} session{'s' if count > 1 else ''}", axis="sessions", sessions=count) for count in (1, 200, 2000)),
    replace(BASE, name="new connections", axis="connections", kept=False),
    replace(BASE, name="TLS", axis="tls", tls=True),
]
_CORNERS = [
    # The open Internet: whoever comes brings one message, and TLS.
    Point("Internet", CORNERS, size=10_240, sessions=200, kept=False, tls=True),
    # A newsletter from the mail server behind.
    Point("newsletter", CORNERS, size=102_400, recipients=100),
    # Two mail servers and their attachments.
    Point("attachments", CORNERS, size=10_485_760, sessions=20, tls=True),
]


def points(only: list[str] | None = None) -> list[Point]:
    """In the order in which a budget of time takes them. The base point is always among them: the rates of the latency runs are
    shares of what was measured there."""
    chosen = [BASE]
    chosen += [point for point in _VARIED + _CORNERS if only is None or point.axis in only]
    return chosen
