# SPDX-License-Identifier: Apache-2.0
"""bench/run without relays: medians, ratios, targets, the page and its charts from the raw figures of results.json, and the
points."""

import copy
import json
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in ("tests/e2e", "bench/relay", "bench"):
    sys.path.insert(0, str(ROOT / folder))

from matrix import charts, figures, page, peers, points, relays, targets, tools, waiting  # noqa: E402
from matrix.runner import messages_for  # noqa: E402
from process import HarnessError  # noqa: E402

RESULTS = json.loads((HERE / "results.json").read_text())


def without(*systems: str) -> dict:
    results = copy.deepcopy(RESULTS)
    for point in results["points"]:
        for system in systems:
            point["systems"].pop(system, None)
    return results


class Figures(unittest.TestCase):
    base = figures.named(RESULTS, "base")

    def test_a_figure_is_the_median_of_the_rounds(self):
        self.assertEqual(figures.of_system(self.base, "postfix", figures.RATE), figures.Spread(200, 100, 400))
        self.assertEqual(figures.of_system(self.base, "postfix", figures.ACCEPTED), figures.Spread(250, 200, 400))

    def test_cpu_is_seconds_for_a_thousand_messages(self):
        self.assertAlmostEqual(figures.of_system(self.base, "exim", figures.CPU).median, 6.0)
        self.assertAlmostEqual(figures.of_system(self.base, "exim", figures.USER).median, 1.5)
        self.assertAlmostEqual(figures.of_system(self.base, "exim", figures.SYSTEM).median, 4.5)

    def test_memory_written_and_syncs(self):
        self.assertEqual(figures.of_system(self.base, "postfix", figures.MEMORY).highest, 500)
        self.assertEqual(figures.of_system(self.base, "postfix", figures.OWN).median, 200)
        self.assertEqual(figures.of_system(self.base, "exim", figures.WRITTEN).median, 2)
        self.assertEqual(figures.of_system(self.base, "exim", figures.SYNCS).median, 4)

    def test_a_ratio_is_of_runs_of_one_round(self):
        # 900/100, 1800/200, 2800/400: not 1800/200 of the medians.
        self.assertEqual(figures.ratio(self.base, "postern-queue", "postfix", figures.RATE), figures.Spread(9, 7, 9))

    def test_a_round_that_one_of_them_lacks_is_in_no_ratio(self):
        base = copy.deepcopy(self.base)
        del base["systems"]["postfix"]["runs"][2]
        self.assertEqual(figures.ratio(base, "postern-queue", "postfix", figures.RATE), figures.Spread(9, 9, 9))

    def test_what_was_not_measured_is_nothing_and_not_zero(self):
        self.assertIsNone(figures.of_system(self.base, "haraka", figures.RATE))
        self.assertIsNone(figures.of_system(self.base, "nobody", figures.RATE))
        self.assertIsNone(figures.ratio(self.base, "postern-queue", "haraka", figures.RATE))

    def test_a_peer_that_does_not_sync_is_no_best_peer(self):
        self.assertEqual(figures.of_system(self.base, "opensmtpd", figures.RATE).median, 1000)
        self.assertFalse(figures.durable(RESULTS, "opensmtpd"))
        self.assertTrue(figures.durable(RESULTS, "opensmtpd-sync"))
        self.assertEqual(figures.best_peer(RESULTS, self.base), "postfix")

    def test_each_figure_has_its_own_best_peer(self):
        base = copy.deepcopy(self.base)
        for run in base["systems"]["exim"]["runs"]:
            run["cpu_s"] = 0.01
        self.assertEqual(figures.best_peer(RESULTS, base, figures.CPU), "exim")
        self.assertEqual(figures.best_peer(RESULTS, base, figures.RATE), "postfix")

    def test_one_sync_answers_as_many_messages_as_there_are_sessions(self):
        results = copy.deepcopy(RESULTS)
        runs = [run for point in results["points"] for run in point["systems"]["postfix"]["runs"]]
        for run in runs:
            run["syncs"] = run["messages"] // 20
        self.assertTrue(figures.durable(results, "postfix"))
        for run in runs:
            run["syncs"] = run["messages"] // 40
        self.assertFalse(figures.durable(results, "postfix"))

    def test_a_stray_sync_among_many_sessions_makes_nobody_durable(self):
        crowd = copy.deepcopy(self.base) | {"name": "2000 sessions", "sessions": 2000}
        for run in crowd["systems"]["opensmtpd"]["runs"]:
            run["syncs"] = run["messages"] // 1000
        results = RESULTS | {"points": [crowd, self.base]}
        self.assertFalse(figures.durable(results, "opensmtpd"))
        self.assertEqual(figures.best_peer(results, crowd), "postfix")
        # Who has no call for each message with one session syncs behind its 250, whatever it is with 20.
        single = copy.deepcopy(self.base) | {"name": "1 session", "sessions": 1}
        for run in single["systems"]["postfix"]["runs"]:
            run["syncs"] = run["messages"] // 2
        self.assertTrue(figures.durable(results, "postfix"))
        self.assertFalse(figures.durable(results | {"points": [crowd, self.base, single]}, "postfix"))
        self.assertFalse(figures.durable(results, "nobody"))


