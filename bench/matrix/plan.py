# SPDX-License-Identifier: Apache-2.0
"""How long a run takes: an estimate before it begins, and whether what comes next still fits. The figures are of two processors at
2.3 GHz; what a run has measured so far corrects them for its machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from . import figures
from .points import BASE, Point
from .relays import DIRECT, cannot
from .runner import CALL_ROUNDS, PATIENCE, TOO_LONG, messages_for, warm_up_for

# Seconds from the start of a relay to its end, without what it does between.
_STARTS = {DIRECT: 0.2, "postfix": 2.5, "exim": 0.7, "opensmtpd": 1.0, "opensmtpd-sync": 1.0, "haraka": 2.5}
_OURS_STARTS = 0.5
# A run beside its messages: the source's start, the look whether the relay has come to rest.
_RUN = 0.8
# Messages and octets a second that a run is expected to drain.
_RATES = {DIRECT: 20_000.0, "postfix": 600.0, "exim": 150.0, "opensmtpd": 25.0, "opensmtpd-sync": 25.0, "haraka": 300.0}
_OURS_RATE = 6_000.0
_OCTETS = {"exim": 60e6, "haraka": 60e6, "opensmtpd": 100e6, "opensmtpd-sync": 100e6}
_OTHER_OCTETS = 150e6
_RECIPIENTS, _OUR_RECIPIENTS = 6_000.0, 30_000.0      # a second, where a message has several
_CROWD = 200.0               # sessions a second that processes are started for, new connections among them


@dataclass(frozen=True)
class Part:
    """What is measured or left out as a whole."""

    name: str
    axis: str                # as --only names it
    seconds: float           # estimated
    measure: Callable[[], None] = field(repr=False)


def _rate(point: Point, system: str) -> float:
    quick = system == DIRECT or figures.is_ours(system)
    rate = _OURS_RATE if figures.is_ours(system) else _RATES[system]
    recipients = _OUR_RECIPIENTS if quick else _RECIPIENTS
    return min(rate, _OCTETS.get(system, _OTHER_OCTETS) / point.size, recipients / point.recipients if point.recipients > 1 else rate)


def of_point(point: Point, systems: list[str], rounds: int, seconds: float) -> float:
    total = 0.0
    for system in (DIRECT, *systems):
        if cannot(system, point):
            continue
        rate = _rate(point, system)
        run = max(seconds, messages_for(point, rate, seconds) / rate)
        first = warm_up_for(point) / rate + point.sessions / (1e9 if system == DIRECT or figures.is_ours(system) else _CROWD)
        if run > max(TOO_LONG * seconds, 20.0):
            total += _starts(system) + min(first, PATIENCE) + (min(run, PATIENCE) if first < PATIENCE else 0.0)
            continue
        total += _starts(system) + first + _RUN + rounds * (run + _RUN)
        if point == BASE and system != DIRECT:
            total += min(CALL_ROUNDS, rounds) * (max(seconds, 8 * point.sessions / rate) + 2 * _RUN)
    return total


def of_latency(systems: list[str], rounds: int, seconds: float) -> float:
    """As if the best peer were Postfix: ours get two loads more otherwise."""
    loads = sum(4 if figures.is_ours(name) and "postfix" in systems else 2 for name in systems)
    return rounds * (sum(_starts(name) + 1.0 for name in systems) + loads * (2.5 * seconds + _RUN + 0.4))


def _starts(system: str) -> float:
    return _OURS_STARTS if figures.is_ours(system) else _STARTS[system]


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def described(parts: list[Part]) -> str:
    """About how long, in all and by axis."""
    by_axis: dict[str, float] = {}
    for part in parts:
        by_axis[part.axis] = by_axis.get(part.axis, 0.0) + part.seconds
    each = ", ".join(f"{axis} {seconds / 60:.1f}" for axis, seconds in by_axis.items())
    return f"about {minutes(sum(by_axis.values()))} ({each})"


class Clock:
    """Which parts fit before the deadline (time.monotonic()), and what is left."""

    def __init__(self, deadline: float):
        self.deadline = deadline
        self._estimated = 0.0
        self._took = 0.0

    @property
    def pace(self) -> float:
        """How many times the estimates this machine takes."""
        return min(4.0, max(0.5, self._took / self._estimated)) if self._estimated >= 20 else 1.0

    def fits(self, part: Part) -> bool:
        return time.monotonic() + part.seconds * self.pace <= self.deadline

    def run(self, part: Part) -> float:
        """How many seconds it took."""
        began = time.monotonic()
        part.measure()
        took = time.monotonic() - began
        self._estimated += part.seconds
        self._took += took
        return took
