# SPDX-License-Identifier: Apache-2.0
"""fault_shim.c from the test's side: builds it, makes calls fail, and cuts a directory back to what was durable."""

import errno
import mmap
import os
import random
import shutil
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from process import HarnessError

REPOSITORY = Path(__file__).resolve().parents[2]
WRITES, SYNCS = 1, 2
_OFF, _ONCE, _FROM_ON = 0, 1, 2
_CONTROL = struct.Struct("=IIiIqq")
_KEPT = ("LOG", "LOCK", "lock")    # not data, and not journalled


def build() -> Path:
    shim = REPOSITORY / "build" / "fault_shim.so"
    shim.parent.mkdir(exist_ok=True)
    run = subprocess.run(["clang-16", "-std=c17", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(shim),
                          str(Path(__file__).with_suffix(".c"))], capture_output=True, text=True, check=False)
    if run.returncode:
        raise HarnessError(f"the shim does not build: {run.stderr}")
    return shim


@dataclass
class _Journal:
    """What has become durable; names as numbers of files."""
    names: dict[str, int]
    lengths: dict[int, int] = field(default_factory=dict)
    changes: list[tuple] = field(default_factory=list)      # (number, what, file, path, ...)
    synced: dict[str, int] = field(default_factory=dict)    # directory -> the last durable change

    def read(self, lines: list[str]) -> None:
        undone = {int(line.split()[1]) for line in lines if line[0] == "X"}
        for line in lines:
            what, *words = line.split()
            if what in "CUR" and int(words[0]) not in undone:
                self.changes.append((int(words[0]), what, int(words[1]), *words[2:]))
            elif what == "D":
                self.synced[words[1]] = max(int(words[0]), self.synced.get(words[1], 0))
            elif what == "S":
                self.lengths[int(words[0])] = int(words[1])
            elif what == "T":
                self.lengths[int(words[0])] = 0
            elif what == "O":
                raise HarnessError("a file was written below its end: the model of lost power does not know that")

    def durable_names(self, kept: int) -> dict[str, int]:
        """`kept`: changes up to that number have reached the disk although nobody had asked."""
        for number, what, inode, path, *rest in sorted(self.changes):
            directory = str(Path(rest[0] if rest else path).parent)
            if number > max(kept, self.synced.get(directory, 0)):
                continue
            if what == "C":
                self.names[path] = inode
            else:
                self.names.pop(path, None)
            if what == "R":
                self.names[rest[0]] = inode
        return self.names


class Shim:
    """One data directory under the shim. `launcher` is what the process that uses it is started with."""

    def __init__(self, folder: Path, data: Path, chance: random.Random):
        self._data = data
        self._chance = chance
        self._journal = folder / "journal"
        self._graves = folder / "graves"
        folder.mkdir(parents=True)
        control = folder / "control"
        control.write_bytes(_CONTROL.pack(_OFF, 0, 0, 0, 0, 0))
        with control.open("r+b") as file:
            self._control = mmap.mmap(file.fileno(), _CONTROL.size)
        self.launcher = ["env", f"LD_PRELOAD={build()}", f"POSTERN_SHIM_DIR={data}", f"POSTERN_SHIM_CONTROL={control}",
                         f"POSTERN_SHIM_JOURNAL={self._journal}", f"POSTERN_SHIM_GRAVES={self._graves}"]
        self.forget()

    # ---- faults ----

    def fail(self, calls: int, error: int, after: int, once: bool) -> None:
        """The call behind the next `after` ones fails with `error`, or all from there on."""
        self.lift()
        self._control[4:_CONTROL.size] = _CONTROL.pack(0, calls, error, 0, after, 0)[4:]
        self._control[0:4] = struct.pack("=I", _ONCE if once else _FROM_ON)

    def lift(self) -> None:
        self._control[0:4] = struct.pack("=I", _OFF)

    def hits(self) -> int:
        return _CONTROL.unpack(self._control[:])[5]

    # ---- power ----

    def forget(self) -> None:
        """What is there now counts as durable. Not while a process uses the directory."""
        self._journal.write_bytes(b"")
        shutil.rmtree(self._graves, ignore_errors=True)
        self._graves.mkdir()
        files = {path: path.stat() for path in self._files()}
        self._names = {str(path.relative_to(self._data)): about.st_ino for path, about in files.items()}
        self._lengths = {about.st_ino: about.st_size for about in files.values()}

    def cut(self) -> str:
        """The directory as it might be after a loss of power; says what was lost. The process has ended."""
        lines = self._journal.read_text().splitlines()
        journal = _Journal(dict(self._names), dict(self._lengths))
        journal.read(lines)
        how = self._chance.choice(("all that was not synced is lost", "some of it is lost", "some of it is zeros"))
        last = max((change[0] for change in journal.changes), default=0)
        names = journal.durable_names(0 if how.startswith("all") else self._chance.randint(0, last))
        octets = {path.stat().st_ino: path for path in (*self._graves.iterdir(), *self._files())}
        before = {str(path.relative_to(self._data)) for path in self._files()}
        staging = self._graves.with_name("staging")
        shutil.rmtree(staging, ignore_errors=True)
        lost = 0
        for name, inode in names.items():
            target = staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(octets[inode], target)
            lost += self._shorten(target, journal.lengths.get(inode, 0), how)
        for path in self._files():
            path.unlink()
        for name in names:
            os.rename(staging / name, self._data / name)
        self.forget()
        gone, back = len(before - names.keys()), len(names.keys() - before)
        return f"{how}: {lost} octets, {gone} files gone, {back} back"

    def _shorten(self, path: Path, durable: int, how: str) -> int:
        size = path.stat().st_size
        durable = min(durable, size)
        kept = durable if how.startswith("all") else self._chance.randint(durable, size)
        os.truncate(path, durable if how.endswith("zeros") else kept)
        if how.endswith("zeros"):
            os.truncate(path, kept)
        return size - (durable if how.endswith("zeros") else kept)

    def _files(self) -> list[Path]:
        return [path for path in self._data.rglob("*") if path.is_file() and not path.name.startswith(_KEPT)]


def name_of(error: int) -> str:
    return errno.errorcode[error]

