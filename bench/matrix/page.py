# SPDX-License-Identifier: Apache-2.0
"""The raw results of a run as a part of docs/benchmarks.md, between two markers, and its charts."""

from pathlib import Path

from process import HarnessError

from . import charts, figures, ours, targets
from .figures import Spread
from .points import AXES, BASE, CORNERS
from .relays import DIRECT
from .targets import number
from .waiting import KINDS, PERCENTILES

BEGIN = "<!-- bench/run: from here to the next marker everything is written by it -->"
END = "<!-- bench/run: end -->"
FOLDER = "benchmarks"        # of the charts, beside the page
_HEADINGS = {"size": "By size", "recipients": "By recipients of a message", "sessions": "By sessions", "connections": "By connections",
             "tls": "With TLS on both sides", CORNERS: "Corners"}
_KINDS = {"letter": "until the 250", "end_to_end": "until the next hop has it"}


def spread(one: Spread | None, factor: float = 1.0) -> str:
    if one is None:
        return "-"
    if one.lowest == one.highest:
        return number(one.median * factor)
    return f"{number(one.median * factor)} ({number(one.lowest * factor)} to {number(one.highest * factor)})"


def middle(one: Spread | None) -> str:
    return number(one.median if one else None)


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(heads) + " |", "|---" * 2 + "|---:" * (len(heads) - 2) + "|", *("| " + " | ".join(row) + " |" for row in rows)]


def size(octets: int) -> str:
    for unit, name in ((1 << 20, "MB"), (1 << 10, "KB")):
        if octets >= unit and octets % unit == 0:
            return f"{octets // unit} {name}"
    return str(octets)


def load_of(point: dict) -> str:
    words = [size(point["size"]), f"{point['sessions']} session{'s' if point['sessions'] > 1 else ''}"]
    words += [f"{point['recipients']} recipients"] if point["recipients"] > 1 else []
    words += [] if point["kept"] else ["new connections"]
    words += ["TLS"] if point["tls"] else []
    return ", ".join(words)


def _rows(results: dict, point: dict) -> list[list[str]]:
    best, thrifty = figures.best_peer(results, point), figures.best_peer(results, point, figures.CPU)
    rows = []
    for name, one in point["systems"].items():
        if not one["runs"]:
            rows.append([load_of(point), f"{name}: {one.get('cannot') or 'failed'}", *["-"] * 8])
            continue
        mark = "" if name == DIRECT or figures.is_ours(name) or figures.durable(results, name) else " [^sync]"
        label = ("none: source to sink" if name == DIRECT else name) + mark
        if one.get("cannot"):
            label += f" (rounds: {len(one['runs'])}; then {one['cannot']})"
        of = {what: figures.of_system(point, name, what) for what in figures.ALL}
        row = [load_of(point), label, spread(of[figures.RATE]), spread(figures.ratio(point, name, best, figures.RATE)) if best else "-",
               middle(of[figures.ACCEPTED])]
        if name == DIRECT:
            rows.append([*row, *[""] * 5])
            continue
        cpu = f"{middle(of[figures.CPU])} ({middle(of[figures.USER])} + {middle(of[figures.SYSTEM])})"
        rows.append([*row, cpu, spread(figures.ratio(point, name, thrifty, figures.CPU)) if thrifty else "-",
                     f"{middle(of[figures.MEMORY])} ({middle(of[figures.OWN])})", middle(of[figures.WRITTEN]), middle(of[figures.SYNCS])])
    return rows


_HEADS = ["load", "relay", "messages/s, drained", "times the best peer", "accepted/s", "CPU s for 1,000 (user + system)",
          "of the thriftiest peer's", "memory MB (own)", "written/received", "syncs/message"]


def _points(results: dict) -> list[str]:
    base = figures.named(results, BASE.name)
    lines = []
    if base:
        lines += ["### The base point", "", *table(_HEADS, _rows(results, base)), ""]
    for axis in (*AXES, CORNERS):
        found = [point for point in results["points"] if point["axis"] == axis]
        if found:
            lines += [f"### {_HEADINGS[axis]}", "", *table(_HEADS, [row for point in found for row in _rows(results, point)]), ""]
            lines += [f"![Messages a second]({FOLDER}/{charts.name_of(axis)})", ""]
    if base:
        lines += [f"![Processor time]({FOLDER}/{charts.CPU})", ""]
    return lines


