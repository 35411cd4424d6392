# SPDX-License-Identifier: Apache-2.0
"""bench/run: Postfix, Exim, OpenSMTPD, Haraka and postern as relays in one run, over a matrix of loads; see bench/README.md."""

import argparse
import datetime
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

from . import limits, ours, page, targets, waiting
from .peers import PEERS, Dns, versions
from .points import AXES, BASE, CORNERS, Point, points
from .relays import NAMES
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
    parser.add_argument("--seconds", type=float, default=4.0, help="that a run of a relay is to last (4)")
    parser.add_argument("--budget", type=float, metavar="MINUTES", help="points that do not fit are left out, the last ones first, and named")
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


def measure(options: argparse.Namespace, folder: Path, given: list[str]) -> dict:
    tools = options.tools or (POSTERN if available(POSTERN) else POSTFIX)
    if not available(tools):
        raise HarnessError("this postern has no load and sink: --tools postfix")
    began = time.monotonic()
    deadline = began + options.budget * 60 if options.budget else float("inf")
    run = Options(options.systems, tools, options.rounds, options.seconds, deadline, folder)
    todo, left = chosen_points(options, tools)

    def wanted(part: str) -> bool:
        return options.only is None or part in options.only

    results = {"format": 1, "began": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC",
               "command": shlex.join(["bench/run", *given]), "source": source_of(tools), "machine": machine(),
               "filesystem": filesystem(folder),
               "versions": {**versions(), "postern": relay_report.versions().partition("; postern ")[2].removeprefix("postern ")}, "tools": tools,
               "rounds": options.rounds, "seconds": options.seconds, "limits": {}, "points": [], "latency": [], "ours": {}, "left_out": left}
    if wanted(LIMITS):
        results["limits"], failures = limits.measure(run, options.quick)
        results["left_out"] += failures
    dns = Dns(folder / "dns") if set(options.systems) & set(PEERS) else None
    try:
        for number, point in enumerate(todo):
            # Latencies come behind the base point and the axes that the targets are about, not last, so that a budget leaves them.
            if time.monotonic() > deadline and number:
                results["left_out"].append(f"{point.name}: no time was left")
                continue
            results["points"].append(run_point(point, run))
            save(options.json, results)
            if number == 0 and wanted(LATENCY) and tools == POSTERN:
                waiting.measure(results, run, options.rounds)
                save(options.json, results)
        if wanted(LATENCY) and tools == POSTFIX:
            results["left_out"].append("latencies: they need postern load")
        if wanted(OURS):
            results["ours"], failures = ours.measure(run, options.quick)
            results["left_out"] += failures
    finally:
        if dns:
            dns.stop()
    results["took_s"] = time.monotonic() - began
    return results


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


def main(given: list[str]) -> int:
    options = arguments(given)
    # Everything that was started is stopped on the way out: daemons that changed their account outlive their parent.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if options.quick:
        options.systems = options.systems if options.systems != list(NAMES) else QUICK_SYSTEMS
        options.rounds, options.seconds = min(options.rounds, 2), min(options.seconds, 0.5)
    try:
        if not options.quick:
            page.around(options.page)     # before hours have passed
        if options.report:
            results = json.loads(options.json.read_text())
        else:
            check_programs(options.systems)
            options.dir.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix="postern-bench-", dir=options.dir))
            folder.chmod(0o755)      # daemons go through it under their own accounts
            try:
                if (kind := filesystem(folder)) in IN_MEMORY:
                    raise HarnessError(f"{folder} is on {kind}, where a sync costs nothing: name a folder on a disk with --dir")
                results = measure(options, folder, given)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            save(options.json, results)
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
