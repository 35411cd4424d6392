# SPDX-License-Identifier: Apache-2.0
"""bench/run: what its command line refuses, how long it expects to take, what it leaves out for a budget, and what it does with a peer that
is too slow; and the kernel's count of system calls."""

import contextlib
import io
import re
import subprocess
import sys
import time
import unittest
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in ("tests/e2e", "bench/relay", "bench"):
    sys.path.insert(0, str(ROOT / folder))

from call_count import CallCount, processors  # noqa: E402
from matrix import main, plan, points, runner, tools, waiting  # noqa: E402
from measure import Account  # noqa: E402
from process import HarnessError  # noqa: E402


class Plan(unittest.TestCase):
    peers = ["postfix", "exim", "opensmtpd", "haraka"]
    systems = [*peers, "postern-queue", "postern-auto", "postern-cut_through"]

    def test_what_is_asked_for_takes_its_time(self):
        base = plan.of_point(points.BASE, self.systems, 5, 2)
        self.assertGreater(base, 8 * 5 * 2)
        self.assertGreater(plan.of_point(points.BASE, self.systems, 5, 4), base + 8 * 5 * 2)
        self.assertLess(plan.of_point(points.BASE, ["postfix"], 5, 2), base / 3)
        tls = next(point for point in points.points() if point.tls)
        self.assertEqual(plan.of_point(tls, ["opensmtpd"], 5, 2), plan.of_point(tls, [], 5, 2))
        self.assertEqual(plan.of_latency([], 5, 2), 0)

    def test_many_sessions_take_slow_relays_longer_than_the_seconds_of_a_run(self):
        crowd = next(point for point in points.points() if point.sessions == 2000)
        self.assertGreater(plan.of_point(crowd, ["postfix"], 5, 2), 5 * 4000 / 600)
        # Too slow, which it has a minute to show.
        self.assertLess(plan.of_point(crowd, ["opensmtpd"], 5, 2) - plan.of_point(crowd, [], 5, 2), 65)

    def parts(self, *given: str) -> list[plan.Part]:
        run = main.Measurement.__new__(main.Measurement)
        run._options = main.arguments(list(given))
        run._tools = tools.POSTERN
        run._points = points.points()
        return run.parts()

    def test_the_whole_matrix_takes_as_long_as_the_readme_says(self):
        parts = self.parts()
        self.assertLess(sum(part.seconds for part in parts), 4500)
        self.assertEqual({part.axis for part in parts}, {"base", *points.AXES, points.CORNERS, "latency", "limits", "ours"})
        # What the targets are about comes first, so that a budget leaves it.
        self.assertEqual([part.axis for part in parts[:7]], ["limits", "base", "latency", "size", "size", "size", "ours"])
        self.assertRegex(plan.described(parts), r"^about \d+ minutes \(limits [\d.]+, base [\d.]+, latency ")
        commands = re.findall(r"bench run(?: --systems (\S+))?  .*about (an hour|\d+ minutes)", (ROOT / "bench/README.md").read_text())
        self.assertEqual(len(commands), 2)
        for systems, said in commands:
            took = sum(part.seconds for part in self.parts(*(["--systems", systems] if systems else []))) / 60
            self.assertAlmostEqual(took, 60 if said == "an hour" else int(said.split()[0]), delta=5, msg=systems)

    def test_a_budget_is_kept(self):
        begun = []
        parts = [plan.Part(str(seconds), "size", seconds, lambda seconds=seconds: begun.append(seconds)) for seconds in (30, 300, 20)]
        clock = plan.Clock(time.monotonic() + 100)
        for part in parts:
            if clock.fits(part):
                clock.run(part)
        self.assertEqual(begun, [30, 20])

    def test_a_slow_machine_corrects_the_estimates(self):
        clock = plan.Clock(1000.0)
        with mock.patch.object(plan.time, "monotonic", side_effect=[0.0, 90.0]):
            clock.run(plan.Part("", "", 30.0, lambda: None))
        self.assertEqual(clock.pace, 3.0)
        with mock.patch.object(plan.time, "monotonic", return_value=90.0):
            self.assertTrue(clock.fits(plan.Part("", "", 303.0, lambda: None)))
            self.assertFalse(clock.fits(plan.Part("", "", 304.0, lambda: None)))


