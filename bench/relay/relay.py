# SPDX-License-Identifier: Apache-2.0
"""Debian's Postfix and postern, side by side in one run, each as a relay between smtp-source and smtp-sink on loopback."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import report
from measure import filesystem, sync_rate
from one_run import Load, Run, RunFailed, run
from octet_count import octets_of
from systems import REUSING, SYSTEMS, System

from process import HarnessError  # systems.py says where it is

IN_MEMORY = ("tmpfs", "ramfs", "overlay")
WARM_UP = 500


@dataclass
class Result:
    """One system under one load."""

    system: str
    load: Load
    runs: list[Run] = field(default_factory=list)
    memory: int = 0
    octets: int = 0         # of one message as it comes in
    source: str = ""        # where the CPU figure is from

    @property
    def rate(self) -> float:
        return median(one.rate for one in self.runs)

    @property
    def cpu(self) -> float:
        return median(one.cpu for one in self.runs)

    @property
    def switches(self) -> float:
        return median(one.usage.switches / one.messages for one in self.runs)

    @property
    def syncs(self) -> float:
        return median(one.syncs / one.messages for one in self.runs)

    @property
    def written(self) -> float:
        """Octets written per octet received."""
        return median(one.usage.written / (one.messages * self.octets) for one in self.runs)


def scaled(messages: int, size: int) -> int:
    """Fewer of the large ones, so that each load takes about as long."""
    return max(200, min(messages, messages * 25600 // size))


def measure(load: Load, names: list[str], pairs: int, folder: Path, tls: bool = False) -> dict[str, Result]:
    results = {name: Result(name, load, octets=octets_of(load)) for name in names}
    running: dict[str, System] = {}
    try:
        for name in names:
            running[name] = System(name, folder, tls)
            run(running[name], load, min(WARM_UP, load.messages))
        for number in range(pairs):
            # Forwards, then backwards: what drifts with time meets all alike.
            for name in names if number % 2 == 0 else names[::-1]:
                results[name].runs.append(run(running[name], load))
                report.progress(results[name])
        for name, system in running.items():
            if system.account:
                results[name].memory = system.account.memory()
                results[name].source = system.account.source
    finally:
        stop_all(running)
    return results


def measure_all(options: argparse.Namespace, folder: Path) -> tuple[list[dict[str, Result]], list[str]]:
    """Every load; one that fails is named, and the others go on."""
    results, failures = [], []
    for size in options.sizes:
        for sessions in options.sessions:
            load = Load(size, sessions, max(sessions, scaled(options.messages, size)))
            try:
                results.append(measure(load, ["direct", *options.only], options.pairs, folder, options.tls))
            except (RunFailed, HarnessError, subprocess.TimeoutExpired) as error:
                failures.append(f"FAILED {size} octets, {sessions} sessions: {error}")
    return results, failures


def stop_all(running: dict[str, System]) -> None:
    for system in running.values():
        try:
            system.stop()
        except HarnessError as error:
            print(error, file=sys.stderr)


def arguments() -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(one) for one in text.split(",")]

    def systems(text: str) -> list[str]:
        names = text.split(",")
        unknown = set(names) - set(SYSTEMS) - {REUSING}
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {', '.join(SYSTEMS)}")
        return names

    parser = argparse.ArgumentParser(prog="tools/dev bench relay", description=__doc__)
    parser.add_argument("--sizes", type=numbers, default=[1024, 10240, 102400], help="octets of a body: 1024,10240,102400")
    parser.add_argument("--sessions", type=numbers, default=[20, 100], help="of smtp-source at a time: 20,100")
    parser.add_argument("--messages", type=int, default=5000, help="a run, fewer above 25 KB (5000)")
    parser.add_argument("--pairs", type=int, default=5, help="runs of each system for each load (5)")
    parser.add_argument("--only", type=systems, default=list(SYSTEMS), metavar="SYSTEM,...", help=", ".join(SYSTEMS))
    parser.add_argument("--dir", type=Path, default=None, help="where the queues are; a real disk (the temporary directory)")
    parser.add_argument("--json", type=Path, help="every run's figures, into this file")
    parser.add_argument("--tls", action="store_true", help="TLS on both sides of each system, by stunnels in front of source and sink; "
                                                           f"{REUSING} is a system more")
    parser.add_argument("--check", action="store_true", help="exit 1 if a limit is not met; needs postfix among the systems")
    options = parser.parse_args()
    if options.check and ("postfix" not in options.only or not set(report.LIMITS) & set(options.only)):
        parser.error(f"--check compares {' or '.join(report.LIMITS)} with postfix: name both in --only")
    if REUSING in options.only and not options.tls:
        parser.error(f"{REUSING} is one of --tls")
    if min(options.sizes + options.sessions + [options.messages, options.pairs]) < 1:
        parser.error("sizes, sessions, messages and pairs begin at 1")
    if options.messages < max(options.sessions):
        parser.error("there must be a message for each session")
    return options


def needs(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise HarnessError(f"{', '.join(missing)} not found: tools/dev deps")


def main() -> int:
    options = arguments()
    needs("smtp-source", "smtp-sink", "clang-16", "postfix", *(["stunnel"] if options.tls else []))
    folder = Path(tempfile.mkdtemp(prefix="postern-bench-", dir=options.dir))
    folder.chmod(0o755)  # Postfix's daemons go through it under their own account
    try:
        kind = filesystem(folder)
        if kind in IN_MEMORY:
            raise HarnessError(f"{folder} is on {kind}, where a sync costs nothing: name a folder on a disk with --dir")
        rates = [sync_rate(folder)]
        results, failures = measure_all(options, folder)
        rates.append(sync_rate(folder))
        table = report.markdown(results, rates, kind, options.pairs) if results else ""
        print(table)
        if options.json:
            figures = [asdict(one) for group in results for one in group.values()]
            options.json.write_text(json.dumps({"report": table, "results": figures}, indent=1) + "\n")
        missed = report.missed(results, options.tls)
        print(*(failures + missed or [report.ALL_MET]), sep="\n")
        return 1 if failures or (options.check and missed) else 0
    except HarnessError as error:
        print(f"bench relay: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
