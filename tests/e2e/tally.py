# SPDX-License-Identifier: Apache-2.0
"""What came of the cases of a test program: a line each, PASS or FAIL, and at the end the line that tools/dev reads."""

import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from process import HarnessError


class Closed(Protocol):
    def close(self) -> None: ...


Party = TypeVar("Party", bound=Closed)


def with_party(make: Callable[[Path], Party], test: Callable[[Party], None]) -> Callable[[Path], None]:
    """The test with a party that is made for it, in its folder, and closed behind it."""
    def run(root: Path) -> None:
        party = make(root)
        try:
            test(party)
        finally:
            party.close()
    run.__name__ = test.__name__
    return run


class Tally:
    def __init__(self) -> None:
        self.passed = self.failed = 0

    def note(self, title: str, problem: str | None) -> bool:
        """What came of a case; no problem: it passed."""
        self.passed += problem is None
        self.failed += problem is not None
        print(f"PASS {title}" if problem is None else f"FAIL {title}\n     {problem}", flush=True)
        return problem is None

    def check(self, title: str, case: Callable[[], object]) -> bool:
        """The case fails by whatever exception leaves it; the next ones are tried all the same."""
        began = time.monotonic()
        problem = None
        try:
            case()
        except HarnessError as error:
            problem = str(error)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        return self.note(f"{title} ({time.monotonic() - began:.1f} s)", problem)

    def play(self, cases: Mapping[str, Callable[[], object]] | Iterable[tuple[str, Callable[[], object]]]) -> None:
        for title, case in cases.items() if isinstance(cases, Mapping) else cases:
            self.check(title, case)

    def in_folders(self, tests: Iterable[Callable[[Path], None]], prefix: str, mode: int = 0o700) -> None:
        """Each in a folder of its own; those alone, if any, whose names have a word of the command line."""
        wanted = re.compile("|".join(sys.argv[1:]))
        for test in tests:
            if wanted.search(test.__name__):
                with tempfile.TemporaryDirectory(prefix=prefix) as root:
                    Path(root).chmod(mode)
                    self.check(test.__name__, lambda test=test, root=root: test(Path(root)))

    def end(self) -> int:
        """The program's status. One without a case has shown nothing."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0