class CommandLine(unittest.TestCase):
    def refused(self, *given: str) -> str:
        said = io.StringIO()
        with contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as ended:
            main.arguments(list(given))
        self.assertEqual(ended.exception.code, 2)
        return said.getvalue()

    def test_what_is_unknown_is_refused_with_what_there_is(self):
        self.assertIn("no axis colour: size, recipients, sessions, connections, tls, corners, latency, limits, ours",
                      self.refused("--only", "size,colour"))
        self.assertIn("no system sendmail: postfix, exim", self.refused("--systems", "sendmail"))
        self.assertIn("--rounds begins at 1", self.refused("--rounds", "0"))

    def test_without_options_everything_is_measured(self):
        options = main.arguments([])
        self.assertEqual(options.rounds, 5)
        self.assertIsNone(options.only)
        self.assertEqual(set(options.systems), {"postfix", "exim", "opensmtpd", "opensmtpd-sync", "haraka", "postern-queue", "postern-auto",
                                                "postern-cut_through"})

    def test_points_with_tls_are_left_out_where_the_tools_have_none(self):
        todo, left = main.chosen_points(main.arguments([]), tools.POSTFIX)
        self.assertFalse(any(point.tls for point in todo))
        self.assertEqual(len(left), sum(point.tls for point in points.points()))
        self.assertEqual(main.chosen_points(main.arguments([]), tools.POSTERN)[1], [])


class Silent(unittest.TestCase):
    def setUp(self):
        silent = contextlib.redirect_stderr(io.StringIO())
        silent.__enter__()
        self.addCleanup(silent.__exit__, None, None, None)


class FakeSink:
    """Has everything at once, or `most` of it."""

    def __init__(self, most: int = 1 << 30):
        self.most = most
        self.count = 0

    def arrived(self) -> int:
        return min(self.count, self.most)

    def stop(self) -> None:
        pass