class Targets(unittest.TestCase):
    def found(self, results: dict, system: str) -> dict[str, targets.Target]:
        return {target.what: target for target in targets.evaluate(results) if target.system == system}

    def verdicts(self, results: dict, system: str) -> list[str]:
        return [target.verdict for target in self.found(results, system).values()]

    def test_each_mode_is_judged(self):
        # Rate 9, CPU 0.075 at 1 KB; rate 1.5, CPU 0.5 at 10 MB; memory doubled; p99 9/40 and 3/40; 20 system calls.
        self.assertEqual(self.verdicts(RESULTS, "postern-queue"), ["met", "met", "met", "met", "missed", "met", "met", "met"])
        # Rate 2.5, CPU 0.05; rate 1, CPU 0.25; memory 1.2; p99 12/40; no run at Postfix's rate; 25.5 system calls, by strace.
        self.assertEqual(self.verdicts(RESULTS, "postern-auto"), ["missed", "met", "missed", "met", "met", "missed", "not measured", "missed"])
        # The largest of the states without TLS.
        self.assertEqual([(target.value, target.verdict) for target in self.found(RESULTS, "postern").values()],
                         [(12289.0, "missed"), (40000.0, "no target")])

    def test_system_calls_are_the_kernels_count_and_straces_where_there_is_none(self):
        what = "1 KB, kept connections: system calls a message"
        self.assertEqual(self.found(RESULTS, "postern-queue")[what].value, 20.0)
        self.assertEqual(self.found(RESULTS, "postern-auto")[what].value, 25.5)
        results = copy.deepcopy(RESULTS)
        figures.named(results, "base")["systems"]["postern-auto"]["calls"] = [{"round": 0, "messages": 10, "calls": 250}]
        self.assertEqual(self.found(results, "postern-auto")[what].verdict, "met")

    def test_flat_is_what_a_process_has_for_itself(self):
        what = "10 MB: peak of its own memory, times that at 100 KB"
        results = copy.deepcopy(RESULTS)
        for run in figures.named(results, "size 10 MB")["systems"]["postern-queue"]["runs"]:
            run["memory"] *= 100
        self.assertEqual(self.found(results, "postern-queue")[what].value, self.found(RESULTS, "postern-queue")[what].value)
        for run in figures.named(results, "size 10 MB")["systems"]["postern-queue"]["runs"]:
            run["own_memory"] //= 2
        self.assertEqual(self.found(results, "postern-queue")[what].verdict, "met")

    def test_without_figures_of_its_own_nothing_is_met(self):
        results = RESULTS | {"ours": {}}
        self.assertEqual(self.verdicts(results, "postern"), ["not measured"] * 2)
        self.assertEqual(self.verdicts(results, "postern-auto")[-1], "not measured")

    def test_the_bounds_themselves_are_met(self):
        self.assertTrue(targets.Target("", "", 8.0, 8.0, True).met)
        self.assertFalse(targets.Target("", "", 7.999, 8.0, True).met)
        self.assertTrue(targets.Target("", "", 0.25, 0.25, False).met)
        self.assertFalse(targets.Target("", "", 0.2501, 0.25, False).met)

    def test_without_a_peer_nothing_is_met(self):
        verdicts = self.verdicts(without("postfix", "exim"), "postern-queue")
        self.assertEqual(verdicts[:4], ["not measured"] * 4)

    def test_waiting_is_compared_with_postfix_alone(self):
        results = copy.deepcopy(RESULTS)
        results["latency"] = [entry for entry in results["latency"] if entry["system"] != "postfix"]
        self.assertEqual(self.verdicts(results, "postern-queue")[-3:-1], ["not measured", "not measured"])

    def test_who_refuses_much_of_the_load_meets_no_latency(self):
        results = copy.deepcopy(RESULTS)
        for entry in results["latency"]:
            for run in entry["runs"]:
                run |= {"failed": 2} if entry["system"] == "postern-queue" else {}
        self.assertEqual(self.verdicts(results, "postern-queue")[-3:-1], ["met", "met"])
        for entry in results["latency"]:
            for run in entry["runs"]:
                run |= {"unsent": 1} if entry["system"] == "postern-queue" else {}
        self.assertEqual(self.verdicts(results, "postern-queue")[-3:-1], ["not measured", "not measured"])

    def test_lines_name_what_was_missed(self):
        lines = targets.lines(targets.evaluate(RESULTS))
        self.assertIn("MISSED postern-auto: 10 MB: messages/s, drained, times the best peer's: 1.00 (wanted at least 1.50, against postfix)",
                      lines)

    def test_numbers(self):
        self.assertEqual([targets.number(value) for value in (None, 0.0123, 1.5, 99.96, 12345.6)], ["-", "0.012", "1.50", "100.0", "12,346"])


