# SPDX-License-Identifier: Apache-2.0
"""System calls of all processes of a system, counted by the kernel: its tracepoint raw_syscalls:sys_enter, for one cgroup, on every
processor. The same as `perf stat -a -e raw_syscalls:sys_enter -G GROUP`, but nobody is traced, and the count can be read at any time."""

import ctypes
import os
import platform
import struct
from pathlib import Path

from process import HarnessError

_TRACEPOINT = "events/raw_syscalls/sys_enter/id"
_TRACING = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
_ONLINE = Path("/sys/devices/system/cpu/online")
# perf_event_open(2), which the C library has no function for.
_SYSTEM_CALL = {"x86_64": 298, "aarch64": 241}
_TYPE_TRACEPOINT = 2
_ATTRIBUTES = struct.Struct("=IIQQQQQIIQ")       # struct perf_event_attr as it began: 64 octets, which every kernel knows
_OF_CGROUP, _CLOSE_ON_EXEC = 1 << 2, 1 << 3
_LIBC = ctypes.CDLL(None, use_errno=True)


def processors(listing: str) -> list[int]:
    """0-2,5 as the kernel writes it."""
    found: list[int] = []
    for part in listing.strip().split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


class CallCount:
    """Of the processes in a cgroup (v2) and of those that they start, from when it is made."""

    def __init__(self, group: Path | None):
        if group is None:
            raise HarnessError("system calls are counted for a cgroup, and none could be made")
        self._files: list[int] = []
        folder = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for processor in processors(_ONLINE.read_text(encoding="ascii")):
                self._files.append(_open(_tracepoint(), folder, processor))
        except BaseException:
            self.close()
            raise
        finally:
            os.close(folder)

    def calls(self) -> int:
        return sum(struct.unpack("=Q", os.read(file, 8))[0] for file in self._files)

    def close(self) -> None:
        for file in self._files:
            os.close(file)
        self._files.clear()

    def __enter__(self) -> "CallCount":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def _tracepoint() -> int:
    for folder in _TRACING:
        try:
            return int((folder / _TRACEPOINT).read_text(encoding="ascii"))
        except OSError:
            continue
    raise HarnessError("system calls cannot be counted: no tracepoint raw_syscalls:sys_enter to be seen "
                       "(as root: mount -t tracefs tracefs /sys/kernel/tracing)")


def _open(tracepoint: int, group: int, processor: int) -> int:
    number = _SYSTEM_CALL.get(platform.machine())
    if number is None:
        raise HarnessError(f"system calls cannot be counted on {platform.machine()}")
    attributes = ctypes.create_string_buffer(_ATTRIBUTES.pack(_TYPE_TRACEPOINT, _ATTRIBUTES.size, tracepoint, 0, 0, 0, 0, 0, 0, 0))
    file = _LIBC.syscall(ctypes.c_long(number), attributes, ctypes.c_int(group), ctypes.c_int(processor), ctypes.c_int(-1),
                         ctypes.c_ulong(_OF_CGROUP | _CLOSE_ON_EXEC))
    if file < 0:
        raise HarnessError(f"system calls cannot be counted: perf_event_open: {os.strerror(ctypes.get_errno())} "
                           "(root, and kernel.perf_event_paranoid)")
    return file
