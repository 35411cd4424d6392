# SPDX-License-Identifier: Apache-2.0
"""bench/run: Postfix, Exim, OpenSMTPD, Haraka and postern as relays in one run, over a matrix of loads; see bench/README.md."""

import argparse
import datetime
import functools
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import report as relay_report
from gateway import REPOSITORY
from measure import filesystem
from process import HarnessError
from relay import IN_MEMORY, needs

from . import limits, ours, page, plan, targets, waiting
from .peers import PEERS, Dns, versions
from .points import AXES, BASE, CORNERS, Point, points
from .relays import NAMES
from .relays import OURS as OUR_NAMES
from .runner import FAILURES, Options, progress, run_point
from .tools import POSTERN, POSTFIX, available, source_command

RESULTS = REPOSITORY / "build" / "bench-results.json"
LATENCY = "latency"
LIMITS = "limits"
OURS = "ours"
QUICK_SYSTEMS = ["postfix", "postern-queue"]


def _names(text: str, known: tuple[str, ...], what: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"no {what} {', '.join(unknown)}: {', '.join(known)}")
    return names


def arguments(given: list[str]) -> argparse.Namespace:
    axes = (*AXES, CORNERS, LATENCY, LIMITS, OURS)
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="Exit status: 0 done; 1 a figure is missing (a relay failed, or there was no time); "
                                            "2 wrong command line, or something is not installed.")
    parser.add_argument("--only", type=lambda text: _names(text, axes, "axis"), metavar="AXIS,...",
                        help=f"beside the base point: {', '.join(axes)} (all)")
    parser.add_argument("--systems", type=lambda text: _names(text, NAMES, "system"), default=list(NAMES), metavar="NAME,...",
                        help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=5, help="of each relay at each point, in turn (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="that a run of a relay is to last (2)")
    parser.add_argument("--budget", type=float, metavar="MINUTES", help="no more than that: what does not fit is left out, and named")
    parser.add_argument("--quick", action="store_true", help="a trial of under a minute: two relays, the base point and one more, and a "
                                                             "look whether every figure is there; writes no page")
    parser.add_argument("--tools", choices=(POSTERN, POSTFIX), help="what sends and receives: postern load and sink, or smtp-source and "
                                                                    "smtp-sink, without TLS and latencies (postern, where it can)")
    parser.add_argument("--dir", type=Path, default=REPOSITORY / "build", help="where the queues are; a real disk (build/)")
    parser.add_argument("--json", type=Path, default=RESULTS, help="every run's figures (build/bench-results.json)")
    parser.add_argument("--page", type=Path, default=REPOSITORY / "docs" / "benchmarks.md", help="whose part between the markers is written "
                                                                                               "anew, with its charts (docs/benchmarks.md)")
    parser.add_argument("--report", action="store_true", help="measures nothing: writes the page from --json")
    options = parser.parse_args(given)
    if options.rounds < 1 or options.seconds <= 0 or (options.budget is not None and options.budget <= 0):
        parser.error("--rounds begins at 1; --seconds and --budget are above 0")
    if not options.systems:
        parser.error("--systems names at least one")
    return options


def chosen_points(options: argparse.Namespace, tools: str) -> tuple[list[Point], list[str]]:
    """Those to measure, and what is left out and why."""
    every = [BASE, Point("new connections", "connections", kept=False)] if options.quick else points(options.only)
    left = [f"{point.name}: smtp-source and smtp-sink know no TLS" for point in every if point.tls and tools == POSTFIX]
    return [point for point in every if not (point.tls and tools == POSTFIX)], left


class Measurement:
    """A run of bench/run: its parts, and the results as far as it has come, which are stored after each step."""

    def __init__(self, options: argparse.Namespace, folder: Path, given: list[str]):
        self._options = options
        self._tools = options.tools or (POSTERN if available(POSTERN) else POSTFIX)
        if not available(self._tools):
            raise HarnessError("this postern has no load and sink: --tools postfix")
        self._began = time.monotonic()
        self._clock = plan.Clock(self._began + options.budget * 60 if options.budget else float("inf"))
        self._run = Options(options.systems, self._tools, options.rounds, options.seconds, self._clock.deadline, folder)
        self._points, left = chosen_points(options, self._tools)
        postern = relay_report.versions().partition("; postern ")[2].removeprefix("postern ")
        self.results = {"format": 1, "began": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC",
                        "command": shlex.join(["bench/run", *given]), "source": source_of(self._tools), "machine": machine(),
                        "filesystem": filesystem(folder), "versions": {**versions(), "postern": postern}, "tools": self._tools,
                        "rounds": options.rounds, "seconds": options.seconds, "limits": {}, "points": [], "latency": [], "ours": {},
                        "left_out": left, "parts": []}

    def parts(self) -> list[plan.Part]:
        """In the order in which they are measured: first what the targets are about."""
        options = self._options
        how = (options.systems, options.rounds, options.seconds)
        by_point = [plan.Part(point.name, point.axis, plan.of_point(point, *how), functools.partial(self._point, point))
                    for point in self._points]
        modes = sum(name in OUR_NAMES for name in options.systems)
        others = {LIMITS: plan.Part(LIMITS, LIMITS, limits.seconds(options.seconds, options.quick), self._limits),
                  OURS: plan.Part(OURS, OURS, 10.0 * modes if options.quick else ours.seconds(options.rounds, modes), self._ours)}
        if self._tools == POSTERN:
            others[LATENCY] = plan.Part(LATENCY, LATENCY, plan.of_latency(*how), self._latency)
        elif self._wanted(LATENCY):
            self.results["left_out"].append("latencies: they need postern load")
        others = {axis: [part] for axis, part in others.items() if self._wanted(axis)}
        sizes = sum(point.axis in (BASE.axis, "size") for point in self._points)
        return [*others.get(LIMITS, []), by_point[0], *others.get(LATENCY, []), *by_point[1:sizes], *others.get(OURS, []),
                *by_point[sizes:]]

    def measure(self) -> None:
        parts = self.parts()
        progress(plan.described(parts))
        dns = Dns(self._run.folder / "dns") if set(self._options.systems) & set(PEERS) else None
        try:
            for number, part in enumerate(parts):
                # The base point is measured whatever the budget is: without it there is no page.
                if part.axis != BASE.axis and not self._clock.fits(part):
                    self.results["left_out"].append(f"{part.name}: no time was left")
                    continue
                try:
                    took = self._clock.run(part)
                except FAILURES as error:
                    self.results["left_out"].append(f"{part.name}: {error}")
                    progress(f"{part.name} FAILED: {error}")
                    continue
                self.results["parts"].append({"name": part.name, "axis": part.axis, "estimated_s": part.seconds, "took_s": took})
                self.keep()
                progress(f"{part.name} took {took:.0f} s, estimated were {part.seconds:.0f}")
                if rest := parts[number + 1:]:
                    progress(f"{plan.minutes(time.monotonic() - self._began)} have passed, "
                             f"{plan.minutes(sum(one.seconds for one in rest) * self._clock.pace)} are left")
        except (KeyboardInterrupt, SystemExit):
            self.results["left_out"].append(f"the run was stopped: {', '.join(part.name for part in parts[number:])}")
            raise
        finally:
            self.keep()
            if dns:
                dns.stop()

    def keep(self) -> None:
        self.results["took_s"] = time.monotonic() - self._began
        save(self._options.json, self.results)

    def _wanted(self, axis: str) -> bool:
        return self._options.only is None or axis in self._options.only

    def _point(self, point: Point) -> None:
        place = len(self.results["points"])

        def keep(found: dict) -> None:
            self.results["points"][place:] = [found]
            self.keep()

        keep(run_point(point, self._run, keep))

    def _latency(self) -> None:
        waiting.measure(self.results, self._run, self._options.rounds, self.keep)

    def _limits(self) -> None:
        self.results["limits"], failures = limits.measure(self._run, self._options.quick)
        self.results["left_out"] += failures

    def _ours(self) -> None:
        self.results["left_out"] += ours.measure(self.results["ours"], self._run, self._options.quick, self.keep)


def machine() -> str:
    return re.sub(r"(Linux \d+\.\d+)\S*", r"\1", relay_report.machine())


def source_of(tools: str) -> str:
    """What sends at the base point, as one would type it."""
    command = source_command(tools, BASE, 2525, 1000)
    return shlex.join([Path(command[0]).name, *command[1:]])


def save(path: Path, results: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".part")
    whole.write_text(json.dumps(results, indent=1) + "\n")
    whole.replace(path)


def check_programs(systems: list[str]) -> None:
    needs("clang-16", "openssl", "smtp-source", "smtp-sink", *(["postfix"] if "postfix" in systems else []))
    peers = [PEERS[name] for name in systems if name in PEERS]
    if peers:
        needs("unbound", "unshare")
    missing = [str(peer.program) for peer in peers if not peer.program.exists()]
    if missing:
        raise HarnessError(f"{', '.join(missing)} not found: tools/dev bench peers installs the peers")
    if os.geteuid() != 0:
        raise HarnessError("bench/run must be root: the peers start as root, and have accounts of their own")


def measured(options: argparse.Namespace, given: list[str]) -> dict:
    """What was measured, the run stopped or not."""
    check_programs(options.systems)
    options.dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="postern-bench-", dir=options.dir))
    folder.chmod(0o755)      # daemons go through it under their own accounts
    try:
        if (kind := filesystem(folder)) in IN_MEMORY:
            raise HarnessError(f"{folder} is on {kind}, where a sync costs nothing: name a folder on a disk with --dir")
        run = Measurement(options, folder, given)
        try:
            run.measure()
        except (KeyboardInterrupt, SystemExit):
            progress("stopped: the page is made of what there is")
        return run.results
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(given: list[str]) -> int:
    options = arguments(given)
    # Everything that was started is stopped on the way out: daemons that changed their account outlive their parent.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if options.quick:
        options.systems = options.systems if options.systems != list(NAMES) else QUICK_SYSTEMS
        options.rounds, options.seconds = min(options.rounds, 2), min(options.seconds, 0.5)
    try:
        if not options.quick:
            page.around(options.page)     # before an hour has passed
        results = json.loads(options.json.read_text()) if options.report else measured(options, given)
    except (*FAILURES, json.JSONDecodeError) as error:
        print(f"bench/run: {error}", file=sys.stderr)
        return 2
    text, charts = page.render(results)
    if options.quick:
        print(text)
    else:
        page.write(options.page, text, charts)
        progress(f"written: {options.page}, {options.json}")
    for line in targets.lines(targets.evaluate(results)):
        print(line)
    missing = page.missing(results)
    print(*missing, sep="\n") if missing else print("every figure is there")
    return 1 if missing else 0
