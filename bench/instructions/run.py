# SPDX-License-Identifier: Apache-2.0
"""Instructions a letter of 1 KB, by callgrind: the thread of `postern serve` that has the session, the stages, and the
delivery to the next hop. Threads that commit and log are left out: what they do depends on time. Compared with what is
stored in expected.json; growth of more than 3 % fails. The last line is "N passed, N failed"."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "relay"), str(HERE.parents[1] / "tests" / "e2e")]

import cases  # noqa: E402
from callgrind import Callgrind, Profile, without_line_numbers  # noqa: E402
from client import Session  # noqa: E402
from compare import STORED_SHARE, Figure, compare_all, median_figure, spread, versions_differ  # noqa: E402
from gateway import Gateway, executable  # noqa: E402
from process import HarnessError, expect, wait_until  # noqa: E402
from systems import Sink  # noqa: E402
from tunnels import make_certificate  # noqa: E402

EXPECTED = HERE / "expected.json"
WARM, LETTERS, PARTS = 60, 200, 3
NAME_OCTETS = 140           # of a function's name: templates have long ones
SESSION = "postern::smtp::ServerSession::"
# What the figures depend on beside the sources, as Debian's packages have it.
PACKAGES = ("clang-16", "libc6", "libssl3", "libstdc++6", "libboost1.81-dev", "libspdlog-dev", "libfmt-dev", "librocksdb7.8",
            "valgrind")


def versions() -> dict[str, str]:
    run = subprocess.run(["dpkg-query", "-W", "-f=${Package} ${Version}\n", *PACKAGES], capture_output=True, text=True, check=False)
    found = dict(line.split(" ", 1) for line in run.stdout.splitlines() if " " in line)
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("flags")[2].partition("\n")[0].split()
    # valgrind shows every processor with AVX2 as one and the same; glibc and OpenSSL choose by what it shows.
    return found | {"processor": "avx2" if "avx2" in flags else "without avx2"}


def is_session_thread(profile: Profile) -> bool:
    return any(name.startswith(SESSION) for name in profile.functions)


def a_letter(profiles: list[Profile], letters: int) -> Figure:
    """Of the one thread that serves the session."""
    found = [profile for profile in profiles if is_session_thread(profile)]
    expect(len(found) == 1, f"{len(found)} threads have a session in them, not 1: has {SESSION} another name?")
    return Figure(found[0].total / letters, {name: cost / letters for name, cost in found[0].functions.items()})


class Run:
    """One gateway under callgrind, and its next hops."""

    def __init__(self, folder: Path):
        self._callgrind = Callgrind(folder)
        self._sinks = {name: Sink(name, folder, address=address) for name, address in cases.HOPS.items()}
        self._sent = 0
        try:
            ports = {name: sink.port for name, sink in self._sinks.items()}
            text = cases.write_config(folder / "gateway", ports, make_certificate(folder))
            os.environ["POSTERN"] = str(without_line_numbers(executable(), folder))
            self._gateway = Gateway("postern", folder / "gateway", text)
            self._gateway.launcher = self._callgrind.launcher
            self._gateway.start(60)
        except BaseException:
            self._stop_sinks()
            raise

    def _stop_sinks(self) -> None:
        for sink in self._sinks.values():
            sink.stop()

    def stop(self) -> None:
        try:
            self._gateway.stop()
        finally:
            self._stop_sinks()

    def measure(self, case: cases.Case) -> list[Figure]:
        session = Session(self._gateway.endpoints[case.listener][1])
        try:
            if case.tls:
                session.secure()
            else:
                session.ehlo()
            self._part(case, session, WARM)
            parts = [self._part(case, session, LETTERS) for _ in range(PARTS)]
        finally:
            session.close()
        return [a_letter(self._callgrind.threads(part), LETTERS) for part in parts]

    def _part(self, case: cases.Case, session: Session, letters: int) -> int:
        for _ in range(letters):
            case.send(session)
        self._sent += letters * case.copies
        wait_until(lambda: sum(sink.count() for sink in self._sinks.values()) >= self._sent, 60, f"{self._sent} letters at the next hops")
        return self._callgrind.dump(self._gateway.pid)


def measured(wanted: list[cases.Case]) -> dict[str, Figure]:
    found = {}
    with tempfile.TemporaryDirectory(prefix="postern-instructions-") as folder:
        run = Run(Path(folder))
        try:
            for case in wanted:
                parts = run.measure(case)
                found[case.name] = median_figure(parts)
                print(f"     {case.name}: {found[case.name].total:,.0f}, parts differ by {spread(parts):.2%}", flush=True)
        finally:
            run.stop()
    return found


def load() -> tuple[dict[str, str], dict[str, Figure]]:
    if not EXPECTED.exists():
        return {}, {}
    stored = json.loads(EXPECTED.read_text(encoding="utf-8"))
    return stored["versions"], {name: Figure(case["total"], case["functions"]) for name, case in stored["cases"].items()}


def short(functions: dict[str, float]) -> dict[str, float]:
    """Names as they are stored; those that are the same up to there are one."""
    out: dict[str, float] = {}
    for name, cost in functions.items():
        key = re.sub(r"'\d+$", "", name)[:NAME_OCTETS]     # '2 and so on: called by itself
        out[key] = out.get(key, 0.0) + cost
    return out


def store(figures: dict[str, Figure]) -> None:
    kept = {}
    for name, figure in figures.items():
        functions = {key: round(cost) for key, cost in short(figure.functions).items() if cost >= STORED_SHARE * figure.total}
        ordered = dict(sorted(functions.items(), key=lambda item: (-item[1], item[0])))
        kept[name] = {"total": round(figure.total), "functions": ordered}
    EXPECTED.write_text(json.dumps({"versions": versions(), "cases": kept}, indent=1) + "\n", encoding="utf-8")
    print(f"stored in {EXPECTED}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", action="store_true", help="the figures of now are what later runs are compared with")
    parser.add_argument("--case", action="append", choices=[case.name for case in cases.CASES], help="this alone; may be repeated")
    options = parser.parse_args()
    if options.store and options.case:
        parser.error("--store stores all cases: leave out --case")
    wanted = [case for case in cases.CASES if options.case is None or case.name in options.case]
    try:
        figures = measured(wanted)
    except (HarnessError, OSError, subprocess.TimeoutExpired) as error:
        print(f"FAIL {error}\n0 passed, {len(wanted)} failed")
        return 1
    if options.store:
        store(figures)
        return 0
    versions_then, stored = load()
    if options.case:
        stored = {name: figure for name, figure in stored.items() if name in figures}
    outcomes = compare_all({name: Figure(figure.total, short(figure.functions)) for name, figure in figures.items()}, stored)
    print("\n".join(line for outcome in outcomes for line in outcome.lines))
    if stored:
        print("\n".join(versions_differ(versions(), versions_then)))
    good = sum(outcome.passed for outcome in outcomes)
    print(f"{good} passed, {len(outcomes) - good} failed")
    return 0 if good == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
