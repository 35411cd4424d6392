# SPDX-License-Identifier: Apache-2.0
"""Runs the points: all relays of a point are started, warmed up, and run in turn, A B C, C B A, so that what drifts meets all alike."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from measure import Account, machine_ticks
from process import HarnessError

from .points import Point
from .relays import DIRECT, Relay, cannot
from .tools import RunFailed, Sink, per_message, send, sink

MOST_MESSAGES = 200_000
MOST_OCTETS = 2 << 30        # of one run
WARM_UP = 200                # messages, fewer of large ones, at least one a session
WARM_UP_OCTETS = 64 << 20
PATIENCE = 240.0             # seconds for a run
# What ends a measurement, and not the run of hours that it is a part of.
FAILURES = (RunFailed, HarnessError, OSError, subprocess.SubprocessError)


@dataclass
class Options:
    """What a run of bench/run was asked for."""

    systems: list[str]
    tools: str
    rounds: int = 5
    seconds: float = 4.0         # that one run of one relay is meant to last
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


def messages_for(point: Point, rate: float, seconds: float) -> int:
    """So many that a run lasts about so long, as many as warm up at least, two a session, and not more than the disk is to hold."""
    least = max(warm_up_for(point), 2 * point.sessions)
    return max(least, min(MOST_MESSAGES, MOST_OCTETS // point.size, int(rate * seconds)))


def run_once(relay: Relay, target: Sink, point: Point, messages: int, tools: str) -> dict:
    before, syncs, arrived = relay.usage(), relay.syncs(), target.arrived()
    wanted = messages * per_message(tools, point)
    stolen, ticks = machine_ticks()
    with PeakMemory(relay.account) as memory:
        came = Arrivals(target, arrived + wanted)
        began = time.monotonic()
        sent = send(tools, point, relay.port, messages, PATIENCE)
        seconds = came.wait(PATIENCE) - began
    stolen_after, ticks_after = machine_ticks()
    if relay.account:
        relay.account.settle()
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
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def wait(self, patience: float) -> float:
        """When, as time.monotonic(); that of the last look where some never came."""
        self._thread.join(patience)
        self._over.set()
        self._thread.join()
        if self._failure:
            raise self._failure
        return self._at

    def _look(self) -> None:
        try:
            while not self._over.wait(0.01):
                self._at = time.monotonic()
                if self._target.arrived() >= self._wanted:
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
        """A relay that fails is named in the results, and the others go on without it."""
        try:
            what()
        except FAILURES as error:
            self.results[name]["failures"].append(str(error))
            progress(f"{self.point.name}: {name} FAILED: {error}")
            self.close(name)

    def open(self, name: str) -> None:
        options, point = self.options, self.point
        relay = self.relays[name] = Relay(name, options.folder, point)
        self.sinks[name] = sink(options.tools, name, options.folder, relay.hop, point.tls)
        first = run_once(relay, self.sinks[name], point, warm_up_for(point), options.tools)
        self.messages[name] = messages_for(point, first["messages"] / first["seconds"], options.seconds)

    def run(self, name: str, number: int) -> None:
        run = run_once(self.relays[name], self.sinks[name], self.point, self.messages[name], self.options.tools)
        self.results[name]["runs"].append({"round": number, **run})
        progress(f"{self.point.name}, round {number + 1}: {name} {run['messages'] / run['seconds']:.0f}/s, "
                 f"{run['cpu_s'] * 1000 / run['messages']:.3f} ms of CPU a message")

    def close(self, name: str) -> None:
        for party in (self.relays.pop(name, None), self.sinks.pop(name, None)):
            try:
                if party:
                    party.stop()
            except FAILURES as error:
                progress(f"{self.point.name}: {name}: {error}")


def run_point(point: Point, options: Options) -> dict:
    stand = Stand(point, options)
    names = list(stand.results)
    try:
        for name in (name for name in names if not stand.results[name]["cannot"]):
            stand.attempt(name, lambda name=name: stand.open(name))
        for number in range(options.rounds):
            if number and time.monotonic() > options.deadline:
                break
            for name in names if number % 2 == 0 else names[::-1]:
                if name in stand.relays:
                    stand.attempt(name, lambda name=name: stand.run(name, number))
    finally:
        for name in names:
            stand.close(name)
    return {**asdict(point), "systems": stand.results}
