# SPDX-License-Identifier: Apache-2.0
"""bench/instructions without valgrind: profiles are read, and growth is found and told."""

import json
import sys
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "bench" / "instructions"), str(REPOSITORY / "bench"), str(REPOSITORY / "tests" / "e2e")]

import callgrind  # noqa: E402
import cases  # noqa: E402
from compare import Figure, compare, compare_all, grown, median_figure, spread, versions_differ  # noqa: E402

STORED = Figure(1000.0, {"parse": 600.0, "write": 300.0, "close": 100.0})

PROFILE = """\
# callgrind format
version: 1
positions: line
events: Ir
summary: 268

ob=(1) /postern
fl=(1) ???
fn=(1) parse
0 100
cfn=(2) write
calls=3 0
0 60
0 5

fn=(2)
0 60

fn=(3) serve
0 35
cob=(2) /libc.so
cfi=(2) ???
cfn=(4) memcpy
calls=1 0
0 60

ob=(2)
fn=(4)
0 60
fn=(5) 0x29ad80
0 7
fn=(5)
0 1
totals: 268
"""


class Profiles(unittest.TestCase):
    def test_a_call_costs_where_it_is_done(self):
        profile = callgrind.parse(PROFILE)
        self.assertEqual(profile.functions, {"parse": 105, "write": 60, "serve": 35, "memcpy": 60,
                                             "libc.so: 0x29ad80": 8})
        self.assertEqual(profile.total, 268)

    def test_nothing(self):
        self.assertEqual(callgrind.parse("# callgrind format\n").total, 0)


class Comparing(unittest.TestCase):
    def test_growth_within_the_limit_passes(self):
        self.assertTrue(compare("case", Figure(1030.0, {}), STORED).passed)

    def test_growth_over_the_limit_fails_and_names_what_grew(self):
        now = Figure(1031.0, {"parse": 601.0, "write": 330.0, "log": 5.0})
        outcome = compare("case", now, STORED)
        self.assertFalse(outcome.passed)
        told = "\n".join(outcome.lines)
        self.assertIn("+3.1%", told)
        self.assertIn("tools/dev bench instructions --store", told)
        self.assertLess(told.index("write"), told.index("log"))
        self.assertLess(told.index("log"), told.index("parse"))
        self.assertNotIn("close", told)

    def test_what_was_too_small_to_be_stored_has_not_grown(self):
        found = grown(Figure(5000.0, {"small": 3.9, "large": 104.0}), STORED)
        self.assertEqual(found, [("large", 4.0, 104.0)])

    def test_no_more_functions_than_ten(self):
        now = Figure(5000.0, {f"f{number}": 100.0 + number for number in range(40)})
        found = grown(now, STORED)
        self.assertEqual([name for name, _, _ in found], [f"f{number}" for number in range(39, 29, -1)])

    def test_less_passes_with_a_note(self):
        outcome = compare("case", Figure(900.0, {}), STORED)
        self.assertTrue(outcome.passed)
        self.assertIn("store the new figure", outcome.lines[-1])
        self.assertEqual(len(compare("case", Figure(980.0, {}), STORED).lines), 1)

    def test_a_case_on_one_side_alone_fails(self):
        outcomes = compare_all({"new": STORED}, {"old": STORED})
        self.assertEqual([outcome.passed for outcome in outcomes], [False, False])
        self.assertIn("no figure is stored", outcomes[0].lines[0])
        self.assertIn("old: is stored, and was not measured", outcomes[1].lines[0])

    def test_versions_are_told_where_they_differ(self):
        self.assertEqual(versions_differ({"libc6": "1"}, {"libc6": "1"}), [])
        told = "\n".join(versions_differ({"libc6": "2", "libssl3": "3"}, {"libc6": "1"}))
        self.assertIn("libc6: 1 when stored, 2 now", told)
        self.assertIn("libssl3: none when stored, 3 now", told)

    def test_the_middle_part_counts(self):
        parts = [Figure(total, {}) for total in (120.0, 100.0, 101.0)]
        self.assertEqual(median_figure(parts).total, 101.0)
        self.assertAlmostEqual(spread(parts), 20 / 101)


class Stored(unittest.TestCase):
    def test_each_case_has_a_figure(self):
        stored = json.loads((REPOSITORY / "bench" / "instructions" / "expected.json").read_text(encoding="utf-8"))
        self.assertEqual(sorted(stored["cases"]), sorted(case.name for case in cases.CASES))
        self.assertIn("clang-16", stored["versions"])
        for case in stored["cases"].values():
            self.assertLessEqual(sum(case["functions"].values()), case["total"])
            self.assertGreater(sum(case["functions"].values()), case["total"] / 2)


if __name__ == "__main__":
    unittest.main()
