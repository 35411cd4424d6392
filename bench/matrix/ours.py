# SPDX-License-Identifier: Apache-2.0
"""What is measured of postern alone, by the programs beside this folder: system calls a message, and what an idle session takes."""

import argparse
import resource

import sessions
import syscalls
from process import HarnessError
from relay import needs
from systems import DELIVERIES

from .runner import FAILURES, Options, progress

IDLE, IDLE_TLS = 10_000, 5_000
LETTERS = 2_000


def measure(options: Options, quick: bool) -> tuple[dict, list[str]]:
    """The figures, and what could not be measured, a line each."""
    found: dict = {"syscalls": {}, "idle": {}}
    failures = []
    modes = {name: DELIVERIES[name] for name in options.systems if name in DELIVERIES}
    for name, mode in modes.items():
        try:
            needs("strace")
            progress(f"system calls of {name}")
            how = argparse.Namespace(sessions=8, letters=200 if quick else LETTERS, size=1024, lockstep=False)
            found["syscalls"][name] = syscalls.measure(mode, how, options.folder)
        except FAILURES as error:
            failures.append(f"system calls of {name}: {error}")
    for state in sessions.STATES if modes else ():
        count = 100 if quick else IDLE_TLS if state.tls else IDLE
        try:
            _room_for(count + 1000)
            progress(f"{count} idle sessions, {state.name}")
            found["idle"][state.name] = {"sessions": count, "octets": sessions.idle(state, count, options.folder), "tls": state.tls}
        except FAILURES as error:
            failures.append(f"idle sessions, {state.name}: {error}")
    return found, failures


def _room_for(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        raise HarnessError(f"{wanted} open files are needed, the hard limit is {hard}: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def table(ours: dict) -> list[str]:
    """Markdown."""
    lines = []
    if ours["syscalls"]:
        lines += ["### System calls a message", "", "Of postern, 1 KB, 8 kept sessions, kept connections to the next hop; by strace, so that "
                  "these are upper bounds.", "", syscalls.report(ours["syscalls"]), ""]
    if ours["idle"]:
        lines += ["### What an idle session takes", "", "| state | sessions | octets each |", "|---|---:|---:|"]
        lines += [f"| {name} | {one['sessions']:,} | {one['octets']:,.0f} |" for name, one in ours["idle"].items()]
        lines.append("")
    return lines
