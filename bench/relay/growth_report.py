# SPDX-License-Identifier: Apache-2.0
"""The figures of a growth run, its table, and the limits that it is held to."""

import datetime
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from one_run import Load, source_command
from report import machine, versions

BASE = 10_000           # the backlog that the others are compared with
FACTOR = 1.5
ALL_MET = f"No limit was missed (those that compare need a backlog of {BASE:,} in the run)."
ACCEPTING = 2.0         # seconds
SCHEDULED = 20.0        # seconds
MEMORY = 700e6          # octets, of the restarted process
LEFT = 300e6            # octets of data_dir when everything is delivered


@dataclass(frozen=True)
class Slice:
    messages: int = 0
    seconds: float = 0.0    # a message
    cpu: float = 0.0        # seconds a message, of postern alone


@dataclass(frozen=True)
class Memory:
    """What `postern queue stats` says, in octets."""

    growing: int = 0    # given out by the allocator, less what follows
    database: int = 0   # memtables and block cache
    letters: int = 0    # in memory: their bodies and the rest of them

    @staticmethod
    def of(told: dict[str, int]) -> "Memory":
        database, letters = told["memtables"] + told["block_cache"], told["bodies"] + told["letters"]
        return Memory(told["allocated"] - database - letters, database, letters)


@dataclass
class Figures:
    """One round with one backlog. Octets and seconds."""

    backlog: int
    fresh: int                  # VmRSS with nothing queued, just started
    warm: int                   # the same after the warm-up
    empty_disk: int             # data_dir then
    rehearsed: int              # messages of a first restart
    fresh_parts: Memory         # behind it, with as many sessions as there are in the restart proper
    warm_parts: Memory
    accept: Slice = field(default_factory=Slice)
    queued: int = 0             # VmRSS with the whole backlog
    queued_parts: Memory = Memory()
    filled_peak: int = 0        # VmHWM
    disk: int = 0               # data_dir with the whole backlog
    accepting: float = 0.0
    scheduled: float = 0.0
    restarted: int = 0          # VmRSS when everything is scheduled
    restarted_parts: Memory = Memory()
    restart_peak: int = 0
    opening: Slice = field(default_factory=Slice)   # its first thousand: connections are opened
    first: Slice | None = None      # a tenth behind that; none in a backlog that is hardly more
    last: Slice | None = None
    drained: float = 0.0
    drained_peak: int = 0
    left: int = 0
    shrunk: float = 0.0
    stolen: float = 0.0         # share of the machine's time

    @property
    def memory(self) -> float:
        """Octets a message, beyond the empty gateway's."""
        return (self.queued - self.warm) / self.backlog

    @property
    def restarted_memory(self) -> float:
        return (self.restarted - self.fresh) / self.backlog

    @property
    def growing(self) -> float:
        """Octets a message, without what has a limit."""
        return (self.queued_parts.growing - self.warm_parts.growing) / self.backlog

    @property
    def restarted_growing(self) -> float:
        return (self.restarted_parts.growing - self.fresh_parts.growing) / (self.backlog - self.rehearsed)


def progress(one: Figures) -> str:
    return (f"{one.backlog} messages: accepted in {one.accept.seconds * 1e6:.0f} us each, {one.memory:.0f} octets of memory each, "
            f"{one.growing:.0f} of what grows ({one.restarted_growing:.0f} after the restart); "
            f"restart: accepting after {one.accepting:.2f} s, scheduled after {one.scheduled:.2f} s, {one.restart_peak / 1e6:.0f} MB; "
            f"drained in {one.drained:.1f} s, {one.drained / one.backlog * 1e6:.0f} us each; "
            f"{one.left / 1e6:.0f} MB left after {one.shrunk:.1f} s")


def _of(group: list[Figures], figure: Callable[[Figures], float]) -> float:
    return median(figure(one) for one in group)


def _slice(group: list[Figures], name: str) -> str:
    if getattr(group[0], name) is None:
        return ""
    seconds, cpu = (_of(group, lambda one: getattr(getattr(one, name), figure)) for figure in ("seconds", "cpu"))
    return f"{seconds * 1e6:.0f} ({cpu * 1e6:.0f})"


