# SPDX-License-Identifier: Apache-2.0
"""The table that a run prints, and the limits that it is held to."""

import datetime
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path
from statistics import median

from one_run import source_command
from systems import RECIPIENT, SENDER

from gateway import REPOSITORY, executable

# At least so many times Postfix's messages a second; of the rest at most.
LIMITS = {
    "postern-queue": {"rate": 6.0, "cpu": 0.1, "syncs": 0.15, "written": 1.1},
    "postern-auto": {"rate": 8.0, "cpu": 0.1, "syncs": 0.15, "written": 0.3},
}
# With TLS on both sides, in place of those above: what encryption costs is the same for all.
TLS_LIMITS = {"rate": 4.0, "cpu": 0.25, "written": 1.1}
# No relay is faster than its source and sink: where these two alone are hardly faster than the limit, so much of their rate is wanted.
OF_CEILING = 0.7
ALL_MET = "No limit was missed (postern-queue and postern-auto have some; those of rate and CPU need postfix in the run)."
SYNC_SESSIONS = 20   # what the limit of syncs is for


def progress(result) -> None:
    last, load = result.runs[-1], result.load
    print(f"{load.size} octets, {load.sessions} sessions, run {len(result.runs)}: {result.system} {last.rate:.0f}/s, "
          f"{last.cpu * 1000:.3f} ms of CPU a message", file=sys.stderr, flush=True)


def ratios(one, other, figure: str) -> list[float]:
    return [getattr(a, figure) / getattr(b, figure) for a, b in zip(one.runs, other.runs)]


def _spread(values: list[float], digits: int) -> str:
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _size(octets: int) -> str:
    return f"{octets // 1024} KB" if octets % 1024 == 0 else f"{octets}"


def markdown(groups: list[dict], rates: list[float], kind: str, pairs: int) -> str:
    lines = ["| body | sessions | relay | messages/s, drained | times Postfix | accepted/s | CPU ms/message | of Postfix's | memory MB "
             "| syncs/message | written/received | switches/message |", "|---|" + "---|" * 11]
    for results in groups:
        postfix = results.get("postfix")
        for name, one in results.items():
            cells = [_size(one.load.size), str(one.load.sessions), "none: source to sink" if name == "direct" else name]
            cells += [f"{one.rate:.0f}", _spread(ratios(one, postfix, "rate"), 2) if postfix and one is not postfix else ""]
            cells += [f"{median(run.messages / run.accepted for run in one.runs):.0f}"]
            if name == "direct":
                cells += [""] * 6
            else:
                cells += [f"{one.cpu * 1000:.3f}"]
                cells += [_spread(ratios(one, postfix, "cpu"), 3) if postfix and one is not postfix else ""]
                cells += [f"{one.memory / 1e6:.0f}", f"{one.syncs:.3f}", f"{one.written:.2f}", f"{one.switches:.1f}"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_conditions(groups, rates, kind, pairs)])


def _conditions(groups: list[dict], rates: list[float], kind: str, pairs: int) -> list[str]:
    every = [one for results in groups for one in results.values()]
    first = every[0].load
    sources = sorted({one.source for one in every if one.source})
    counts = ", ".join(f"{results['direct'].load.messages} of {_size(results['direct'].load.size)}" for results in groups)
    stolen = max(run.stolen for one in every for run in one.runs)
    return [
        f"- {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC; {machine()}; data on {kind}, where one thread "
        f"makes {rates[0]:.0f} times a second 2 KB durable (fdatasync) before, {rates[1]:.0f} after; at most {stolen:.1%} of the "
        "machine's time in a run was stolen by the hypervisor.",
        f"- {versions()}.",
        f"- Command: `{shlex.join(['tools/dev', 'bench', 'relay', *sys.argv[1:]])}`; source: "
        f"`{shlex.join(source_command(first, 0, first.messages))}` and so on, {counts}; sink: `smtp-sink -c -m 2000`.",
        f"- Medians of {pairs} runs, interleaved; in brackets the lowest and the highest ratio of a pair. Every message that was "
        "sent has arrived once. \"Drained\": the clock stops when the sink has them all.",
        f"- CPU: {'; '.join(sources)}. Memory: of one process its highest resident size (VmHWM); of many the sum of their proportional "
        "sizes after the runs, which is less than their peak. Syncs: calls counted in the same runs (LD_PRELOAD). Written: write_bytes of "
        "/proc/PID/io, whole pages, without the file system's journal; received: header and body.",
        f"- From <{SENDER}> to <{RECIPIENT}>; both log to /dev/null; both sync as they come by default.",
    ]


def machine() -> str:
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", info)
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return (f"{info.count('processor	:')} processors {model.group(1) if model else platform.machine()}, "
            f"{int(memory.group(1)) / 1e6:.0f} GB, Linux {platform.release()}")


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stdout.strip()
    except OSError:
        return ""


def versions() -> str:
    commit = _said("git", "-C", str(REPOSITORY), "describe", "--always", "--dirty") or "unknown"
    package = _said("dpkg-query", "-W", "-f", "${Version}", "postfix") or _said("postconf", "-dh", "mail_version")
    return f"Postfix {package}; postern {_said(str(executable()), '--version') or '(no version)'}, commit {commit}"


def missed(groups: list[dict], tls: bool = False) -> list[str]:
    """The limits that were not met, a line each; those that compare need Postfix in the run."""
    lines = []
    for results in groups:
        postfix = results.get("postfix")
        for name, limits in LIMITS.items():
            limits = limits | TLS_LIMITS if tls else limits
            one = results.get(name)
            if one is None:
                continue
            where = f"{_size(one.load.size)}, {one.load.sessions} sessions, {name}"
            checks = [("written/received", one.written, limits["written"])]
            if name == "postern-queue" and one.syncs * one.load.sessions < 0.9:
                # A session waits for its 250, so one sync can answer no more messages than there are sessions.
                lines.append(f"NOT MET {where}: {one.syncs:.3f} syncs/message: too few for a 250 that waits for one")
            if one.load.sessions == SYNC_SESSIONS:
                checks.append(("syncs/message", one.syncs, limits["syncs"]))
            if postfix:
                checks.append(("CPU of Postfix's", median(ratios(one, postfix, "cpu")), limits["cpu"]))
                rate = median(ratios(one, postfix, "rate"))
                ceiling = median(ratios(results["direct"], postfix, "rate"))
                wanted = min(limits["rate"], OF_CEILING * ceiling)
                if rate < wanted:
                    lines.append(f"NOT MET {where}: {rate:.2f} times Postfix's messages/s, wanted {wanted:.2f}; "
                                 f"source to sink makes {ceiling:.2f}")
            lines += [f"NOT MET {where}: {what} {value:.3f}, wanted at most {limit:g}" for what, value, limit in checks if value > limit]
    return lines
