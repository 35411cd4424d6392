# SPDX-License-Identifier: Apache-2.0
"""Where G learns who has a mailbox in V: `demo.py --directory KIND` runs the same scenarios with each kind.

A kind is a class with what `Directory` has; another one is another module here and a line in KINDS.
"""

import importlib
import subprocess
from pathlib import Path
from typing import Protocol

from process import HarnessError


class Directory(Protocol):
    """One directory for all gateways of the topology."""

    def __init__(self, root: Path, domain: str, users: list[str]):
        """`root` is a folder of its own (not made yet); `users` are the local parts that it knows."""

    def start(self) -> None:
        """Before any gateway is. Answers when it returns."""

    def stop(self) -> None: ...

    def setting(self) -> str:
        """The value of `recipients.directory`."""

    def tables(self) -> str:
        """The `[[directory]]` tables that the setting wants, as TOML; empty: none."""

    def add(self, user: str) -> None:
        """From now on V has this mailbox; G may take its time to notice (scenario R9r)."""


class DirectoryServer(Directory, Protocol):
    """A directory that is a server of its own: after stop(), or a crash of its process, start() brings it back as it was."""

    process: subprocess.Popen    # the first of its processes; the others are below it


class FileOfMailboxes:
    """`file:`: one address a line, read again when it changes."""

    def __init__(self, root: Path, domain: str, users: list[str]):
        self._domain = domain
        self._file = root / "mailboxes.txt"
        root.mkdir()
        self._file.write_text("".join(f"{user}@{domain}\n" for user in users))

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def setting(self) -> str:
        return f"file:{self._file}"

    def tables(self) -> str:
        return ""

    def add(self, user: str) -> None:
        self._file.write_text(self._file.read_text() + f"{user}@{self._domain}\n")


# Kind -> the module and its class. A module that is not there is an error of the run, not a test left out.
KINDS = {
    "file": ("directories", "FileOfMailboxes"),
    "ldap": ("slapd", "SlapdDirectory"),
    "smtp": ("callout", "CalloutDirectory"),
    "sql": ("postgres", "PostgresDirectory"),
}


def find(kind: str) -> type[Directory]:
    module, name = KINDS[kind]
    try:
        return getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise HarnessError(f"--directory {kind} wants the class {name} in tests/e2e/{module}.py ({error}); "
                           "--directory file runs the scenarios with a file") from error
