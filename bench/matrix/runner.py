# SPDX-License-Identifier: Apache-2.0
"""Runs the points: all relays of a point are started, warmed up, and run in turn, A B C, C B A, so that what drifts meets all alike."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from call_count import CallCount
from measure import Account, machine_ticks
from process import HarnessError

from . import figures
from .points import BASE, Point
from .relays import DIRECT, Relay, cannot
from .tools import RunFailed, Sink, TooSlow, per_message, send, sink

MOST_MESSAGES = 200_000
MOST_OCTETS = 2 << 30        # of one run
WARM_UP = 200                # messages, fewer of large ones, at least one a session
WARM_UP_OCTETS = 64 << 20
PATIENCE = 60.0              # seconds for a run, from its first message to the last arrival
LEAST = 100                  # messages of a run, fewer of large ones, at least two a session
TOO_LONG = 15                # times as long as a run is meant to last: not worth the others' time
STILL_COMING = 2.0           # seconds since the last arrival
CALL_ROUNDS = 3              # in which system calls are counted, at the base point
# What ends a measurement, and not the long run that it is a part of.
FAILURES = (RunFailed, HarnessError, OSError, subprocess.SubprocessError)


@dataclass
class Options:
    """What a run of bench/run was asked for."""

    systems: list[str]
    tools: str
    rounds: int = 5
    seconds: float = 2.0         # that one run of one relay is meant to last
    deadline: float = float("inf")   # time.monotonic()
    folder: Path = field(default_factory=Path)


class PeakMemory:
    """The highest sum over a system's processes while it is entered: resident, and resident without pages of files."""

    def __init__(self, account: Account | None, period: float = 0.2):
        self._account = account
        self._period = period
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.resident = 0
        self.own = 0

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()
        self._sample()

    def _look(self) -> None:
        while not self._over.wait(self._period):
            began = time.monotonic()
            self._sample()
            # Of thousands of processes a look takes time, which is not to be a load of its own.
            self._over.wait(10 * (time.monotonic() - began))

    def _sample(self) -> None:
        if self._account:
            resident, own = self._account.memory_now()
            self.resident, self.own = max(self.resident, resident), max(self.own, own)


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def warm_up_for(point: Point) -> int:
    return max(point.sessions, min(WARM_UP, WARM_UP_OCTETS // point.size))


def least_for(point: Point) -> int:
    return max(2 * point.sessions, min(LEAST, WARM_UP_OCTETS // point.size))


def messages_for(point: Point, rate: float, seconds: float) -> int:
    """So many that a run lasts about so long, but enough to say something, and not more than the disk is to hold."""
    return max(least_for(point), min(MOST_MESSAGES, MOST_OCTETS // point.size, int(rate * seconds)))


def run_once(relay: Relay, target: Sink, point: Point, messages: int, tools: str) -> dict:
    before, syncs, arrived = relay.usage(), relay.syncs(), target.arrived()
    wanted = messages * per_message(tools, point)
    stolen, ticks = machine_ticks()
    with PeakMemory(relay.account) as memory, Arrivals(target, arrived + wanted) as came:
        began = time.monotonic()
        sent = send(tools, point, relay.port, messages, PATIENCE)
        seconds = came.wait(began + PATIENCE - time.monotonic()) - began
    stolen_after, ticks_after = machine_ticks()
    if came.under_way():
        raise TooSlow(f"{target.arrived() - arrived:,} of {wanted:,} had arrived after {PATIENCE:.0f} s")
    relay.settle()
    if (found := target.arrived() - arrived) != wanted:
        raise RunFailed(f"{messages} messages were sent and answered 250, so {wanted} were to arrive, and {found} did")
    usage = relay.usage() - before
    return {"messages": messages, "octets": sent.octets, "seconds": max(seconds, 1e-3), "accepted_s": sent.accepted_s,
            "cpu_s": usage.cpu, "user_s": usage.user, "system_s": usage.system, "written": usage.written,
            "switches": usage.switches, "syncs": relay.syncs() - syncs, "memory": memory.resident, "own_memory": memory.own,
            "stolen": (stolen_after - stolen) / max(1, ticks_after - ticks)}


class Arrivals:
    """Looks at the sink beside the run, and knows when it had them all."""

    def __init__(self, target: Sink, wanted: int):
        self._target = target
        self._wanted = wanted
        self._over = threading.Event()
        self._at = 0.0
        self._count = 0
        self._changed = 0.0
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Arrivals":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()

    def wait(self, patience: float) -> float:
        """When, as time.monotonic(); that of the last look where some never came."""
        self._thread.join(max(0.0, patience))
        self._over.set()
        self._thread.join()
        if self._failure:
            raise self._failure
        return self._at

    def under_way(self) -> bool:
        """Not all were there at the last look, and more were still coming."""
        return self._count < self._wanted and self._at - self._changed < STILL_COMING

    def _look(self) -> None:
        try:
            while not self._over.wait(0.01):
                self._at, count = time.monotonic(), self._target.arrived()
                if count != self._count:
                    self._count, self._changed = count, self._at
                if count >= self._wanted:
                    return
        except (OSError, HarnessError) as error:
            self._failure = error if isinstance(error, HarnessError) else HarnessError(f"the sink is gone: {error}")


class Stand:
    """The relays of one point and their sinks, while they run."""

    def __init__(self, point: Point, options: Options):
        self.point = point
        self.options = options
        self.relays: dict[str, Relay] = {}
        self.sinks: dict[str, Sink] = {}
        self.messages: dict[str, int] = {}
        self.results: dict[str, dict] = {name: {"runs": [], "failures": [], "cannot": cannot(name, point)}
                                         for name in [DIRECT, *options.systems]}

    def attempt(self, name: str, what: Callable[[], None]) -> None:
        """A relay that fails is named in the results, and the others go on without it. That a peer is too slow for a load is what was
        to be found out; of ours it is a failure."""
        try:
            what()
        except FAILURES as error:
            if isinstance(error, TooSlow) and name != DIRECT and not figures.is_ours(name):
                self.results[name]["cannot"] = f"too slow: {error}"
                progress(f"{self.point.name}: {name} is too slow: {error}")
                self.close(name)
                return
            self.results[name]["failures"].append(str(error))
            progress(f"{self.point.name}: {name} FAILED: {error}")
            self.close(name)

    def open(self, name: str) -> None:
        options, point = self.options, self.point
        relay = self.relays[name] = Relay(name, options.folder, point)
        self.sinks[name] = sink(options.tools, name, options.folder, relay.hop, point.tls)
        most = max(TOO_LONG * options.seconds, 20.0)
        for number in (warm_up_for(point), None):
            # A second time where the first was slow: processes for thousands of sessions start but once.
            messages = number or self.messages[name]
            run = run_once(relay, self.sinks[name], point, messages, options.tools)
            self.messages[name] = messages_for(point, messages / run["seconds"], options.seconds)
            expected = self.messages[name] * run["seconds"] / messages
            if expected <= most:
                return
        raise TooSlow(f"{messages:,} messages, the least of a run, took {run['seconds']:.0f} s")

    def run(self, name: str, number: int) -> None:
        run = run_once(self.relays[name], self.sinks[name], self.point, self.messages[name], self.options.tools)
        self.results[name]["runs"].append({"round": number, **run})
        progress(f"{self.point.name}, round {number + 1}: {name} {run['messages'] / run['seconds']:.0f}/s, "
                 f"{run['cpu_s'] * 1000 / run['messages']:.3f} ms of CPU a message")

    def count(self, name: str, number: int) -> None:
        """System calls over some messages, and over three times as many: in the difference is neither the start of sessions nor what
        the relay does when nothing comes. Apart from the runs, since it makes each call a little slower. Where it cannot be done, the
        relay's runs stay what they are; it is stopped, for what is still on its way would be in the next count. Lost mail is a failure
        here as well."""
        try:
            calls = self._counted(name, number)
        except FAILURES as error:
            if isinstance(error, RunFailed) and not isinstance(error, TooSlow):
                raise
            self.results[name]["calls_missing"] = str(error)
            progress(f"{self.point.name}: system calls of {name} are not counted: {error}")
            self.close(name)
            return
        self.results[name].setdefault("calls", []).append(calls)
        progress(f"{self.point.name}: {name} {calls['calls'] / calls['messages']:.1f} system calls a message")

    def _counted(self, name: str, number: int) -> dict:
        few = max(2 * self.point.sessions, self.messages[name] // 4)
        with CallCount(self.relays[name].account.group) as counter:
            read = [0]
            for messages in (few, 3 * few):
                run_once(self.relays[name], self.sinks[name], self.point, messages, self.options.tools)
                read.append(counter.calls())
        return {"round": number, "messages": 2 * few, "calls": read[2] - read[1] - read[1]}

    def close(self, name: str) -> None:
        for party in (self.relays.pop(name, None), self.sinks.pop(name, None)):
            try:
                if party:
                    party.stop()
            except FAILURES as error:
                progress(f"{self.point.name}: {name}: {error}")


def run_point(point: Point, options: Options, keep: Callable[[dict], None] = lambda _: None) -> dict:
    """`keep` gets what there is so far after each round."""
    stand = Stand(point, options)
    found = {**asdict(point), "systems": stand.results}
    names = list(stand.results)
    try:
        for name in (name for name in names if not stand.results[name]["cannot"]):
            stand.attempt(name, lambda name=name: stand.open(name))
        in_turn(stand, names, options.rounds, stand.run, lambda: keep(found))
        if point == BASE:
            counted = [name for name in names if name != DIRECT]
            in_turn(stand, counted, min(CALL_ROUNDS, options.rounds), stand.count, lambda: keep(found))
    finally:
        for name in names:
            stand.close(name)
    return found


def in_turn(stand: Stand, names: list[str], rounds: int, what: Callable[[str, int], None], after: Callable[[], None]) -> None:
    """All that run, A B C, C B A. No round is begun that would end behind the deadline, but for the first."""
    longest = 0.0
    for number in range(rounds):
        began = time.monotonic()
        if number and began + longest > stand.options.deadline:
            break
        for name in names if number % 2 == 0 else names[::-1]:
            if name in stand.relays:
                stand.attempt(name, lambda name=name: what(name, number))
        longest = max(longest, time.monotonic() - began)
        after()
