# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive the harness, and waiting for a condition with a deadline."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class HarnessError(Exception):
    """A party of the topology could not be started, or did not do what it was started for."""


def die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def spawn(command: list[str], log: Path, **options) -> subprocess.Popen:
    """Starts a child in a session of its own: a Ctrl-C at the terminal reaches the harness alone, which then stops its
    children in order. The kernel ends the child should the harness die."""
    with open(log, "ab") as sink:
        options.setdefault("stdout", sink)
        options.setdefault("stderr", sink)
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True,
                                preexec_fn=die_with_parent, **options)


def expect(holds: bool, what: object) -> None:
    if not holds:
        raise HarnessError(str(what))


def stop(child: subprocess.Popen | None, deadline: float = 10.0) -> bool:
    """SIGTERM, then SIGKILL to the child's whole session after the deadline. False if the child had to be killed."""
    if child is None or child.poll() is not None:
        return True
    child.terminate()
    try:
        child.wait(deadline)
        return True
    except subprocess.TimeoutExpired:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        return False


def _below(pid: int) -> list[int]:
    """The process and all that came from it, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (entry / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue    # it has ended meanwhile
        if after_name[0] != "Z":
            children.setdefault(int(after_name[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    return _below(pid)[1:]


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def pause(child: subprocess.Popen) -> list[int]:
    """Stops a server with all its processes: its ports take connections, and nobody answers. What was stopped."""
    stopped: list[int] = []
    while fresh := [pid for pid in _below(child.pid) if pid not in stopped]:
        for pid in fresh:
            _signal(pid, signal.SIGSTOP)
        stopped += fresh
    return stopped


def resume(child: subprocess.Popen) -> None:
    for pid in reversed(_below(child.pid)):
        _signal(pid, signal.SIGCONT)


def crash(child: subprocess.Popen) -> None:
    """SIGKILL for a server with all its processes; none is left when it returns."""
    pids = pause(child)
    for pid in pids:
        _signal(pid, signal.SIGKILL)
    child.wait()
    wait_until(lambda: not any(runs(pid) for pid in pids), 10, "all processes of a server have ended")


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Polls the condition; raises HarnessError naming what did not happen in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise HarnessError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)


def tail(path: Path, lines: int = 20) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError as error:
        return f"({error})"
