# SPDX-License-Identifier: Apache-2.0
"""A terminal for a child to write to, which is read by the test."""

import os
import pty
import select
import time

from process import HarnessError


class Terminal:
    """Give `theirs` to one child, and close_theirs() once it runs. `text` is what it has shown so far."""

    def __init__(self):
        self._ours, self.theirs = pty.openpty()
        self.text = b""

    def close_theirs(self) -> None:
        os.close(self.theirs)

    def wait_for(self, wanted: bytes, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while wanted not in self.text:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._ours], [], [], left)[0] or not self._read():
                raise HarnessError(f"the terminal shows no {wanted!r}: {self.text!r}")

    def close(self) -> str:
        """All of it, once the child has ended."""
        while self._read():
            pass
        os.close(self._ours)
        return self.text.decode(errors="replace")

    def _read(self) -> bool:
        try:
            octets = os.read(self._ours, 65536)
        except OSError:
            return False    # the end of a terminal
        self.text += octets
        return bool(octets)