class Page(unittest.TestCase):
    def test_every_figure_is_in_the_tables(self):
        text, _ = page.render(RESULTS)
        self.assertIn("| 1 KB, 20 sessions | postern-queue | 1,800 (900 to 2,800) | 9.00 (7.00 to 9.00) | 1,800 | 0.150 (0.037 + 0.113) "
                      "| 0.075 (0.050 to 0.150) | 40.0 (20.0) | 2.00 | 0.100 |", text)
        self.assertIn("| 1 KB, 20 sessions | opensmtpd [^sync] |", text)
        self.assertIn("| postern-queue | 50% of its own capacity | 900 | 0.900 (0.800 to 1.00) | 9.00 (8.00 to 10.0) |", text)
        self.assertIn("| **all** | **20.5** | **25.5** |", text)
        self.assertIn("| 1 KB, 20 sessions | postfix | 400 (300 to 500) | 1.00 |", text)
        self.assertIn("| 1 KB, 20 sessions | exim | 800 | 2.00 |", text)
        self.assertIn("| 1 KB, 20 sessions | postern-queue | 20.0 (18.5 to 22.0) | 0.050 |", text)
        self.assertIn("| an idle session with TLS, octets | postern | 40,000 |  |  | no target |", text)
        self.assertIn("| after EHLO | 10,000 | 12,289 |", text)
        self.assertIn("beside 5,000 sessions that say an octet", text)
        self.assertIn("| without | 2.00 | 3.00 | 5.00 |", text)
        self.assertIn("| beside 5,000 slow sessions | 2.00 | 8.00 | 30.00 |", text)
        self.assertIn("2 messages were not taken", text)
        self.assertIn("RSA-2048, signatures | 1,500 a second", text)
        self.assertIn("smtp-source straight to smtp-sink, 1 KB, 20 sessions | 20,000 messages/s", text)

    def test_rows_have_as_many_cells_as_their_heads(self):
        text, _ = page.render(RESULTS)
        heads = 0
        for line in text.splitlines():
            cells = line.count("|")
            if line.startswith("|---"):
                self.assertEqual(cells, heads, line)
            elif line.startswith("|"):
                heads = heads or cells
                self.assertEqual(cells, heads, line)
            else:
                heads = 0

    def test_what_is_missing_is_named(self):
        self.assertEqual(page.missing(RESULTS), ["LEFT OUT TLS: no time was left",
                                                 "FAILED base, haraka: haraka ended at start: no <node> & no luck",
                                                 "NO FIGURES base, haraka",
                                                 "LOST latency of postern-auto at 50% of postern-auto: 2 of 6,000 messages"])
        whole = without("haraka")
        whole["left_out"] = []
        whole["latency"][-1]["runs"][-1] |= {"failed": 0, "unsent": 0}
        self.assertEqual(page.missing(whole), [])
        whole["rounds"] = 5
        self.assertIn("NO TIME base: 3 of 5 rounds", page.missing(whole))

    def test_system_calls_that_were_not_counted_are_named_with_the_reason(self):
        results = copy.deepcopy(RESULTS)
        systems = figures.named(results, "base")["systems"]
        for name in ("postfix", "exim", "postern-queue"):
            systems[name].pop("calls")
            systems[name]["calls_missing"] = "no tracepoint"
        systems["exim"] |= {"calls": [{"round": 0, "messages": 100, "calls": 4000}], "calls_missing": "not done after 60 s"}
        lines = ["NO SYSTEM CALLS base, postfix, postern-queue: no tracepoint",
                 "NO SYSTEM CALLS base, exim (rounds: 1): not done after 60 s"]
        self.assertEqual([line for line in page.missing(results) if line not in page.missing(RESULTS)], lines)
        self.assertIn(f"Missing: {'; '.join(page.missing(results))}.", page.render(results)[0])

    def test_what_is_missing_of_latencies_is_named(self):
        def missing(**changes) -> list[str]:
            return [line.replace(" of exim at 50% of exim", "") for line in page.missing(RESULTS | {
                "points": [], "left_out": [], "latency": [RESULTS["latency"][0] | {"system": "exim", "of": "exim"} | changes]})]

        runs = RESULTS["latency"][0]["runs"]
        self.assertEqual(missing(), [])
        self.assertEqual(missing(runs=[]), ["NO FIGURES latency"])
        self.assertEqual(missing(runs=runs[:2]), ["NO TIME latency: 2 of 3 rounds"])
        self.assertEqual(missing(runs=runs[:2], failures=["died"]), ["FAILED latency: died"])
        self.assertEqual(missing(runs=[run | {"failed": 900} for run in runs]), ["NO FIGURES latency", "LOST latency: 2,700 of 6,000 messages"])

    def test_what_a_relay_cannot_do_is_told_and_not_missing(self):
        results = copy.deepcopy(RESULTS)
        figures.named(results, "base")["systems"]["haraka"] = {"runs": [], "failures": [], "cannot": "knows no TLS"}
        self.assertNotIn("haraka", " ".join(page.missing(results)))
        self.assertIn("| haraka: knows no TLS | - |", page.render(results)[0])
        tls = next(point for point in points.points() if point.tls)
        self.assertIn("handshake", relays.cannot("opensmtpd", tls))
        self.assertEqual([relays.cannot(name, tls) for name in ("postfix", "exim", "haraka", "postern-queue", "direct")], [""] * 5)
        self.assertEqual(relays.cannot("opensmtpd", points.BASE), "")

    def test_who_is_too_slow_for_a_load_is_told_with_what_it_did_before(self):
        results = copy.deepcopy(RESULTS)
        systems = figures.named(results, "base")["systems"]
        systems["haraka"] = {"runs": [], "failures": [], "cannot": "too slow: 200 messages took 60 s"}
        systems["exim"] = systems["exim"] | {"runs": systems["exim"]["runs"][:1], "cannot": "too slow: postern load was not done after 60 s"}
        text, _ = page.render(results)
        self.assertIn("| haraka: too slow: 200 messages took 60 s | - |", text)
        self.assertIn("| exim (rounds: 1; then too slow: postern load was not done after 60 s) | ", text)

    def test_a_run_that_was_stopped_makes_a_page(self):
        results = copy.deepcopy(RESULTS) | {"limits": {}, "latency": [], "ours": {}, "left_out": ["the run was stopped"]}
        results["points"] = [results["points"][0]]
        for system in results["points"][0]["systems"].values():
            del system["runs"][1:]
            system.pop("calls", None)
        text, _ = page.render(results)
        self.assertIn("| postern-queue | 900 | 9.00 |", text)
        self.assertNotIn("### System calls", text)
        self.assertIn("NO TIME base: 1 of 3 rounds", text)
        self.assertIn("LEFT OUT the run was stopped", page.render(results | {"points": []})[0])

    def test_only_what_is_between_the_markers_is_written(self):
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "page.md"
            path.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
            page.write(path, "new\n", {"a.svg": "<svg/>"})
            page.write(path, "newer\n", {"a.svg": "<svg/>"})
            self.assertEqual(path.read_text(), f"before\n{page.BEGIN}\n\nnewer\n\n{page.END}\nafter\n")
            self.assertEqual((path.parent / page.FOLDER / "a.svg").read_text(), "<svg/>")
            path.write_text("no markers\n")
            with self.assertRaises(HarnessError):
                page.write(path, "new\n", {})

    def test_the_page_of_the_repository_has_the_markers(self):
        text = (ROOT / "docs" / "benchmarks.md").read_text()
        self.assertEqual((text.count(page.BEGIN), text.count(page.END)), (1, 1))
        self.assertLess(text.index(page.BEGIN), text.index(page.END))

    def test_every_chart_that_is_named_is_drawn(self):
        text, drawings = page.render(RESULTS)
        named = {word.partition(")")[0] for word in text.split(f"]({page.FOLDER}/")[1:]}
        self.assertEqual(named, set(drawings))


