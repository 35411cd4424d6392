# SPDX-License-Identifier: Apache-2.0
"""What is measured of postern alone, by the programs beside this folder: system calls a message, and what an idle session takes, and
what slow sessions do to the others."""

import argparse
import resource
from collections.abc import Callable
from dataclasses import asdict
from statistics import median

import sessions
import syscalls
from process import HarnessError
from relay import needs
from systems import DELIVERIES

from .runner import FAILURES, Options, progress

IDLE, IDLE_TLS, SLOW = 10_000, 5_000, 5_000
SLOW_RATE = 200.0            # messages a second beside the slow sessions
SLOW_SECONDS = 10.0
LETTERS = 2_000


def seconds(rounds: int, modes: int) -> float:
    """About as long it takes."""
    return 6.0 * modes + 15.0 * len(sessions.STATES) + rounds * (2 * SLOW_SECONDS + 2 * sessions.PACE + 6) if modes else 0.0


def measure(found: dict, options: Options, quick: bool, keep: Callable[[], None] = lambda: None) -> list[str]:
    """Adds the figures to `found`, and calls `keep` after each. What could not be measured, a line each."""
    found |= {"syscalls": {}, "idle": {}, "slow": {}}
    failures = []
    modes = {name: DELIVERIES[name] for name in options.systems if name in DELIVERIES}
    for name, mode in modes.items():
        try:
            needs("strace")
            progress(f"system calls of {name}")
            how = argparse.Namespace(sessions=8, letters=200 if quick else LETTERS, size=1024, lockstep=False)
            found["syscalls"][name] = syscalls.measure(mode, how, options.folder)
            keep()
        except FAILURES as error:
            failures.append(f"system calls of {name}: {error}")
    for state in sessions.STATES if modes else ():
        count = 100 if quick else IDLE_TLS if state.tls else IDLE
        try:
            _room_for(count + 1000)
            progress(f"{count} idle sessions, {state.name}")
            found["idle"][state.name] = {"sessions": count, "octets": sessions.idle(state, count, options.folder), "tls": state.tls}
            keep()
        except FAILURES as error:
            failures.append(f"idle sessions, {state.name}: {error}")
    if modes:
        try:
            found["slow"] = _slow(options, quick)
            keep()
        except FAILURES as error:
            failures.append(f"load beside slow sessions: {error}")
    return failures


def _slow(options: Options, quick: bool) -> dict:
    count, seconds, rounds, settle = (100, 1.0, 1, 0.5) if quick else (SLOW, SLOW_SECONDS, options.rounds, 2 * sessions.PACE)
    _room_for(count + 1000)
    progress(f"load beside {count} slow sessions")
    without, beside, memory = sessions.slow(count, SLOW_RATE, seconds, rounds, options.folder, settle)
    return {"sessions": count, "rate": SLOW_RATE, "seconds": seconds, "memory": memory,
            "without": [asdict(run) for run in without], "beside": [asdict(run) for run in beside]}


def _room_for(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        raise HarnessError(f"{wanted} open files are needed, the hard limit is {hard}: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def table(ours: dict) -> list[str]:
    """Markdown."""
    lines = []
    if ours["syscalls"]:
        lines += ["### postern's system calls by name", "", "1 KB, 8 kept sessions, kept connections to the next hop; by strace, under which "
                  "threads wake each other more often: upper bounds.", "", syscalls.report(ours["syscalls"]), ""]
    if ours["idle"]:
        lines += ["### What an idle session takes", "", "| state | sessions | octets each |", "|---|---:|---:|"]
        lines += [f"| {name} | {one['sessions']:,} | {one['octets']:,.0f} |" for name, one in ours["idle"].items()]
        lines.append("")
    if slow := ours.get("slow"):
        lines += ["### Load beside slow sessions", "", f"Of postern: {slow['rate']:g} messages of 1 KB a second (open loop, 16 kept sessions, "
                  f"{slow['seconds']:g} s), without and beside {slow['sessions']:,} sessions that say an octet of a command or a line of a message "
                  f"every {sessions.PACE:g} s; medians of {len(slow['beside'])} rounds in turns. A slow session takes {slow['memory']:,.0f} octets.",
                  "", "| | p50 ms | p99 ms | longest ms |", "|---|---:|---:|---:|"]
        for name, runs in (("without", slow["without"]), (f"beside {slow['sessions']:,} slow sessions", slow["beside"])):
            values = [median(run[key] for run in runs) * 1000 for key in ("p50", "p99", "longest")]
            lines.append(f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
        lines.append("")
    return lines
