# SPDX-License-Identifier: Apache-2.0
"""Figures of now beside those that are stored: what grew too much, and which functions it is in."""

from collections.abc import Iterable
from dataclasses import dataclass

LIMIT = 0.03      # of growth
TOP = 10          # functions that are told
STORED_SHARE = 0.004    # of a letter's instructions: functions that make less are not stored
HINT = "when the growth is wanted: tools/dev bench instructions --store, and commit bench/instructions/expected.json"


@dataclass(frozen=True)
class Figure:
    """Instructions a letter, in all and by function."""

    total: float
    functions: dict[str, float]


@dataclass(frozen=True)
class Outcome:
    passed: bool
    lines: list[str]


def growth(now: Figure, stored: Figure) -> float:
    return now.total / stored.total - 1


def grown(now: Figure, stored: Figure) -> list[tuple[str, float, float]]:
    """The functions that cost most more than they did: name, stored, now. One that is not stored may have cost just less
    than what would have been."""
    least = STORED_SHARE * stored.total
    changes = [(name, stored.functions.get(name, least), cost) for name, cost in now.functions.items()]
    more = [change for change in changes if change[2] > change[1]]
    return sorted(more, key=lambda change: (change[1] - change[2], change[0]))[:TOP]


def compare(case: str, now: Figure, stored: Figure | None) -> Outcome:
    if stored is None:
        return Outcome(False, [f"FAIL {case}: {now.total:,.0f} instructions a letter; no figure is stored", f"     {HINT}"])
    change = growth(now, stored)
    told = f"{case}: {now.total:,.0f} instructions a letter, {change:+.1%} ({stored.total:,.0f} stored)"
    if now.total > stored.total * (1 + LIMIT):
        lines = [f"FAIL {told}", f"     over {LIMIT:.0%}; the functions that grew most (stored, now):"]
        lines += [f"     {before:9,.0f} {after:9,.0f}  {name}" for name, before, after in grown(now, stored)]
        return Outcome(False, [*lines, f"     {HINT}"])
    if now.total < stored.total * (1 - LIMIT):
        return Outcome(True, [f"PASS {told}", "     less than stored: store the new figure, so that it stays so"])
    return Outcome(True, [f"PASS {told}"])


def compare_all(now: dict[str, Figure], stored: dict[str, Figure]) -> list[Outcome]:
    """In the order of `now`. A stored case that is not measured any more fails: nobody would see it grow."""
    outcomes = [compare(case, figure, stored.get(case)) for case, figure in now.items()]
    gone = sorted(stored.keys() - now.keys())
    return outcomes + [Outcome(False, [f"FAIL {case}: is stored, and was not measured", f"     {HINT}"]) for case in gone]


def versions_differ(now: dict[str, str], stored: dict[str, str]) -> list[str]:
    """What the figures depend on beside the sources, where it is not as it was when they were stored."""
    lines = [f"     {name}: {stored.get(name, 'none')} when stored, {now.get(name, 'none')} now"
             for name in sorted(now.keys() | stored.keys()) if now.get(name) != stored.get(name)]
    if not lines:
        return []
    return ["note: the figures were stored with other versions; a change of a figure may be theirs:", *lines]


def median_figure(parts: Iterable[Figure]) -> Figure:
    """The middle one of several parts of a run, by its total."""
    ordered = sorted(parts, key=lambda part: part.total)
    return ordered[len(ordered) // 2]


def spread(parts: Iterable[Figure]) -> float:
    """Between the parts of one run, of their middle."""
    totals = sorted(part.total for part in parts)
    return (totals[-1] - totals[0]) / totals[len(totals) // 2]