class Charts(unittest.TestCase):
    def test_they_are_well_formed_and_have_every_bar(self):
        drawings = charts.render(RESULTS)
        self.assertEqual(set(drawings), {"rate-size.svg", "cpu.svg", "waiting-50.svg", "waiting-80.svg"})
        for drawing in drawings.values():
            ElementTree.fromstring(drawing)
        said = ElementTree.fromstring(drawings["rate-size.svg"]).itertext()
        self.assertIn("postern-queue, 1 KB: 1,800", list(said))

    def test_nothing_is_drawn_outside(self):
        for drawing in charts.render(RESULTS).values():
            for element in ElementTree.fromstring(drawing).iter():
                for name in ("x", "x1", "x2", "cx"):
                    self.assertTrue(0 <= float(element.get(name, 0)) <= 860, element.attrib)
                for name in ("y", "y1", "y2", "cy"):
                    self.assertTrue(0 <= float(element.get(name, 0)) <= 420, element.attrib)

    def test_a_higher_rate_is_drawn_higher(self):
        scale = charts.Scale([1, 30, 900])
        self.assertEqual(scale.ticks(), [0.1, 1, 10, 100, 1000])
        self.assertLess(scale.y(900), scale.y(30))
        self.assertAlmostEqual(scale.y(10) - scale.y(100), scale.y(1) - scale.y(10))


