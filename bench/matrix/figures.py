# SPDX-License-Identifier: Apache-2.0
"""Figures out of the raw results of a run: medians, spreads, and ratios of runs that stood side by side. Works on the JSON alone."""

from dataclasses import dataclass
from statistics import median

# A figure of one run: how it is computed from the run's raw numbers, and in which unit.
RATE = "rate"                # messages a second until the sink had them all
ACCEPTED = "accepted"        # messages a second until the source had its last 250
CPU = "cpu"                  # seconds of the relay for 1,000 messages
USER = "user"
SYSTEM = "system"
MEMORY = "memory"            # MB, the peak of the sum over processes
OWN = "own"                  # the same without pages of files, which processes share
WRITTEN = "written"          # octets towards the disk for each octet of message
SYNCS = "syncs"              # a message
ALL = (RATE, ACCEPTED, CPU, USER, SYSTEM, MEMORY, OWN, WRITTEN, SYNCS)

# A relay that refuses a part of its load is quick with the rest: where more than this is lost, a latency tells nothing.
LOST = 0.001

_PER_MESSAGE = {CPU: ("cpu_s", 1000.0), USER: ("user_s", 1000.0), SYSTEM: ("system_s", 1000.0), SYNCS: ("syncs", 1.0)}


def figure(run: dict, name: str) -> float:
    messages = run["messages"]
    if name in _PER_MESSAGE:
        key, factor = _PER_MESSAGE[name]
        return run[key] * factor / messages
    if name == RATE:
        return messages / run["seconds"]
    if name == ACCEPTED:
        return messages / run["accepted_s"]
    if name == WRITTEN:
        return run["written"] / (messages * run["octets"])
    return run["memory" if name == MEMORY else "own_memory"] / 1e6


@dataclass(frozen=True)
class Spread:
    median: float
    lowest: float
    highest: float


def spread(values: list[float]) -> Spread | None:
    """None of no values: a figure that nobody measured is not 0."""
    return Spread(median(values), min(values), max(values)) if values else None


def of_system(point: dict, system: str, name: str) -> Spread | None:
    runs = point["systems"].get(system, {}).get("runs", [])
    return spread([figure(run, name) for run in runs])


def ratio(point: dict, system: str, other: str, name: str) -> Spread | None:
    """Of the runs of one round each, so that what disturbed both cancels out."""
    ours = {run["round"]: run for run in point["systems"].get(system, {}).get("runs", [])}
    theirs = {run["round"]: run for run in point["systems"].get(other, {}).get("runs", [])}
    pairs = [(figure(ours[number], name), figure(theirs[number], name)) for number in sorted(ours.keys() & theirs.keys())]
    return spread([one / two for one, two in pairs if two > 0])


def durable(results: dict, system: str) -> bool:
    """Whether a 250 of the system can have waited for a sync: one sync answers at most as many messages as there are sessions. Told by
    the point with the fewest sessions for the whole run: with 2,000 a stray sync now and then would be enough."""
    if system.endswith("-sync"):
        return True          # its writes are durable ones, without calls of their own
    measured = [point for point in results["points"] if point["systems"].get(system, {}).get("runs")]
    if not measured:
        return False
    point = min(measured, key=lambda point: point["sessions"])
    return of_system(point, system, SYNCS).median * point["sessions"] >= 0.9


def calls(point: dict, system: str) -> Spread | None:
    """System calls a message, where they were counted."""
    return spread([one["calls"] / one["messages"] for one in point["systems"].get(system, {}).get("calls", [])])


def is_ours(system: str) -> bool:
    return system.startswith("postern")


def best_peer(results: dict, point: dict, name: str = RATE) -> str | None:
    """The durable peer with the highest rate, or the lowest of another figure."""
    found = {system: of_system(point, system, name) for system in point["systems"]
             if system != "direct" and not is_ours(system) and durable(results, system)}
    known = {system: one.median for system, one in found.items() if one}
    if not known:
        return None
    return max(known, key=known.__getitem__) if name in (RATE, ACCEPTED) else min(known, key=known.__getitem__)


def named(results: dict, name: str) -> dict | None:
    return next((point for point in results["points"] if point["name"] == name), None)


def latency(results: dict, system: str, share: float, of: str, kind: str, percentile: str) -> Spread | None:
    """Milliseconds, of the runs of `system` at `share` of the capacity of `of` in which it took the load."""
    values = [run[kind][percentile] for entry in results["latency"] for run in entry["runs"]
              if (entry["system"], entry["share"], entry["of"]) == (system, share, of) and run.get(kind) and took_load(run)]
    return spread(values)


def lost(run: dict) -> int:
    """Messages of a run at a rate that were refused, or for which nothing was free until the run ended."""
    return run["failed"] + run["unsent"]


def took_load(run: dict) -> bool:
    return lost(run) <= LOST * run["load"]