class TooSlow(Silent):
    def stand(self, *systems: str) -> runner.Stand:
        return runner.Stand(points.BASE, runner.Options(list(systems), tools.POSTERN, rounds=2, seconds=0.1))

    def test_a_peer_that_is_too_slow_is_told_so_and_ours_has_failed(self):
        stand = self.stand("exim", "postern-queue")
        for name in ("exim", "postern-queue"):
            stand.relays[name] = mock.Mock()
            stand.attempt(name, mock.Mock(side_effect=tools.TooSlow("postern load was not done after 60 s")))
        self.assertEqual(stand.relays, {})
        self.assertEqual(stand.results["exim"]["cannot"], "too slow: postern load was not done after 60 s")
        self.assertEqual(stand.results["exim"]["failures"], [])
        self.assertEqual(stand.results["postern-queue"]["failures"], ["postern load was not done after 60 s"])

    def test_the_source_is_not_waited_for_without_end(self):
        with self.assertRaisesRegex(tools.TooSlow, "sleep was not done after 0 s"):
            tools._run(["sleep", "60"], 0.05)

    def ended(self, most: int, under_way: bool) -> tools.RunFailed:
        """How a run of 200 messages ends of which the sink gets so many."""
        target, relay = FakeSink(most), mock.Mock(account=None, port=1, **{"usage.return_value": 0, "syncs.return_value": 0})
        came = mock.MagicMock(**{"wait.return_value": time.monotonic(), "under_way.return_value": under_way})
        came.__enter__.return_value = came

        def send(_tools, point, _port, messages, _patience) -> tools.Sent:
            target.count += messages * point.recipients
            return tools.Sent(1.0, point.size)

        with mock.patch.object(runner, "send", send), mock.patch.object(runner, "Arrivals", return_value=came), \
                self.assertRaises(tools.RunFailed) as failed:
            runner.run_once(relay, target, points.BASE, 200, tools.POSTERN)
        return failed.exception

    def test_what_never_arrives_is_a_loss_and_not_slowness(self):
        loss, slowness = self.ended(199, under_way=False), self.ended(150, under_way=True)
        self.assertIn("so 200 were to arrive, and 199 did", str(loss))
        self.assertNotIsInstance(loss, tools.TooSlow)
        self.assertIn("150 of 200 had arrived after 60 s", str(slowness))
        self.assertIsInstance(slowness, tools.TooSlow)

    def test_messages_are_under_way_while_the_last_ones_came_just_now(self):
        def after(*looks: tuple[float, int]) -> bool:
            """Looks at the sink at such times, which had so many."""
            came = runner.Arrivals(mock.Mock(**{"arrived.side_effect": [count for _, count in looks]}), 200)
            came._over = mock.Mock(**{"wait.side_effect": [False] * len(looks) + [True]})
            with mock.patch.object(runner.time, "monotonic", side_effect=[at for at, _ in looks]):
                came._look()
            self.assertIsNone(came._failure)
            return came.under_way()

        last = 100.0 + runner.STILL_COMING
        self.assertTrue(after((99.0, 149), (100.0, 150), (last - 0.1, 150)))
        self.assertFalse(after((99.0, 149), (100.0, 150), (last + 0.1, 150)))
        self.assertTrue(after((99.0, 149), (last + 0.1, 150)))
        self.assertFalse(after((99.0, 149), (100.0, 200)))

    def test_arrivals_are_waited_for_and_a_sink_that_is_gone_is_told(self):
        target = FakeSink()
        target.count = 200
        began = time.monotonic()
        with runner.Arrivals(target, 200) as came:
            self.assertGreaterEqual(came.wait(runner.PATIENCE), began)
        self.assertFalse(came.under_way())
        with mock.patch.object(target, "arrived", side_effect=OSError("no such file")), runner.Arrivals(target, 200) as came, \
                self.assertRaisesRegex(HarnessError, "the sink is gone: no such file"):
            came.wait(runner.PATIENCE)

    def opened(self, *seconds: float) -> tuple[runner.Stand, list[int]]:
        """A stand whose relay takes so long for each of the first runs, and how many messages these had."""
        stand, spans, sent = self.stand("exim"), list(seconds), []

        def run_once(_relay, _target, _point, messages, _tools) -> dict:
            sent.append(messages)
            return {"messages": messages, "seconds": spans.pop(0)}

        with mock.patch.object(runner, "Relay"), mock.patch.object(runner, "sink"), mock.patch.object(runner, "run_once", run_once):
            stand.attempt("exim", lambda: stand.open("exim"))
        return stand, sent

    def test_a_relay_that_begins_slowly_is_tried_again(self):
        self.assertEqual(self.opened(0.05)[1], [200])
        stand, sent = self.opened(50.0, 0.025)
        self.assertEqual((sent, list(stand.relays), stand.messages), ([200, 100], ["exim"], {"exim": 400}))
        stand, sent = self.opened(50.0, 25.0)
        self.assertEqual((sent, list(stand.relays)), ([200, 100], []))
        self.assertEqual(stand.results["exim"]["cannot"], "too slow: 100 messages, the least of a run, took 25 s")


