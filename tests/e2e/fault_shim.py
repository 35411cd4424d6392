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

WRITES, SYNCS, CREATIONS = 1, 2, 4
_OFF, _ONCE, _FROM_ON = 0, 1, 2
_CONTROL = struct.Struct("=IIiIqq")
_KEPT = ("LOG", "LOCK", "lock")    # not data, and not journalled
_SECTOR = 4096
# What a cut does to what was not synced.
ALL_IS_LOST, SOME_IS_LOST = "all that was not synced is lost", "some of it is lost"
SOME_IS_ZEROS, SECTORS_ARE_ZEROS = "some of it is zeros", "sectors of it are zeros"


def build(folder: Path) -> Path:
    shim = folder / "fault_shim.so"
    run = subprocess.run(["clang-16", "-std=c17", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(shim),
                          str(Path(__file__).with_suffix(".c"))], capture_output=True, text=True, check=False)
    if run.returncode:
        raise HarnessError(f"the shim does not build: {run.stderr}")
    return shim


@dataclass(frozen=True)
class _Overwrite:
    """Octets below a file's end that were written over, or cut off; graves/undo has what was there."""
    number: int
    offset: int
    size: int
    undo_at: int


@dataclass
class _Journal:
    """What has become durable; names as numbers of files."""
    names: dict[str, int]
    lengths: dict[int, int] = field(default_factory=dict)
    changes: list[tuple] = field(default_factory=list)      # (number, what, file, path, ...)
    synced: dict[str, int] = field(default_factory=dict)    # directory -> the last durable change
    overwrites: dict[int, list[_Overwrite]] = field(default_factory=dict)    # of a file, not durable

    def read(self, lines: list[str]) -> None:
        undone = {int(line.split()[1]) for line in lines if line[0] == "X"}
        for line in lines:
            what, *words = line.split()
            numbers = [int(word) for word in words if word.isdecimal()]
            if what in "CURM":
                if numbers[0] not in undone:
                    self.changes.append((numbers[0], what, numbers[1], *words[2:]))
            elif what == "D":
                self.synced[words[1]] = max(numbers[0], self.synced.get(words[1], 0))
            elif what == "S":
                file, length, below = numbers
                self.lengths[file] = length
                self.overwrites[file] = [one for one in self.overwrites.get(file, []) if one.number > below]
            elif what == "T":
                self.lengths[numbers[0]] = 0
            elif what == "O":
                self.overwrites.setdefault(numbers[1], []).append(_Overwrite(numbers[0], *numbers[2:]))
        self.changes.sort()

    def names_after(self, kept: int | None) -> dict[str, int]:
        """`kept`: changes up to that number have reached the disk although nobody had asked; None: all have."""
        names, lost = dict(self.names), []
        for number, what, inode, path, *rest in self.changes:
            directory = str(Path(rest[0] if rest else path).parent)
            if kept is not None and number > max(kept, self.synced.get(directory, 0)):
                lost += [f"{path}/"] if what == "M" else []
                continue
            if what in "UR":
                names.pop(path, None)
            if what in "CR":
                names[rest[0] if rest else path] = inode
        return {name: inode for name, inode in names.items() if not name.startswith(tuple(lost))}


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
        self.tore_sectors = False    # a log may look damaged where nothing of it was acknowledged
        self.launcher = ["env", f"LD_PRELOAD={build(folder)}", f"POSTERN_SHIM_DIR={data}", f"POSTERN_SHIM_CONTROL={control}",
                         f"POSTERN_SHIM_JOURNAL={self._journal}", f"POSTERN_SHIM_GRAVES={self._graves}"]
        self.forget()

    # ---- faults ----

    def fail(self, calls: int, error: int, after: int, once: bool, folder: str = "") -> None:
        """The call behind the next `after` ones fails with `error`, or all from there on; only those for files in
        that folder of the directory, or all."""
        self.lift()
        place = int.from_bytes(folder[:2].encode(), "little")
        self._control[4:_CONTROL.size] = _CONTROL.pack(0, calls, error, place, after, 0)[4:]
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

    def cut(self, how: str = "") -> str:
        """The directory as it might be after a loss of power, in that way or in one of them; says what was lost. The process
        has ended."""
        journal = _Journal(dict(self._names), dict(self._lengths))
        journal.read(self._journal.read_text().splitlines())
        self._check(journal)
        how = how or self._chance.choice((ALL_IS_LOST, SOME_IS_LOST, SOME_IS_ZEROS, SECTORS_ARE_ZEROS))
        self.tore_sectors = self.tore_sectors or how == SECTORS_ARE_ZEROS
        last = max((change[0] for change in journal.changes), default=0)
        names = journal.names_after(0 if how == ALL_IS_LOST else self._chance.randint(0, last))
        octets = {path.stat().st_ino: path for path in (*self._graves.iterdir(), *self._files())}
        before = {str(path.relative_to(self._data)) for path in self._files()}
        staging = self._graves.with_name("staging")
        shutil.rmtree(staging, ignore_errors=True)
        lost = sum(self._lose(octets[inode], journal, how) for inode in sorted(set(names.values())))
        for name, inode in names.items():
            target = staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(octets[inode], target)
        for path in self._files():
            path.unlink()
        for name in names:
            os.rename(staging / name, self._data / name)
        self.forget()
        gone, back = len(before - names.keys()), len(names.keys() - before)
        return f"{how}: {lost} octets, {gone} files gone, {back} back"

    def _check(self, journal: _Journal) -> None:
        """The journal leads to what is there: else a call is missing in the shim, and the cut would be a lie."""
        there = {(str(path.relative_to(self._data)), path.stat().st_ino) for path in self._files()}
        known = {(name, inode) for name, inode in journal.names_after(None).items()
                 if not Path(name).name.startswith(_KEPT)}
        # The process may have been killed between a change and its line.
        if len(there ^ known) > 2:
            raise HarnessError(f"the shim has not seen how {sorted(there - known)} came and {sorted(known - there)} went")

    def _lose(self, path: Path, journal: _Journal, how: str) -> int:
        """Of what was not synced; how many octets are lost."""
        lost = self._undo(path, journal.overwrites.get(path.stat().st_ino, []), how)
        about = path.stat()
        durable = min(journal.lengths.get(about.st_ino, 0), about.st_size)
        kept = {ALL_IS_LOST: durable, SECTORS_ARE_ZEROS: about.st_size}.get(how, self._chance.randint(durable, about.st_size))
        if how == SECTORS_ARE_ZEROS:
            return lost + self._zero_sectors(path, durable)
        os.truncate(path, durable if how == SOME_IS_ZEROS else kept)
        os.truncate(path, kept)
        return lost + about.st_size - (durable if how == SOME_IS_ZEROS else kept)

    def _undo(self, path: Path, overwrites: list[_Overwrite], how: str) -> int:
        lost = 0
        if not overwrites:
            return lost
        with (self._graves / "undo").open("rb") as undo, path.open("r+b") as file:
            for one in reversed(overwrites):
                if how != ALL_IS_LOST and self._chance.random() < 0.5:
                    continue
                undo.seek(one.undo_at)
                file.seek(one.offset)
                file.write(undo.read(one.size))
                lost += one.size
        return lost

    def _zero_sectors(self, path: Path, durable: int) -> int:
        """A file may have its new length before all sectors of it, and they come in any order."""
        lost = 0
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            for at in range(durable - durable % _SECTOR, size, _SECTOR):
                if self._chance.random() < 0.7:
                    continue
                start, end = max(at, durable), min(at + _SECTOR, size)
                file.seek(start)
                file.write(bytes(end - start))
                lost += end - start
        return lost

    def _files(self) -> list[Path]:
        return [path for path in self._data.rglob("*") if path.is_file() and not path.name.startswith(_KEPT)]


def name_of(error: int) -> str:
    return errno.errorcode[error]

