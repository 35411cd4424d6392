# SPDX-License-Identifier: Apache-2.0
"""bench/run where a program that it needs hangs or fails."""

import contextlib
import copy
import io
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in ("tests/e2e", "bench/relay", "bench"):
    sys.path.insert(0, str(ROOT / folder))

import syscalls  # noqa: E402
from matrix import limits, main, ours, page, peers, plan, points, runner, tools, waiting  # noqa: E402
from process import HarnessError  # noqa: E402

RESULTS = json.loads((HERE / "results.json").read_text())


class Failures(unittest.TestCase):
    """A program that does not end, or badly, is a line of what is missing, and the run goes on."""

    ends = (subprocess.TimeoutExpired(["openssl", "speed"], 60), subprocess.CalledProcessError(1, ["chattr"]))

    def setUp(self):
        silent = contextlib.redirect_stderr(io.StringIO())
        silent.__enter__()
        self.addCleanup(silent.__exit__, None, None, None)

    def test_of_a_relay(self):
        stand = runner.Stand(points.BASE, runner.Options(["exim"], tools.POSTERN))
        for end in self.ends:
            stand.attempt("exim", mock.Mock(side_effect=end))
        self.assertEqual(stand.results["exim"]["failures"], [str(end) for end in self.ends])

    def test_of_a_latency(self):
        for end in self.ends:
            results = {"points": RESULTS["points"]}
            with mock.patch.object(waiting, "Relay", side_effect=end):
                waiting.measure(results, runner.Options(["exim"], tools.POSTERN), 1)
            self.assertEqual([entry["failures"] for entry in results["latency"]], [[str(end)]] * 2)

    def test_of_what_is_measured_of_postern_alone(self):
        options = runner.Options(["postern-queue"], tools.POSTERN)
        for end in self.ends:
            with mock.patch("syscalls.measure", side_effect=end), mock.patch("sessions.idle", return_value=9.0), \
                    mock.patch("sessions.slow", side_effect=end):
                found, kept = {}, []
                failures = ours.measure(found, options, True, lambda: kept.append(len(found["idle"])))
            self.assertEqual(failures, [f"system calls of postern-queue: {end}", f"load beside slow sessions: {end}"])
            self.assertEqual(len(found["idle"]), 5)
            self.assertEqual(kept, [1, 2, 3, 4, 5])

    def test_of_a_limit(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(limits, "available", return_value=False), \
                mock.patch.object(limits, "_speed", side_effect=self.ends[0]):
            found, failures = limits.measure(runner.Options([], tools.POSTERN, folder=Path(folder)), True)
        self.assertEqual(failures, [f"limits of openssl speed: {self.ends[0]}"])
        self.assertGreater(found["loopback"], 0)

    def test_of_a_part(self):
        for end in (*self.ends, OSError(28, "No space left on device"), HarnessError("the sink is gone")):
            with tempfile.TemporaryDirectory() as folder, self.subTest(end=end):
                run = main.Measurement.__new__(main.Measurement)
                run._options = main.arguments(["--systems", "postern-queue", "--json", f"{folder}/results.json"])
                run._began, run._clock = 0.0, plan.Clock(float("inf"))
                run.results = copy.deepcopy(RESULTS) | {"limits": {}, "left_out": [], "parts": []}
                after = mock.Mock()
                with mock.patch.object(run, "parts", return_value=[plan.Part("limits", main.LIMITS, 1.0, mock.Mock(side_effect=end)),
                                                                   plan.Part("base", "base", 1.0, after)]):
                    run.measure()
                after.assert_called_once_with()
                stored = json.loads(Path(folder, "results.json").read_text())
            self.assertEqual(([part["name"] for part in stored["parts"]], stored["left_out"]), (["base"], [f"limits: {end}"]))
            self.assertIn(f"LEFT OUT limits: {end}", page.missing(stored))
            self.assertIn("### The base point", page.render(stored)[0])

    def test_a_file_system_without_the_attribute(self):
        peer = object.__new__(peers.OpenSmtpdSync)
        peer.root = Path("/proc/no such folder")
        with mock.patch.object(peers.OpenSmtpd, "command", return_value=[]), \
                self.assertRaisesRegex(HarnessError, "opensmtpd-sync cannot make writes durable"):
            peer.command()


class Traces(unittest.TestCase):
    def test_strace_lets_go_when_the_measurement_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            traced = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            try:
                with self.assertRaises(HarnessError), syscalls.Trace(traced.pid, Path(folder) / "trace"):
                    raise HarnessError("the letters did not come")
                self.assertIn("TracerPid:\t0\n", Path(f"/proc/{traced.pid}/status").read_text())
                with syscalls.Trace(traced.pid, Path(folder) / "trace") as trace:
                    traced.stdin.write(b"x" * 100)
                    traced.stdin.close()
                    traced.wait(20)
                    self.assertGreaterEqual(trace.end()["write"], 1)
            finally:
                traced.kill()
                traced.wait()

    def test_why_strace_is_not_attached(self):
        with tempfile.TemporaryDirectory() as folder:
            traced = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            try:
                with syscalls.Trace(traced.pid, Path(folder) / "one"), self.assertRaisesRegex(HarnessError, "strace ended: .*attach"):
                    syscalls.Trace(traced.pid, Path(folder) / "two").__enter__()
            finally:
                traced.communicate()


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    outcome = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad or not outcome.testsRun else 0)