class Points(unittest.TestCase):
    def test_one_axis_is_varied_at_a_time(self):
        base = points.BASE
        for point in points.points():
            differs = [key for key in ("size", "recipients", "sessions", "kept", "tls") if getattr(point, key) != getattr(base, key)]
            if point.axis not in ("base", points.CORNERS):
                self.assertEqual(len(differs), 1, point)

    def test_the_whole_matrix_is_there(self):
        every = points.points()
        self.assertEqual({point.size for point in every}, {1024, 10240, 102400, 10485760})
        self.assertEqual({point.recipients for point in every}, {1, 10, 100})
        self.assertEqual({point.sessions for point in every}, {1, 20, 200, 2000})
        self.assertEqual(len({point.name for point in every}), len(every))

    def test_only(self):
        self.assertEqual({point.axis for point in points.points(["tls"])}, {"base", "tls"})
        self.assertEqual(points.points([]), [points.BASE])

    def test_a_run_has_a_message_for_each_session_and_a_bound(self):
        crowd = points.Point("", "", sessions=2000)
        self.assertEqual(messages_for(crowd, 10, 4), 4000)
        self.assertEqual(messages_for(points.BASE, 500, 4), 2000)
        self.assertEqual(messages_for(points.BASE, 1, 4), 100)
        self.assertEqual(messages_for(points.BASE, 1e9, 4), 200_000)
        self.assertLessEqual(messages_for(points.Point("", "", size=10 << 20), 1e9, 4) * (10 << 20), 2 << 30)

    def test_waiting_is_measured_at_shares_of_each_capacity(self):
        jobs = waiting.jobs(RESULTS, ["postfix", "exim", "haraka", "postern-queue"])
        self.assertIn(("postern-queue", 0.5, "postern-queue", 900.0), jobs)
        self.assertIn(("postern-queue", 0.8, "postfix", 160.0), jobs)
        self.assertIn(("exim", 0.5, "exim", 25.0), jobs)
        self.assertNotIn("haraka", {name for name, *_ in jobs})
        self.assertEqual(len(jobs), len(set(jobs)))

    def test_commands_of_both_tools(self):
        point = points.Point("", "", size=10240, recipients=10, sessions=5, kept=False, tls=True)
        command = tools.source_command(tools.POSTERN, point, 2525, 100)
        for pair in (["--size", "10240"], ["--recipients", "10"], ["--sessions", "5"], ["--messages", "100"], ["--reuse", "1"],
                     ["--tls", "starttls"], ["--port", "2525"]):
            self.assertEqual(command[command.index(pair[0]) + 1], pair[1])
        command = tools.source_command(tools.POSTFIX, point, 2525, 100)
        self.assertNotIn("-d", command)
        self.assertEqual(command[command.index("-r") + 1], "10")


class Settings(unittest.TestCase):
    def test_a_value_that_nobody_knows_is_a_mistake(self):
        self.assertEqual(peers.filled_in("port @PORT@ of a@b.example", {"PORT": 25}), "port 25 of a@b.example")
        with self.assertRaisesRegex(HarnessError, "@TLS_MAIN@"):
            peers.filled_in("@TLS_MAIN@ @PORT@", {"PORT": 25})

    def test_the_lock_file_names_a_version_and_no_host(self):
        lock = json.loads((ROOT / "bench" / "peers" / "haraka" / "package-lock.json").read_text())
        wanted = json.loads((ROOT / "bench" / "peers" / "haraka" / "package.json").read_text())["dependencies"]["Haraka"]
        self.assertEqual(lock["packages"]["node_modules/Haraka"]["version"], wanted)
        self.assertNotIn("resolved", json.dumps(lock))
        missing = [name for name, package in lock["packages"].items() if name and "integrity" not in package]
        self.assertEqual(missing, [])


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    outcome = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad or not outcome.testsRun else 0)
