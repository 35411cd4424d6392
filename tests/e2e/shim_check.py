# SPDX-License-Identifier: Apache-2.0
"""The instrument of crash.py: what fault_shim makes of the files of a process that syncs this and not that."""

import errno
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from fault_shim import ALL_IS_LOST, CREATIONS, SECTORS_ARE_ZEROS, SYNCS, WRITES, Shim
from process import HarnessError, expect
from tally import Tally

# What the processes under the shim have: files below the working directory, in which nothing is durable by itself.
_PROGRAM = """
import os

def file(path, octets=b"", at=0, sync=True):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.pwrite(fd, octets, at)
    if sync:
        os.fsync(fd)
    os.close(fd)

def sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)

"""


class Bench:
    def __init__(self, root: Path):
        self.data = root / "data"
        self.data.mkdir()
        self.shim = Shim(root / "shim", self.data, random.Random(7))

    def run(self, program: str) -> str:
        done = subprocess.run([*self.shim.launcher, sys.executable, "-c", _PROGRAM + program], cwd=self.data, text=True,
                              capture_output=True, check=False, timeout=60)
        expect(done.returncode == 0, done.stderr)
        return done.stdout

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.data)): path.read_bytes() for path in self.data.rglob("*") if path.is_file()}

    def expect_files(self, wanted: dict[str, bytes]) -> None:
        expect(self.files() == wanted, f"{self.files()}, not {wanted}")


def what_was_not_synced_is_lost(bench: Bench) -> None:
    bench.run("""
for name in "append", "over", "over_synced", "cut", "cut_synced", "removed", "renamed", "linked":
    file(name, b"durable")
os.mkdir("folder")
sync(".")
file("append", b" more", 7, sync=False)
file("over", b"DUR", sync=False)
file("over_synced", b"DUR")
for name in "cut", "cut_synced":
    fd = os.open(name, os.O_WRONLY)
    os.ftruncate(fd, 3)
os.fsync(fd)
os.unlink("removed")
os.rename("renamed", "as_this")
os.link("linked", "as_that")
file("new", b"durable, and has no name")
file("folder/new", b"durable, and has a name")
sync("folder")
os.mkdir("unknown")
file("unknown/new", b"durable, and its folder is not")
sync("unknown")
""")
    bench.shim.cut(ALL_IS_LOST)
    kept = {name: b"durable" for name in ("append", "over", "cut", "removed", "renamed", "linked")}
    bench.expect_files(kept | {"over_synced": b"DURable", "cut_synced": b"dur", "folder/new": b"durable, and has a name"})


def what_was_synced_stays(bench: Bench) -> None:
    bench.run("""
os.mkdir("folder")
for name in "removed", "renamed", "replaced", "linked", "folder/long":
    file(name, b"first")
sync("folder")
file("folder/long", b" and more", 5)
os.unlink("removed")
os.rename("renamed", "replaced")
os.link("linked", "folder/linked")
sync(".")
sync("folder")
""")
    bench.shim.cut(ALL_IS_LOST)
    bench.expect_files({"replaced": b"first", "linked": b"first", "folder/linked": b"first",
                        "folder/long": b"first and more"})


def sectors_are_lost_in_any_order(bench: Bench) -> None:
    bench.run("""
file("a", b"d" * 5000)
sync(".")
file("a", b"m" * 400000, 5000, sync=False)
""")
    bench.shim.cut(SECTORS_ARE_ZEROS)
    octets = bench.files()["a"]
    expect(len(octets) == 405_000 and octets[:5000] == b"d" * 5000, "what is durable is whole")
    expect(octets[5000:8192] in (b"m" * 3192, bytes(3192)), "a sector in which both lie")
    sectors = {octets[at:at + 4096] for at in range(8192, 400_000, 4096)}
    expect(sectors == {b"m" * 4096, bytes(4096)}, f"{len(sectors)} kinds of sectors")


def calls_fail_where_they_are_to(bench: Bench) -> None:
    program = """
import errno
for name in "db/a", "segments/a":
    try:
        file(name, b"octets")
        print(name, "ok")
    except OSError as error:
        print(name, errno.errorcode[error.errno])
"""
    bench.run('os.mkdir("db")\nos.mkdir("segments")')
    wanted = {(WRITES, "segments"): "db/a ok\nsegments/a EIO\n", (SYNCS, "db"): "db/a EIO\nsegments/a ok\n",
              (WRITES, ""): "db/a EIO\nsegments/a EIO\n"}
    for (calls, folder), result in wanted.items():
        bench.shim.fail(calls, errno.EIO, 0, False, folder)
        expect(bench.run(program) == result, f"{calls} in {folder or 'all'}: not {result}")
    for name in bench.files():
        (bench.data / name).unlink()
    bench.shim.forget()
    bench.shim.fail(CREATIONS, errno.ENOSPC, 1, False)
    expect(bench.run(program) == "db/a ok\nsegments/a ENOSPC\n", "the second file is not made")
    expect(bench.files().keys() == {"db/a"}, f"{bench.files()}")


def a_call_that_it_does_not_know_is_told(bench: Bench) -> None:
    bench.run('file("a")\nfile("b")\nfile("c")')
    for name in ("a", "b", "c"):
        (bench.data / name).unlink()
    try:
        bench.shim.cut()
    except HarnessError:
        return
    raise HarnessError("three files went, and the cut does not say so")


TESTS: list[Callable[[Bench], None]] = [what_was_not_synced_is_lost, what_was_synced_stays, sectors_are_lost_in_any_order,
                                        calls_fail_where_they_are_to, a_call_that_it_does_not_know_is_told]


def main() -> int:
    def on_a_bench(test: Callable[[Bench], None]) -> Callable[[Path], None]:
        def run(root: Path) -> None:
            test(Bench(root))
        run.__name__ = test.__name__
        return run

    tally = Tally()
    tally.in_folders(map(on_a_bench, TESTS), "postern-shim-")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