def _latencies(results: dict) -> list[str]:
    if not results["latency"]:
        return []
    heads = ["relay", "load", "messages/s"] + [f"{_KINDS[kind]}: {name.replace('_', '.')}" for kind in KINDS for name in PERCENTILES]
    rows = []
    for entry in results["latency"]:
        whose = "its own" if entry["of"] == entry["system"] else f"{entry['of']}'s"
        cells = [spread(figures.latency(results, entry["system"], entry["share"], entry["of"], kind, name))
                 for kind in KINDS for name in PERCENTILES]
        rows.append([entry["system"], f"{entry['share']:.0%} of {whose} capacity", number(entry["rate"]), *cells])
    failed = sum(figures.lost(run) for entry in results["latency"] for run in entry["runs"])
    lines = ["### How long a message waits", "", "Milliseconds from when the message was due (open loop, Poisson arrivals, kept connections, "
             f"1 KB); the capacity is the drained rate of the base point. {failed:,} messages were not taken; a "
             f"run in which they were more than {figures.LOST:.1%} of the load is not among the figures.", "", *table(heads, rows), ""]
    return [*lines, *(f"![Waiting time]({FOLDER}/{name})\n" for name in charts.WAITING)]


def _limits(results: dict) -> list[str]:
    limits = results["limits"]
    if not limits:
        return []
    rows = [["append 2 KB and fdatasync, one thread", f"{number(limits['syncs'])} a second"],
            ["write and one fdatasync", f"{number(limits['write'] / 1e6)} MB/s"],
            ["one TCP connection on loopback", f"{number(limits['loopback'] / 1e6)} MB/s"]]
    ssl = {"rsa2048_sign": ("RSA-2048, signatures", 1.0, "a second"), "p256_sign": ("ECDSA P-256, signatures", 1.0, "a second"),
           "aes_128_gcm": ("AES-128-GCM, blocks of 16 KB", 1e6, "MB/s")}
    rows += [[f"`openssl speed`: {what}", f"{number(limits['openssl'][key] / factor)} {unit}"]
             for key, (what, factor, unit) in ssl.items() if key in limits["openssl"]]
    tools = {"postfix": "smtp-source straight to smtp-sink", "postern": "`postern load` straight to `postern sink`"}
    rows += [[f"{tools[one['tools']]}, {size(one['size'])}, 20 sessions", f"{number(one['rate'])} messages/s"] for one in limits["straight"]]
    return ["### What the machine can do", "", *table(["what", "at most"], rows), ""]


def _targets(results: dict) -> list[str]:
    found = targets.evaluate(results)
    rows = [[one.what, one.system, number(one.value), _wanted(one), one.against,
             f"**{one.verdict}**" if one.met is False else one.verdict] for one in found]
    return ["### Targets", "", *table(["target", "relay", "measured", "wanted", "best peer", ""], rows), ""] if rows else []


def _wanted(target: targets.Target) -> str:
    return f"{'≥' if target.least else '≤'} {number(target.wanted)}" if target.wanted is not None else ""


def _calls(results: dict) -> list[str]:
    base = figures.named(results, BASE.name)
    counted = {name: one for name in base["systems"] if (one := figures.calls(base, name))} if base else {}
    if not counted:
        return []
    least = min((name for name in counted if not figures.is_ours(name)), key=lambda name: counted[name].median, default=None)
    rows = [[load_of(base), name, spread(one), number(one.median / counted[least].median) if least else "-"] for name, one in counted.items()]
    return ["### System calls a message", "", "Counted by the kernel (the tracepoint raw_syscalls:sys_enter, for the relay's cgroup), in runs "
            "of their own: of all processes of a relay, the ones that it starts for connections or messages too. What a number of messages took "
            "is subtracted from what three times as many took, so that neither start nor idling is in it.", "",
            *table(["load", "relay", "system calls a message", "of the peer's with the fewest"], rows), ""]


