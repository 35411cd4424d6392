# SPDX-License-Identifier: Apache-2.0
"""sync_count.c from the benchmark's side: how often a system's processes have made something durable."""

import functools
import mmap
import struct
import subprocess
from pathlib import Path

from gateway import REPOSITORY
from process import HarnessError

# What a process hands on to those that it starts, where it does not hand on everything.
ENVIRONMENT = ("LD_PRELOAD", "POSTERN_SYNC_COUNT")


@functools.cache    # a library that running processes have mapped stays as it is
def library(source: Path) -> Path:
    """What LD_PRELOAD takes, built from one file of C into build/."""
    built = REPOSITORY / "build" / source.with_suffix(".so").name
    built.parent.mkdir(exist_ok=True)
    run = subprocess.run(["clang-16", "-std=c17", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(built), str(source)],
                         capture_output=True, text=True, check=False)
    if run.returncode:
        raise HarnessError(f"{source.name} does not build: {run.stderr}")
    return built


class SyncCount:
    """Of the processes that are started with `launcher`, and of their children. The file may be anybody's: daemons change their account."""

    def __init__(self, path: Path):
        self._path = path
        path.write_bytes(bytes(8))
        path.chmod(0o666)
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 8)
        self.launcher = ["env", f"LD_PRELOAD={library(Path(__file__).with_suffix('.c'))}", f"POSTERN_SYNC_COUNT={path}"]

    def calls(self) -> int:
        return struct.unpack("=Q", self._page[:8])[0]

    def close(self) -> None:
        self._page.close()
        self._path.unlink(missing_ok=True)
