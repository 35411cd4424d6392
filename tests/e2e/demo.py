# SPDX-License-Identifier: Apache-2.0
"""The demo and the end-to-end test: postern between two real mail servers on loopback.

    demo.py --once [NAME...]   runs the scenarios (all, or those named), a line each, and ends with their status
    demo.py                    the same, then stays up for letters of your own until Ctrl-C
"""

import argparse
import signal
import sys
import threading

import directories
import ports
import scenarios
import scenarios_more  # noqa: F401 - registers its scenarios
import scenarios_waves  # noqa: F401 - registers its scenarios
from gateway import executable
from process import HarnessError
from topology import D, OUTSIDE_DOMAIN, T, Topology

_GUIDE = """
Everything is up. Who is where:

  G  postern            {mx} (mx)   {exchange} (exchange)   {submission} (submission)
  X  Postfix            {x}    keeps {d}, forwards migrated users' mail to {t}
  V  Postfix, Dovecot   {v}   has the mailboxes of {t}
  E  the outside world  {e}    takes everything for {out}

  boris: only in X    ivan: migrated, in X and V    vera: cut over, only in V    gleb: only in V

Send a letter:
  swaks --server {x} --local-interface {oa} --from nina@{out} --to ivan@{d}     (S2: X keeps it, V gets a copy)
  swaks --server {v} --local-interface {va} --from olga@{d} --to ivan@{d}      (S4: V, G, X and a copy back)
  swaks --server {v} --local-interface {va} --from olga@{d} --to sales@{out}   (S5: V, G, X, E)
  swaks --server {mx} --local-interface {sa} --from a@b.example --to sales@{out}  (S8: refused)

Ask why:
  {postern} explain --config {config} --client {va} --from olga@{d} --to ivan@{d}
  {postern} explain --config {config} --client {xa} --from nina@{out} --to gleb@{d} --listener exchange

Look:
  mailboxes of X   {root}/x/mail/USER/new
  mailboxes of V   {root}/v/boxes/USER/new
  letters at E     {root}/e
  logs             {root}/g/postern.log  {root}/x/mail.log  {root}/v/mail.log

Ctrl-C ends it all and removes {root}.
"""


def run_scenarios(net: Topology, names: list[str]) -> tuple[int, int]:
    passed = failed = 0
    for item in scenarios.SCENARIOS:
        if (names and item.name not in names) or (item.stored and net.delivery == "cut_through"):
            continue
        ok, report = scenarios.execute(net, item)
        print(f"{'PASS' if ok else 'FAIL'} {item.name:4} {item.title}", flush=True)
        if report:
            print(report, flush=True)
        passed, failed = passed + ok, failed + (not ok)
    return passed, failed


def guide(net: Topology) -> str:
    def at(endpoint: tuple[str, int]) -> str:
        return f"{endpoint[0]}:{endpoint[1]}"

    return _GUIDE.format(
        mx=at(net.at_g("mx")), exchange=at(net.at_g("exchange")), submission=at(net.at_g("submission")), x=at(net.at_x()),
        v=at(net.at_v()), e=at((net.e.address, net.e.port)), d=D, t=T, out=OUTSIDE_DOMAIN, oa=ports.OUTSIDE, xa=ports.EXCHANGE,
        va=ports.WORKSPACE, sa=ports.STRANGER, postern=executable(), config=net.g.config, root=net.root)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true", help="end after the scenarios")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder for a look at the logs")
    parser.add_argument("--delivery", default="auto", choices=["auto", "queue", "cut_through"],
                        help="what G's 250 waits for; default auto")
    parser.add_argument("--directory", default="file", choices=sorted(directories.KINDS),
                        help="where G learns who has a mailbox in V; default file")
    parser.add_argument("names", nargs="*", help="scenarios to run, e.g. S4 R5; default all")
    arguments = parser.parse_args()
    known = {item.name for item in scenarios.SCENARIOS}
    if unknown := set(arguments.names) - known:
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")

    interrupted = threading.Event()

    def interrupt(_signal, _frame) -> None:
        if not interrupted.is_set():      # a second Ctrl-C must not break the tidying up
            interrupted.set()
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)

    passed = failed = 0
    net = None
    try:
        net = Topology(keep=arguments.keep, delivery=arguments.delivery, directory=arguments.directory)
        net.start()
        passed, failed = run_scenarios(net, arguments.names)
        if not arguments.once:
            print(guide(net), flush=True)
            signal.pause()
    except HarnessError as error:
        print(f"FAIL topology: {error}", flush=True)
        failed += 1
    except KeyboardInterrupt:
        print("ending", flush=True)
        failed += arguments.once
    finally:
        interrupted.set()
        problems = net.stop() if net else []
    for problem in problems:
        print(f"FAIL teardown: {problem}", flush=True)
    failed += len(problems)
    if arguments.keep and net:
        print(f"kept: {net.root}")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