def missing(results: dict) -> list[str]:
    """What a reader would look for in vain, a line each."""
    found = [f"LEFT OUT {line}" for line in results["left_out"]]
    for point in results["points"]:
        for name, one in point["systems"].items():
            found += [f"FAILED {point['name']}, {name}: {text}" for text in one["failures"]]
            if not one["runs"] and not one.get("cannot"):
                found.append(f"NO FIGURES {point['name']}, {name}")
        found += _missing_calls(point)
        if 0 < (rounds := max(len(one["runs"]) for one in point["systems"].values())) < results["rounds"]:
            found.append(f"NO TIME {point['name']}: {rounds} of {results['rounds']} rounds")
    for entry in results["latency"]:
        found += _missing_latency(entry, results["rounds"])
    return found


def _missing_calls(point: dict) -> list[str]:
    """A line for each reason, which most often is the machine's and the same for all."""
    whose: dict[str, list[str]] = {}
    for name, one in point["systems"].items():
        if why := one.get("calls_missing"):
            counted = len(one.get("calls", []))
            whose.setdefault(why, []).append(f"{name} (rounds: {counted})" if counted else name)
    return [f"NO SYSTEM CALLS {point['name']}, {', '.join(names)}: {why}" for why, names in whose.items()]


def _missing_latency(entry: dict, rounds: int) -> list[str]:
    what = f"latency of {entry['system']} at {entry['share']:.0%} of {entry['of']}"
    runs, failures = entry["runs"], entry["failures"]
    found = [f"FAILED {what}: {text}" for text in failures]
    if not any(figures.took_load(run) for run in runs):
        found.append(f"NO FIGURES {what}")
    if runs and len(runs) + len(failures) < rounds:
        found.append(f"NO TIME {what}: {len(runs) + len(failures)} of {rounds} rounds")
    if lost := sum(map(figures.lost, runs)):
        found.append(f"LOST {what}: {lost:,} of {sum(run['load'] for run in runs):,} messages")
    return found


def _conditions(results: dict) -> list[str]:
    stolen = max((run["stolen"] for point in results["points"] for one in point["systems"].values() for run in one["runs"]), default=0)
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    tools = {"postfix": "smtp-source and smtp-sink", "postern": "`postern load` and `postern sink`"}[results["tools"]]
    lines = [
        f"- {results['began']}, {results.get('took_s', 0) / 60:.0f} minutes; {results['machine']}; data on {results['filesystem']}; at most "
        f"{stolen:.1%} of the machine's time in a run was stolen by the hypervisor.",
        f"- {versions}.",
        f"- `{results['command']}`: medians of {results['rounds']} rounds of about {results['seconds']:g} s, interleaved, in brackets the lowest "
        f"and the highest; {tools}; every message that was answered 250 has arrived once. The settings of the peers: "
        "[bench/peers](../bench/peers/README.md).",
        *([f"- At the base point the source is `{results['source']}`, with as many messages as the run is to last."] if "source" in results else []),
        "- Ratios are of the runs of one round. The best peer is the one with the highest drained rate, the thriftiest the one with the least "
        "CPU, of those that sync what they answer 250 to, as the point with the fewest sessions shows.",
        "- postern-cut_through and, where the next hop keeps up, postern-auto answer 250 when the next hop has: a sync is for what must wait.",
        "- CPU: of the relay with all its children (cgroup). Memory: the peak of the sum over its processes, in brackets without pages of "
        "files, which processes share. Written: write_bytes of /proc/PID/io per octet of message. Syncs: counted calls.",
    ]
    gone = missing(results)
    return lines + ([f"- Missing: {'; '.join(gone)}."] if gone else [])


def render(results: dict) -> tuple[str, dict[str, str]]:
    """The Markdown, and the charts by the name of their file."""
    lines = [*_targets(results), *_points(results), *_latencies(results), *_calls(results),
             *(ours.table(results["ours"]) if results["ours"] else []), *_limits(results), *_conditions(results)]
    if any("[^sync]" in line for line in lines):
        lines += ["", "[^sync]: It answers 250 before anything is durable, so that a power failure loses mail. It is not among the peers that "
                  "are compared with."]
    return "\n".join(lines) + "\n", charts.render(results)


def around(path: Path) -> tuple[str, str]:
    """What stands before and behind the part that is written anew."""
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise HarnessError(f"{path} has no lines '{BEGIN}' and '{END}'")
    return before, after


def write(path: Path, text: str, drawings: dict[str, str]) -> None:
    before, after = around(path)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
    folder = path.parent / FOLDER
    folder.mkdir(exist_ok=True)
    for name, drawing in drawings.items():
        (folder / name).write_text(drawing)
