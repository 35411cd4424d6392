# SPDX-License-Identifier: Apache-2.0
"""How long a message waits at a rate that the relay can bear: open loop, at shares of what was measured at the base point."""

import time
from collections.abc import Callable
from dataclasses import replace

from . import figures
from .points import BASE
from .relays import Relay
from .runner import FAILURES, Options, progress, run_once, warm_up_for
from .tools import SESSIONS_OPEN_LOOP, open_loop, sink

SHARES = (0.5, 0.8)
KINDS = ("letter", "end_to_end")      # until the 250, until the sink has it; from when the message was due
PERCENTILES = ("p50", "p99", "p99_9")


def jobs(results: dict, systems: list[str]) -> list[tuple[str, float, str, float]]:
    """(system, share, whose capacity, messages a second): each at shares of its own, ours also at those of Postfix and of the best
    peer."""
    base = figures.named(results, BASE.name)
    if base is None:
        return []
    capacity = {name: one.median for name in systems if (one := figures.of_system(base, name, figures.RATE))}
    peers = [name for name in ("postfix", figures.best_peer(results, base)) if name in capacity]
    peers = list(dict.fromkeys(peers))
    found = []
    for name in (name for name in systems if name in capacity):
        whose = [name, *(peers if figures.is_ours(name) else [])]
        found += [(name, share, of, share * capacity[of]) for of in whose for share in SHARES]
    return found


def measure(results: dict, options: Options, rounds: int, keep: Callable[[], None] = lambda: None) -> None:
    """Adds to results["latency"], in turn as the points are; a relay is started once a round, and is alone while it runs. `keep` is
    called after each round."""
    todo = jobs(results, options.systems)
    entries = [{"system": name, "share": share, "of": of, "rate": rate, "runs": [], "failures": []} for name, share, of, rate in todo]
    results["latency"] = entries
    names = list(dict.fromkeys(name for name, *_ in todo))
    longest = 0.0
    for number in range(rounds):
        began = time.monotonic()
        if number and began + longest > options.deadline:
            return
        for name in names if number % 2 == 0 else names[::-1]:
            own = [entry for entry in entries if entry["system"] == name]
            _round(own if number % 2 == 0 else own[::-1], number, options)
        longest = max(longest, time.monotonic() - began)
        keep()


def _round(entries: list[dict], number: int, options: Options) -> None:
    """All loads of one relay, one after the other. After a load that was too much for it the next one gets it as new."""
    relay: Relay | None = None
    try:
        for entry in entries:
            try:
                # As many sessions may come as the load opens where the relay lags behind.
                relay = relay or _started(entry["system"], options)
                run = _run(relay, entry, options)
                entry["runs"].append({"round": number, **run})
                if figures.took_load(run):
                    relay.settle()
                else:
                    relay = _stopped(relay)
            except FAILURES as error:
                entry["failures"].append(str(error))
                progress(f"latency of {entry['system']} at {entry['rate']:.0f}/s FAILED: {error}")
                relay = _stopped(relay)
    finally:
        _stopped(relay)


def _started(name: str, options: Options) -> Relay:
    relay = Relay(name, options.folder, replace(BASE, sessions=SESSIONS_OPEN_LOOP))
    try:
        target = sink(options.tools, name, options.folder, relay.hop, False)
        try:
            run_once(relay, target, BASE, warm_up_for(BASE), options.tools)
        finally:
            target.stop()
    except BaseException:
        relay.stop()
        raise
    return relay


def _stopped(relay: Relay | None) -> None:
    try:
        if relay:
            relay.stop()
    except FAILURES as error:
        progress(f"{relay.name}: {error}")


def _run(relay: Relay, entry: dict, options: Options) -> dict:
    found = open_loop(BASE, relay.port, relay.hop, entry["rate"], 2 * options.seconds, options.seconds / 2)
    run = {kind: {name: found["latency_ms"][kind][name] for name in PERCENTILES}
           for kind in KINDS if found["latency_ms"].get(kind, {}).get("count")}
    messages = found["messages"]
    unsent = messages.get("unsent", 0)
    run |= {"load": messages["sent"] + unsent, "failed": messages["failed"], "unsent": unsent, "rate": found["rate"]["accepted"],
            "busiest": found.get("generator", {}).get("busiest_thread", 0.0)}
    if "letter" in run:
        progress(f"latency: {entry['system']} at {entry['share']:.0%} of {entry['of']} ({entry['rate']:.0f}/s): "
                 f"p99 {run['letter']['p99']:.1f} ms")
    return run