_COLUMNS: dict[str, Callable[[list[Figures]], str]] = {
    "backlog": lambda group: f"{group[0].backlog:,}",
    "accept, us/message": lambda group: f"{_of(group, lambda one: one.accept.seconds * 1e6):.0f}",
    "accept, CPU us": lambda group: f"{_of(group, lambda one: one.accept.cpu * 1e6):.0f}",
    "memory, octets/message": lambda group: f"{_of(group, lambda one: one.memory):,.0f}",
    "that grows, octets/message": lambda group: f"{_of(group, lambda one: one.growing):,.0f}",
    "database, MB": lambda group: f"{_of(group, lambda one: one.queued_parts.database / 1e6):.0f}",
    "letters at hand, MB": lambda group: f"{_of(group, lambda one: one.queued_parts.letters / 1e6):.0f}",
    "memory, peak MB": lambda group: f"{_of(group, lambda one: one.filled_peak / 1e6):.0f}",
    "data_dir, MB": lambda group: f"{_of(group, lambda one: one.disk / 1e6):.0f}",
    "octets/message": lambda group: f"{_of(group, lambda one: (one.disk - one.empty_disk) / one.backlog):,.0f}",
    "restart: accepting, s": lambda group: f"{_of(group, lambda one: one.accepting):.2f}",
    "scheduled, s": lambda group: f"{_of(group, lambda one: one.scheduled):.2f}",
    "memory then, octets/message": lambda group: f"{_of(group, lambda one: one.restarted_memory):,.0f}",
    "that grows then, octets/message": lambda group: f"{_of(group, lambda one: one.restarted_growing):,.0f}",
    "its peak MB": lambda group: f"{_of(group, lambda one: one.restart_peak / 1e6):.0f}",
    "drain: opening, us/message (CPU)": lambda group: _slice(group, "opening"),
    "first 10 %": lambda group: _slice(group, "first"),
    "last 10 %": lambda group: _slice(group, "last"),
    "all, s": lambda group: f"{_of(group, lambda one: one.drained):.1f}",
    "peak MB": lambda group: f"{_of(group, lambda one: one.drained_peak / 1e6):.0f}",
    "data_dir then, MB (after s)": lambda group:
        f"{_of(group, lambda one: one.left / 1e6):.0f} ({_of(group, lambda one: one.shrunk):.1f})",
}


def markdown(results: list[list[Figures]], kind: str, rates: list[float], octets: int) -> str:
    lines = [f"| {' | '.join(_COLUMNS)} |", "|" + "---:|" * len(_COLUMNS)]
    lines += [f"| {' | '.join(cell(group) for cell in _COLUMNS.values())} |" for group in results]
    counts = ", ".join(f"{len(group)} of {group[0].backlog:,}" for group in results)
    largest = results[-1][0].backlog
    source = shlex.join(["smtp-source", "-c", *source_command(Load(octets, 20, largest), 0, largest)[1:]])
    return "\n".join([
        *lines, "",
        f"- {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC; {machine()}; data on {kind}, where one thread makes "
        f"{rates[0]:.0f} times a second 2 KB durable (fdatasync) before, {rates[1]:.0f} after; highest share of the machine's time in "
        f"a round that the hypervisor gave to others: {max(one.stolen for group in results for one in group):.1%}.",
        f"- {versions()}.",
        f"- Command: `{shlex.join(['tools/dev', 'bench', 'growth', *sys.argv[1:]])}`; source: `{source}` and so on; "
        "sink: `smtp-sink -c -m 2000`.",
        f"- Medians of rounds ({counts}), interleaved, each with a data_dir of its own. Every message that was answered 250 was there after "
        "kill -9 and a restart, and arrived once; at the end the queue was empty.",
    ])


def missed(results: list[list[Figures]]) -> list[str]:
    """The limits that were not met, a line each; those that compare need a backlog of BASE in the run."""
    lines = []
    base = next((group for group in results if group[0].backlog == BASE), None)

    def compare(group: list[Figures], what: str, figure: Callable[[Figures], float], upwards_only: bool = False) -> None:
        value, wanted = _of(group, figure), _of(base, figure)
        low = 0.0 if upwards_only else wanted / FACTOR
        if not low <= value <= wanted * FACTOR:
            lines.append(f"NOT MET {group[0].backlog:,}: {what} {value:,.0f}, {wanted:,.0f} at {BASE:,}: not within {FACTOR:g} times")

    def limit(group: list[Figures], what: str, figure: Callable[[Figures], float], most: float) -> None:
        if (value := max(map(figure, group))) > most:
            lines.append(f"NOT MET {group[0].backlog:,}: {what} {value:.2f}, wanted at most {most:g}")

    for group in results:
        if base:
            compare(group, "accept, us/message", lambda one: one.accept.seconds * 1e6)
            compare(group, "drain, opening, us/message", lambda one: one.opening.seconds * 1e6)
            if group[0].first:
                compare(group, "drain, first 10 %, us/message", lambda one: one.first.seconds * 1e6)
                compare(group, "drain, last 10 %, us/message", lambda one: one.last.seconds * 1e6)
            compare(group, "memory, octets/message", lambda one: one.memory, upwards_only=True)
            compare(group, "memory that grows, octets/message", lambda one: one.growing)
            compare(group, "memory that grows, after a restart, octets/message", lambda one: one.restarted_growing)
        limit(group, "accepting after s", lambda one: one.accepting, ACCEPTING)
        limit(group, "scheduled after s", lambda one: one.scheduled, SCHEDULED)
        limit(group, "restart's peak MB", lambda one: one.restart_peak / 1e6, MEMORY / 1e6)
        limit(group, "data_dir after the drain, MB", lambda one: one.left / 1e6, LEFT / 1e6)
    return lines
