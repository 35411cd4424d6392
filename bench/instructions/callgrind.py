# SPDX-License-Identifier: Apache-2.0
"""A program under callgrind: its profile is dumped between the parts of a run, each thread's by itself."""

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from process import HarnessError

_COST = re.compile(r"^[+*\d][-+*\d]* (\d+)$")
_NAME = re.compile(r"^fn=\((\d+)\)(?: (.*))?$")
_OBJECT = re.compile(r"^(c?)ob=\((\d+)\)(?: (.*))?$")
_CALLED = re.compile(r"^cfn=\((\d+)\) (.*)$")


@dataclass
class Profile:
    """Instructions of one thread over one part: in all, and by function, without those that it calls."""

    total: int = 0
    functions: dict[str, int] = field(default_factory=dict)


def parse(text: str) -> Profile:
    """Callgrind's format, as `--dump-line=no --dump-instr=no` leaves it; names are given once, by number afterwards."""
    names: dict[str, str] = {}
    objects: dict[str, str] = {}
    profile = Profile()
    within = ""
    function, of_a_call = "", False
    for line in text.splitlines():
        if match := _OBJECT.match(line):
            objects.setdefault(match[2], Path(match[3] or "").name)
            if not match[1]:
                within = objects[match[2]]
        elif match := _NAME.match(line):
            function = names.setdefault(match[1], match[2] or "")
            if function.startswith("0x"):
                function = f"{within}: {function}"    # assembly without a symbol
        elif match := _CALLED.match(line):
            names[match[1]] = match[2]
        elif line.startswith("calls="):
            of_a_call = True    # the cost on the next line is the called function's own, counted there
        elif match := _COST.match(line):
            if not of_a_call:
                profile.functions[function] = profile.functions.get(function, 0) + int(match[1])
            of_a_call = False
    profile.total = sum(profile.functions.values())
    return profile


class Callgrind:
    """`launcher` starts the program. What it does between two calls of dump() is a part, numbered from 1."""

    def __init__(self, folder: Path):
        self._out = folder / "callgrind"
        self._parts = 0
        self.launcher = ["valgrind", "--tool=callgrind", "--quiet", "--separate-threads=yes", "--dump-line=no",
                         f"--callgrind-out-file={self._out}"]

    def dump(self, pid: int) -> int:
        """Ends a part: its number."""
        run = subprocess.run(["callgrind_control", "--dump", str(pid)], capture_output=True, text=True, check=False, timeout=60)
        self._parts += 1
        if run.returncode or not self._files(self._parts):
            raise HarnessError(f"callgrind_control --dump: {(run.stdout + run.stderr).strip() or 'no profile was written'}")
        return self._parts

    def threads(self, part: int) -> list[Profile]:
        return [parse(path.read_text(encoding="utf-8", errors="replace")) for path in self._files(part)]

    def _files(self, part: int) -> list[Path]:
        return sorted(self._out.parent.glob(f"{self._out.name}.{part}-*"))


def without_line_numbers(program: Path, folder: Path) -> Path:
    """A copy with its symbols alone: valgrind 3.19 cannot read clang's DWARF 5."""
    for wanted in ("valgrind", "callgrind_control", "llvm-objcopy-16"):
        if shutil.which(wanted) is None:
            raise HarnessError(f"{wanted} is not installed: tools/dev deps")
    copy = folder / program.name
    run = subprocess.run(["llvm-objcopy-16", "--strip-debug", str(program), str(copy)], capture_output=True, text=True, check=False)
    if run.returncode:
        raise HarnessError(f"llvm-objcopy-16: {run.stderr.strip()}")
    return copy
