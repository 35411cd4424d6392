# SPDX-License-Identifier: Apache-2.0
"""The targets, and whether a run has met them."""

from dataclasses import dataclass

from . import figures
from .points import BASE

# (figure, at least or at most, times the best peer's): "best" is the durable peer that is best at this figure in this run.
_BESIDE = {
    BASE.name: [(figures.RATE, "least", 8.0), (figures.CPU, "most", 1 / 12)],
    "size 10 MB": [(figures.RATE, "least", 1.5), (figures.CPU, "most", 1 / 2)],
}
_WHAT = {figures.RATE: "messages/s, drained", figures.CPU: "CPU a message"}
_LABELS = {BASE.name: "1 KB, kept connections", "size 10 MB": "10 MB"}
FLAT = 1.5                   # times the memory at 100 KB, where messages are 100 times as large
P99_OF_POSTFIX = 0.25
POSTFIX = "postfix"
HALF = 0.5
IDLE = 12 * 1024             # octets, without TLS
SYSCALLS = 25.0              # a message of 1 KB, kept connections on both sides


@dataclass(frozen=True)
class Target:
    what: str
    system: str
    value: float | None      # None: not measured in this run
    wanted: float | None     # None: nothing is, the figure is there to be compared with
    least: bool              # `value` must be at least `wanted`, otherwise at most
    against: str = ""

    @property
    def met(self) -> bool | None:
        if self.value is None or self.wanted is None:
            return None
        return self.value >= self.wanted if self.least else self.value <= self.wanted

    @property
    def verdict(self) -> str:
        if self.value is not None and self.wanted is None:
            return "no target"
        return {True: "met", False: "missed", None: "not measured"}[self.met]


def evaluate(results: dict) -> list[Target]:
    """In the order of the list of targets; each for every mode of postern in the run."""
    ours = [name for name in (figures.named(results, BASE.name) or {"systems": {}})["systems"] if figures.is_ours(name)]
    found = []
    for system in ours:
        for name, wanted in _BESIDE.items():
            found += [_beside(results, name, system, *one) for one in wanted]
        found.append(_flat(results, system))
        found += _waiting(results, system)
        found.append(Target("1 KB, kept connections: system calls a message", system, _calls(results, system), SYSCALLS, False))
    if ours:
        for tls, what, wanted in ((False, "without TLS", IDLE), (True, "with TLS", None)):
            octets = [one["octets"] for one in results["ours"].get("idle", {}).values() if one["tls"] == tls]
            found.append(Target(f"an idle session {what}, octets", "postern", max(octets, default=None), wanted, False))
    return found


def _calls(results: dict, system: str) -> float | None:
    """Counted by the kernel at the base point as the peers' are; by strace, which makes them more, where it could not."""
    if counted := figures.calls(figures.named(results, BASE.name), system):
        return counted.median
    calls = results["ours"].get("syscalls", {}).get(system)
    return sum(calls.values()) if calls else None


def _beside(results: dict, name: str, system: str, figure: str, bound: str, wanted: float) -> Target:
    point = figures.named(results, name)
    best = figures.best_peer(results, point, figure) if point else None
    ratio = figures.ratio(point, system, best, figure) if point and best else None
    return Target(f"{_LABELS[name]}: {_WHAT[figure]}, times the best peer's", system, ratio.median if ratio else None, wanted,
                  bound == "least", best or "")


def _flat(results: dict, system: str) -> Target:
    """Of its own memory: pages of files are the kernel's to give and take, and it has more of them where more is written."""
    large, small = (figures.named(results, name) for name in ("size 10 MB", "size 100 KB"))
    values = [figures.of_system(point, system, figures.OWN) if point else None for point in (large, small)]
    value = values[0].median / values[1].median if all(values) and values[1].median > 0 else None
    return Target("10 MB: peak of its own memory, times that at 100 KB", system, value, FLAT, False)


def _waiting(results: dict, system: str) -> list[Target]:
    theirs = figures.latency(results, POSTFIX, HALF, POSTFIX, "letter", "p99")
    found = []
    for of, what in ((system, "each at half of its own capacity"), (POSTFIX, "both at half of Postfix's capacity")):
        ours = figures.latency(results, system, HALF, of, "letter", "p99")
        value = ours.median / theirs.median if ours and theirs and theirs.median > 0 else None
        found.append(Target(f"p99 until the 250, {what}, times Postfix's", system, value, P99_OF_POSTFIX, False, POSTFIX))
    return found


def lines(found: list[Target]) -> list[str]:
    """For a terminal."""
    return [f"{one.verdict.upper()} {one.system}: {one.what}: {number(one.value)}" +
            (f" (wanted at {'least' if one.least else 'most'} {number(one.wanted)}{f', against {one.against}' if one.against else ''})"
             if one.wanted is not None else "") for one in found]


def number(value: float | None) -> str:
    """Three significant digits, without exponent."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if value >= 10 else 2 if value >= 1 else 3}f}"
