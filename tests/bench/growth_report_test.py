# SPDX-License-Identifier: Apache-2.0
"""bench/relay/growth_report.py without a gateway: what is taken for memory that grows, and that growth over the limit is told."""

import sys
import unittest
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "relay"))

from growth_report import Figures, Memory, Slice, markdown, missed  # noqa: E402

MB = 1_000_000


def figures(backlog: int, growing: float = 50, restarted: float = 50) -> Figures:
    """With so many octets a message."""
    as_fast = Slice(backlog // 10, 1e-4, 1e-4)
    return Figures(backlog, fresh=30 * MB, warm=35 * MB, empty_disk=0, rehearsed=300,
                   fresh_parts=Memory(growing=2 * MB), warm_parts=Memory(growing=4 * MB),
                   accept=as_fast, queued=35 * MB + 100 * backlog,
                   queued_parts=Memory(4 * MB + int(growing * backlog), 40 * MB, 150 * MB),
                   restarted_parts=Memory(2 * MB + int(restarted * (backlog - 300)), 40 * MB),
                   opening=as_fast, first=as_fast, last=as_fast)


class GrowthReport(unittest.TestCase):
    def test_what_has_a_limit_does_not_grow(self):
        told = {"allocated": 1000, "memtables": 400, "block_cache": 100, "bodies": 200, "letters": 50, "tables": 7, "other": 243}
        self.assertEqual(Memory.of(told), Memory(growing=250, database=500, letters=250))

    def test_flat_memory_is_within_the_limits(self):
        self.assertEqual(missed([[figures(1_000, 70)], [figures(10_000)], [figures(1_000_000, 45, 60)]]), [])

    def test_memory_that_is_not_flat_is_told_with_its_backlog(self):
        for told in (figures(100_000, growing=76), figures(100_000, growing=30), figures(100_000, restarted=76)):
            [line] = missed([[figures(10_000)], [told]])
            self.assertIn("NOT MET 100,000: memory that grows", line)

    @patch("growth_report.versions", lambda: "any")
    @patch("growth_report.machine", lambda: "any")
    def test_the_table_has_what_grows_and_what_has_a_limit(self):
        table = markdown([[figures(10_000, 50, 61)]], "ext4", [1.0, 1.0], 2048).splitlines()
        row = dict(zip(*([cell.strip() for cell in table[line].split("|")] for line in (0, 2))))
        self.assertEqual((row["that grows, octets/message"], row["that grows then, octets/message"]), ("50", "61"))
        self.assertEqual((row["database, MB"], row["letters at hand, MB"]), ("40", "150"))


if __name__ == "__main__":
    unittest.main()
