# SPDX-License-Identifier: Apache-2.0
"""One run: smtp-source sends, and the clock stops when smtp-sink has every message."""

import subprocess
import time
from dataclasses import dataclass

from measure import Usage, machine_ticks
from systems import ADDRESS, RECIPIENT, SENDER, Measured


class RunFailed(Exception):
    """Not every message arrived, or more than were sent: no figure of such a run means anything."""


@dataclass(frozen=True)
class Load:
    size: int        # octets of the body
    sessions: int
    messages: int


@dataclass(frozen=True)
class Run:
    messages: int
    seconds: float      # until the sink had them all
    accepted: float     # seconds until the source had its last 250
    usage: Usage
    syncs: int          # calls of the system that make data durable
    stolen: float       # share of the machine's time that the hypervisor gave to others

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    @property
    def cpu(self) -> float:
        """Seconds a message."""
        return self.usage.cpu / self.messages


def source_command(load: Load, port: int, messages: int, recipient: str = RECIPIENT) -> list[str]:
    return ["smtp-source", "-d", "-s", str(load.sessions), "-m", str(messages), "-l", str(load.size), "-f", SENDER,
            "-t", recipient, f"{ADDRESS}:{port}"]


def run(system: Measured, load: Load, messages: int | None = None, recipient: str = RECIPIENT, patience: float = 180) -> Run:
    messages = messages or load.messages
    before = system.account.usage() if system.account else Usage()
    syncs, arrived = system.syncs(), system.sink.count()
    stolen, ticks = machine_ticks()
    began = time.time()
    source = subprocess.run(source_command(load, system.port, messages, recipient), stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, check=False, timeout=patience)
    accepted = time.time() - began
    if source.returncode != 0 or source.stderr:
        raise RunFailed(f"{system.name}: smtp-source: {source.stderr.strip() or source.returncode}")
    deadline = time.monotonic() + patience
    while system.sink.count() - arrived < messages and time.monotonic() < deadline:
        time.sleep(0.005)
    # The counter's own time of change has no part in how often it is looked at.
    seconds = max(system.sink.last() - began, 1e-3)
    stolen_after, ticks_after = machine_ticks()
    if system.account:
        system.account.settle()
    came = system.sink.count() - arrived
    if came != messages:
        raise RunFailed(f"{system.name}: {messages} messages sent and answered 250, {came} arrived")
    usage = system.account.usage() - before if system.account else Usage()
    return Run(messages, seconds, accepted, usage, system.syncs() - syncs, (stolen_after - stolen) / max(1, ticks_after - ticks))