class Turns(Silent):
    def test_rounds_go_back_and_forth_and_are_kept(self):
        stand, seen, kept = mock.Mock(relays={"a": 1, "b": 1}, **{"options.deadline": float("inf")}), [], []
        stand.attempt = lambda _name, what: what()
        runner.in_turn(stand, ["a", "b", "gone"], 3, lambda name, number: seen.append((number, name)), lambda: kept.append(len(seen)))
        self.assertEqual(seen, [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")])
        self.assertEqual(kept, [2, 4, 6])

    def test_no_round_begins_that_would_end_behind_the_deadline(self):
        stand, seen = mock.Mock(relays={"a": 1}, **{"options.deadline": 10.0}), []
        stand.attempt = lambda _name, what: what()
        # Began, over, began, ...: a round takes 4.
        with mock.patch.object(runner.time, "monotonic", side_effect=[0.0, 4.0, 4.0, 8.0, 8.0]):
            runner.in_turn(stand, ["a"], 5, lambda _, number: seen.append(number), lambda: None)
        self.assertEqual(seen, [0, 1])

    def test_a_relay_is_started_once_a_round_and_anew_after_what_was_too_much(self):
        relays, entries = [], [{"system": "exim", "share": 0.5, "of": "exim", "rate": rate, "runs": [], "failures": []} for rate in (1, 2, 3)]

        def started(_name, _options):
            relays.append(mock.Mock())
            return relays[-1]

        def run(_relay, entry, _options):
            if entry["rate"] == 3:
                raise HarnessError("gone")
            return {"load": 100, "failed": 0, "unsent": 50 if entry["rate"] == 1 else 0}

        with mock.patch.object(waiting, "_started", started), mock.patch.object(waiting, "_run", run):
            waiting._round(entries[1:], 0, None)
            self.assertEqual(len(relays), 1)
            waiting._round(entries[:2], 1, None)
        self.assertEqual(len(relays), 3)
        self.assertEqual([relay.stop.call_count for relay in relays], [1, 1, 1])
        self.assertEqual([[run["round"] for run in entry["runs"]] for entry in entries], [[1], [0, 1], []])
        self.assertEqual(entries[2]["failures"], ["gone"])


class Calls(Silent):
    def counted(self, runs=None, counters=None) -> dict:
        """What is stored of a relay that has been measured, after two rounds of counting."""
        stand = runner.Stand(points.BASE, runner.Options(["exim"], tools.POSTERN))
        stand.relays["exim"], stand.sinks["exim"], stand.messages["exim"] = mock.Mock(), FakeSink(), 4000
        stand.results["exim"]["runs"].append({"round": 0})
        counter = mock.MagicMock(**{"calls.side_effect": 2 * [500 + 1000 * 40, 2 * 500 + 4000 * 40]})
        counter.__enter__.return_value = counter
        with mock.patch.object(runner, "CallCount", return_value=counter, side_effect=counters), \
                mock.patch.object(runner, "run_once", side_effect=runs) as self.run_once:
            runner.in_turn(stand, ["exim"], 2, stand.count, lambda: None)
        self.assertEqual(len(stand.results["exim"]["runs"]), 1)
        return stand.results["exim"]

    def test_starting_and_idling_are_not_in_the_difference(self):
        found = self.counted()
        self.assertEqual([call.args[3] for call in self.run_once.call_args_list], [1000, 3000] * 2)
        self.assertEqual(found["calls"], [{"round": number, "messages": 2000, "calls": 80_000} for number in (0, 1)])
        self.assertNotIn("calls_missing", found)

    def test_a_measured_relay_whose_calls_cannot_be_counted_has_not_failed(self):
        for error in (HarnessError("no tracepoint"), OSError(24, "Too many open files")):
            found = self.counted(counters=error)
            self.assertEqual((found["failures"], found["cannot"], found["calls_missing"]), ([], "", str(error)))
            self.assertEqual(self.run_once.call_count, 0)

    def test_who_is_slow_while_calls_are_counted_is_not_too_slow_for_the_load(self):
        found = self.counted(runs=[{}, {}, tools.TooSlow("not done after 60 s")])
        self.assertEqual((found["failures"], found["cannot"], found["calls_missing"]), ([], "", "not done after 60 s"))
        self.assertEqual([one["round"] for one in found["calls"]], [0])

    def test_who_loses_mail_while_calls_are_counted_has_failed(self):
        found = self.counted(runs=tools.RunFailed("1000 were to arrive, and 999 did"))
        self.assertEqual(found["failures"], ["1000 were to arrive, and 999 did"])
        self.assertNotIn("calls_missing", found)

    def test_processors(self):
        self.assertEqual(processors("0\n"), [0])
        self.assertEqual(processors("0-2,5,7-8\n"), [0, 1, 2, 5, 7, 8])

    def test_the_kernel_counts_the_calls_of_a_group_or_says_why_not(self):
        command = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=1000", "status=none"]
        account = Account("calls")
        try:
            try:
                counter = CallCount(account.group)
            except HarnessError as error:
                # Where a container shows neither cgroups nor tracepoints, or allows nobody to count.
                self.assertRegex(str(error), "^system calls (are|cannot be) counted.*(cgroup|tracefs|perf_event_open)")
                return
            with counter:
                with account.entered():
                    subprocess.run(command, check=True, timeout=20)
                counted = counter.calls()
                self.assertGreater(counted, 2000)
                subprocess.run(command, check=True, timeout=20)
                self.assertEqual(counter.calls(), counted)
        finally:
            account.close()


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    outcome = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad or not outcome.testsRun else 0)
