# SPDX-License-Identifier: Apache-2.0
"""What a system under test uses, read from the kernel: its own cgroup v2 where one can be made, otherwise /proc."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Counters since a process began, summed over a system's processes."""

    cpu: float = 0.0      # seconds, user and system
    written: int = 0      # octets sent towards a disk: write_bytes of /proc/PID/io, by whole pages
    switches: int = 0     # context switches, voluntary and not
    user: float = 0.0     # seconds, of cpu
    system: float = 0.0   # seconds, of cpu

    def __sub__(self, earlier: "Usage") -> "Usage":
        return Usage(self.cpu - earlier.cpu, self.written - earlier.written, self.switches - earlier.switches,
                     self.user - earlier.user, self.system - earlier.system)


class Account:
    """The processes of one system. Those started within `entered()`, and their children, belong to it."""

    def __init__(self, name: str):
        self._children_before: set[int] = set()
        self._roots: set[int] = set()
        self._group = _make_group(f"postern-bench-{os.getpid()}-{name}")

    @property
    def group(self) -> Path | None:
        """The cgroup's folder; None where none could be made."""
        return self._group

    @property
    def source(self) -> str:
        return "cgroup v2, cpu.stat" if self._group else "/proc/PID/task/*/schedstat of the process tree (no cgroup could be made)"

    @contextmanager
    def entered(self) -> Iterator[None]:
        before = _children(os.getpid())
        home = _own_group()
        if self._group:
            (self._group / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            if self._group:
                (home / "cgroup.procs").write_text(str(os.getpid()))
            self._roots = _children(os.getpid()) - before

    def pids(self) -> list[int]:
        if self._group:
            return [int(line) for line in (self._group / "cgroup.procs").read_text().split()]
        found, todo = set(), list(self._roots)
        while todo:
            pid = todo.pop()
            if pid not in found:
                found.add(pid)
                todo.extend(_children(pid))
        return sorted(found)

    def usage(self) -> Usage:
        cpu, user, system, written, switches = 0.0, 0.0, 0.0, 0, 0
        for pid in self.pids():
            try:
                cpu += _cpu(pid)
                if not self._group:
                    ticks = _ticks(pid)
                    user, system = user + ticks[0], system + ticks[1]
                written += number(Path(f"/proc/{pid}/io"), "write_bytes:")
                switches += _switches(pid)
            except OSError:
                continue  # ended just now
        if self._group:
            cpu, user, system = (number(self._group / "cpu.stat", f"{what}_usec") / 1e6 for what in ("usage", "user", "system"))
        return Usage(cpu, written, switches, user, system)

    def settle(self, deadline: float = 5.0) -> None:
        """Waits until the system does nothing any more: a queue removes its files after the next hop has the message."""
        ends = time.monotonic() + deadline
        before = self.usage().cpu
        while time.monotonic() < ends:
            time.sleep(0.2)
            now = self.usage().cpu
            if now - before < 0.004:
                return
            before = now

    def memory(self) -> int:
        """One process: the highest resident size it ever had. Many: their proportional set sizes now, which count what they
        share once; that is less than their peak."""
        pids = self.pids()
        if len(pids) == 1:
            return number(Path(f"/proc/{pids[0]}/status"), "VmHWM:") * 1024
        total = 0
        for pid in pids:
            try:
                total += number(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") * 1024
            except OSError:
                continue
        return total

    def memory_now(self) -> tuple[int, int]:
        """Octets, summed over its processes: resident, and resident without the pages of files, which processes share."""
        resident, own = 0, 0
        for pid in self.pids():
            try:
                pages = [int(word) for word in Path(f"/proc/{pid}/statm").read_text().split()]
            except OSError:
                continue
            resident += pages[1] * _PAGE
            own += (pages[1] - pages[2]) * _PAGE
        return resident, own

    def close(self) -> None:
        ends = time.monotonic() + 5
        while self._group:
            try:
                self._group.rmdir()
                return
            except OSError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.05)


def number(path: Path, key: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    raise OSError(f"{path} has no {key}")


def _cpu(pid: int) -> float:
    """Of the threads that are there. In nanoseconds: /proc/PID/stat counts whole ticks, of which a small server's short
    turns often see none."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def _ticks(pid: int) -> tuple[float, float]:
    """Seconds of user and system time, with those of children that have ended."""
    fields = [int(word) for word in Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:15]]
    return (fields[0] + fields[2]) / _TICKS, (fields[1] + fields[3]) / _TICKS


def _switches(pid: int) -> int:
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            total += sum(int(line.split()[1]) for line in status.read_text().splitlines() if "ctxt_switches" in line)
        except OSError:
            continue
    return total


def _children(pid: int) -> set[int]:
    found = set()
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found.update(int(child) for child in listing.read_text().split())
        except OSError:
            continue
    return found


def _own_group() -> Path:
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    root = next((fields[4] for fields in mounts if fields[fields.index("-") + 1] == "cgroup2"), "")
    own = next((line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")), "")
    return Path(root + own) if root else Path()


def _make_group(name: str) -> Path | None:
    home = _own_group()
    group = home / name
    try:
        group.mkdir()
        # Only a trial says whether processes may be moved there, and back.
        for where in (group, home):
            (where / "cgroup.procs").write_text(str(os.getpid()))
        if not (group / "cpu.stat").exists():
            raise OSError("no cpu.stat")
        return group
    except OSError:
        if group.is_dir() and home != Path():
            group.rmdir()
        return None


def filesystem(path: Path) -> str:
    """The type of the file system that holds the path, e.g. ext4."""
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[2] == wanted:
            return fields[fields.index("-") + 1]
    return "unknown"


def sync_rate(folder: Path, seconds: float = 1.0) -> float:
    """How often a second one thread can append 2 KB and make it durable (fdatasync)."""
    path = folder / "sync-rate"
    block = os.urandom(2048)
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        began, count = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            os.write(descriptor, block)
            os.fdatasync(descriptor)
            count += 1
        return count / (time.monotonic() - began)
    finally:
        os.close(descriptor)
        path.unlink()


def machine_ticks() -> tuple[int, int]:
    """Time of all processors: stolen by the hypervisor, and in all."""
    fields = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return fields[7], sum(fields)
