# SPDX-License-Identifier: Apache-2.0
"""Crashes, losses of power, and writes and syncs that fail, under load: what got 250 arrives, and the ledger balances."""

import argparse
import errno
import queue
import random
import re
import shutil
import signal
import smtplib
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crash_load import BACK, FAST, LARGE, MIX, SIZES, SLOW, Acknowledged, Load
from crash_sink import MODES, CrashSink, subject
from fault_shim import CREATIONS, SYNCS, WRITES, Shim, name_of
from gateway import Gateway
from ports import GATEWAY, WORKSPACE, free_port
from process import HarnessError, wait_until

_CONFIG = """\
hostname = "gw.company.ru"
data_dir = "{root}/data"

[[listener]]
name = "mx"
bind = "{g}:{port}"
delivery = "{mode}"

[relay]
allow_without_auth = ["{g}"]

[record]
envelopes = 0    # the faults are meant for the queue's files
[retry]
first = "1s"
max = "1s"

[limits]
sessions_per_client = 1000

[[next_hop]]
name = "fast"
hosts = ["{a}:{fast}"]
behaves = "relay"

[[next_hop]]
name = "slow"
hosts = ["{a}:{slow}"]
behaves = "relay"

[[route]]
domains = ["{fast_domain}", "{back}"]
via = "fast"

[[route]]
domains = ["{slow_domain}"]
via = "slow"
"""

_DRAIN_EVERY = 25          # rounds; the list of what has to arrive stays short
_DRAIN_SECONDS = 120.0
_QUIET = 1.6               # a message that was deferred comes again sooner


class Bench:
    """G in one mode between clients and two next hops, on one data directory that outlives it."""

    def __init__(self, mode: str, chance: random.Random):
        self.mode = mode
        self.chance = chance
        self.root = Path(tempfile.mkdtemp(prefix="postern-crash-"))
        self.fast = CrashSink(FAST, chunking=True)
        self.slow = CrashSink(SLOW, chunking=False)
        self.server = (GATEWAY, free_port(GATEWAY))
        config = _CONFIG.format(root=self.root, g=GATEWAY, a=WORKSPACE, port=self.server[1], mode=mode, fast=self.fast.port,
                                slow=self.slow.port, fast_domain=FAST, slow_domain=SLOW, back=BACK)
        self.gateway = Gateway("G", self.root, config)
        self.shim = Shim(self.root / "shim", self.root / "data", chance)

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, kind, *_) -> None:
        if self.gateway.alive():
            self.gateway.kill()
        if kind is None:
            shutil.rmtree(self.root, ignore_errors=True)
        else:
            print(f"     its files stay in {self.root}", flush=True)

    def start(self, shimmed: bool) -> None:
        self.gateway.launcher = self.shim.launcher if shimmed else []
        self.gateway.start()

    def load(self, **options) -> Load:
        return Load(self.server, f"{self.mode}{self.chance.randrange(1 << 30):x}", **options)

    def missing(self, acknowledged: Acknowledged) -> list[str]:
        arrived = self.fast.arrived, self.slow.arrived
        lost = []
        for number, recipients in acknowledged.items():
            for one in recipients:
                # A report about a message is addressed to the message's own sender.
                key = ("" if one.endswith(BACK) else number, one.lower())
                if not any(where[key] for where in arrived):
                    lost.append(f"{number} for {one}")
        return lost

    def drained(self, acknowledged: Acknowledged, seconds: float = _DRAIN_SECONDS) -> bool:
        """Waits until all of it has arrived, and nothing else comes."""
        end = time.monotonic() + seconds
        last = time.monotonic()
        complete = False
        while time.monotonic() < end:
            if self.fast.collect() + self.slow.collect() > 0:
                last = time.monotonic()
            complete = complete or not self.missing(acknowledged)
            quiet = time.monotonic() - last
            if quiet > (_QUIET if complete else 20):
                return complete
            time.sleep(0.1)
        return False

    def drain(self, acknowledged: Acknowledged) -> str:
        """The gateway is up and its next hops get well; in the end nothing is left, and the books say so."""
        self.slow.set("up")
        self.drained(acknowledged)
        self.gateway.stop()
        ledger = self.gateway.ledger()
        lost = self.missing(acknowledged)
        if lost:
            raise HarnessError(f"{len(lost)} of {len(acknowledged)} that got 250 did not arrive: {lost[:5]}; {ledger}")
        broken = self.fast.broken + self.slow.broken
        if broken:
            raise HarnessError(f"arrived, and not whole: {broken[:5]}")
        accepted, delivered, bounced, discarded, queued, damaged = ledger
        # What sectors of a log are lost of looks damaged: letters that nobody had acknowledged (the others have arrived).
        damaged_in_vain = damaged and not self.shim.tore_sectors
        if accepted != delivered + bounced + discarded + queued + damaged or queued or damaged_in_vain:
            raise HarnessError(f"the ledger does not balance: accepted, delivered, bounced, discarded, queued, damaged: {ledger}")
        torn = f" + {damaged} damaged" if damaged else ""
        return f"{self.summary(acknowledged)}; ledger {accepted} = {delivered} delivered + {bounced} bounced{torn}"

    def summary(self, acknowledged: Acknowledged) -> str:
        counts = self.fast.arrived + self.slow.arrived
        twice = sum(count - 1 for count in counts.values())
        numbers = {number for number, _ in counts if number}
        unasked = len(numbers - acknowledged.keys())
        return (f"{len(acknowledged)} got 250, 0 missing; {sum(counts.values())} arrivals, {twice} of them again, "
                f"{unasked} that had no 250")


# ---- kill -9, and loss of power ----

def crash_while_it_starts(bench: Bench, power: bool) -> None:
    """Within what it does about the crash before."""
    killer = threading.Timer(bench.chance.uniform(0.0, 0.3), bench.gateway.kill)
    bench.gateway.on_spawn = lambda _: killer.start()
    try:
        bench.start(shimmed=power)
    except HarnessError:
        if bench.gateway.status() != -signal.SIGKILL:
            raise
    finally:
        bench.gateway.on_spawn = lambda _: None
    killer.join()
    cut(bench, power)


def crash_once(bench: Bench, power: bool) -> None:
    chance = bench.chance
    bench.start(shimmed=power)
    bench.slow.set(chance.choice(MODES))
    first = chance.uniform(0.0, 0.7)
    time.sleep(first)
    bench.slow.set(chance.choice(MODES))
    time.sleep(chance.uniform(0.0, 0.7))
    bench.gateway.kill()
    cut(bench, power)


def cut(bench: Bench, power: bool) -> None:
    if power:
        lost = bench.shim.cut()
        print(f"     {bench.mode}: power lost, {lost}", flush=True)


def crash_rounds(mode: str, rounds: int, power: bool, chance: random.Random) -> str:
    """Rounds on one data directory, with letters of other sizes in each, and a drain at the end."""
    with Bench(mode, chance) as bench:
        load = bench.load()
        first = chance.randrange(len(SIZES))
        for number in range(rounds):
            load.sizes = SIZES[(first + number) % len(SIZES)]
            if chance.random() < 0.3:
                crash_while_it_starts(bench, power)
            crash_once(bench, power)
        acknowledged = load.end()
        bench.start(shimmed=False)
        return bench.drain(acknowledged)


# ---- writes and syncs that fail ----

@dataclass(frozen=True)
class Where:
    """Whose calls fail: of files in that folder of data_dir (empty: of all), under a load of letters that lead there."""
    folder: str
    sizes: str
    name: str


ANYWHERE = Where("", MIX, "")
IN_SEGMENTS = Where("segments", LARGE, " in segments")
BEHIND_SEGMENTS = Where("db", LARGE, " of the database behind a segment")    # which has the group by then


def backlog(bench: Bench, sizes: str) -> Load:
    bench.slow.set("down")
    bench.start(shimmed=True)
    load = bench.load(sizes=sizes)
    wait_until(lambda: load.acknowledged >= 60, 20, "the first messages are taken")
    return load


def full_disk(mode: str, once: bool, where: Where, chance: random.Random) -> str:
    """ENOSPC of a write passes by itself: 452 meanwhile, and no restart."""
    with Bench(mode, chance) as bench:
        load = backlog(bench, where.sizes)
        bench.shim.fail(WRITES | CREATIONS, errno.ENOSPC, chance.randint(0, 40), once, where.folder)
        wait_until(lambda: bench.shim.hits() > 0, 20, "a write has failed")
        if not once:
            told = load.no_storage
            wait_until(lambda: load.no_storage >= told + 10, 20, "senders are told 452 4.3.1 while the disk is full")
            bench.shim.lift()
        taken = load.acknowledged
        wait_until(lambda: load.acknowledged >= taken + 50, 20, "messages are taken again when there is room")
        if load.others:
            raise HarnessError(f"{load.others} clients were refused in another way than 452 4.3.1")
        bench.gateway.kill()
        acknowledged = load.end()
        lost = bench.shim.cut()
        bench.start(shimmed=False)
        found = bench.drain(acknowledged)
        came = load.told & {number for number, _ in bench.fast.arrived + bench.slow.arrived}
        if came and mode == "queue":
            raise HarnessError(f"{len(came)} of {len(load.told)} that got 452 4.3.1 have arrived: {sorted(came)[:5]}")
        return f"{found}; {len(came)} of {len(load.told)} that got 452 are there; power lost, {lost}"


def held_client(stopped: bool, chance: random.Random) -> str:
    """No room, and one of two next hops has the letter: its client waits, and nobody gets it twice. A stop ends the wait."""
    with Bench("auto", chance) as bench:
        bench.slow.set("down")
        bench.start(shimmed=True)
        bench.shim.fail(WRITES, errno.ENOSPC, 0, once=False)
        to, body = [f"a@{FAST}", f"b@{SLOW}"], b"text\r\n"
        letter = b"From: once@client.example\r\n" + subject("once", body) + b"\r\n" + body
        replies: queue.Queue[int] = queue.Queue()
        threading.Thread(target=lambda: replies.put(_reply_to(bench.server, to, letter)), daemon=True).start()
        wait_until(lambda: bench.gateway.log_lines("a next hop has taken it: its client waits"), 20, "a client waits")
        if not replies.empty():
            raise HarnessError(f"the client that should wait was told {replies.get()}")
        if stopped:
            bench.gateway.stop()
        else:
            bench.shim.lift()
        reply = replies.get(timeout=20)
        if reply != (452 if stopped else 250):
            raise HarnessError(f"the client was told {reply}")
        if stopped:
            if not bench.gateway.log_lines("1 of its 2 recipients have it"):
                raise HarnessError("the log does not say who has the letter already")
            return "452 at the stop"
        found = bench.drain({"once": to})
        if set((bench.fast.arrived + bench.slow.arrived).values()) != {1}:
            raise HarnessError(f"somebody got it twice: {bench.fast.arrived + bench.slow.arrived}")
        return found


def _reply_to(server: tuple[str, int], recipients: list[str], letter: bytes) -> int:
    """What the client of a letter is told at its end; 0: nothing."""
    with smtplib.SMTP(*server, timeout=60) as client:
        try:
            client.sendmail("once@client.example", recipients, letter)
            return 250
        except smtplib.SMTPDataError as refusal:
            return refusal.smtp_code
        except smtplib.SMTPServerDisconnected:
            return 0


def broken_disk(mode: str, calls: int, error: int, where: Where, chance: random.Random) -> str:
    """After EIO, or any sync that failed: 452 until a restart, and what is known is delivered."""
    with Bench(mode, chance) as bench:
        load = backlog(bench, where.sizes)
        while True:
            bench.shim.fail(calls, error, chance.randint(0, 40), chance.random() < 0.5, where.folder)
            wait_until(lambda: bench.shim.hits() > 0, 20, "a call has failed")
            time.sleep(0.5)    # what was on its way is answered
            bench.shim.lift()
            taken, told = load.acknowledged, load.no_storage
            wait_until(lambda: load.no_storage >= told + 50 or load.acknowledged >= taken + 50, 20, "senders are told 452 4.3.1")
            # A write that fails in the file of one large body concerns that letter alone: its sender was told.
            if calls == SYNCS or load.acknowledged < taken + 50:
                break
        if load.acknowledged != taken:
            raise HarnessError(f"{load.acknowledged - taken} messages got 250 after the failure")
        if load.others:
            raise HarnessError(f"{load.others} clients were refused in another way than 452 4.3.1")
        acknowledged = load.end()
        bench.slow.set("up")
        # A report that tells of a failure has to be stored first: it comes after the restart.
        known = {number: [one for one in recipients if not one.endswith(BACK)] for number, recipients in acknowledged.items()}
        if not bench.drained(known, 20):
            raise HarnessError(f"not delivered before the restart: {bench.missing(known)[:5]}")
        bench.gateway.kill()
        lost = bench.shim.cut()
        bench.start(shimmed=False)
        return f"{bench.drain(acknowledged)}; power lost, {lost}"


# ---- all ----

Case = tuple[str, Callable[[random.Random], str]]


def cases(rounds: int) -> list[Case]:
    """A fourth of the rounds each: two modes, with and without loss of power."""
    out: list[Case] = []
    for mode in ("queue", "auto"):
        for power in (False, True):
            left = rounds // 4 + (rounds % 4 > 0)
            while left > 0:
                now = min(left, _DRAIN_EVERY)
                left -= now
                what = "kill -9 and loss of power" if power else "kill -9"
                out.append((f"{mode}: {now} rounds of {what}",
                            lambda chance, m=mode, n=now, p=power: crash_rounds(m, n, p, chance)))
        # Of those in segments alone each mode has half.
        for once, where in ((True, ANYWHERE), (False, ANYWHERE), (mode == "auto", IN_SEGMENTS),
                            (mode == "auto", BEHIND_SEGMENTS)):
            out.append((f"{mode}: ENOSPC of {'a write' if once else 'all writes'}{where.name}",
                        lambda chance, m=mode, o=once, w=where: full_disk(m, o, w, chance)))
        for calls, error, where in ((WRITES, errno.EIO, ANYWHERE), (SYNCS, errno.EIO, ANYWHERE),
                                    (SYNCS, errno.ENOSPC, ANYWHERE),
                                    (WRITES if mode == "auto" else SYNCS, errno.EIO, IN_SEGMENTS)):
            out.append((f"{mode}: {name_of(error)} of a {'write' if calls == WRITES else 'sync'}{where.name}",
                        lambda chance, m=mode, c=calls, e=error, w=where: broken_disk(m, c, e, w, chance)))
    out.append(("auto: one of two next hops has it, and no room", lambda chance: held_client(False, chance)))
    out.append(("auto: one of two next hops has it, no room, and a stop", lambda chance: held_client(True, chance)))
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="kills in all (20)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="what is random follows from it")
    parser.add_argument("--only", default="", help="a regular expression of cases")
    options = parser.parse_args()
    print(f"--seed {options.seed}", flush=True)
    passed = failed = 0
    for name, run in cases(options.rounds):
        if not re.search(options.only, name):
            continue
        began = time.monotonic()
        try:
            found, good = run(random.Random(f"{options.seed} {name}")), True
        except (HarnessError, OSError) as error:
            found, good = str(error), False
        passed, failed = passed + good, failed + (not good)
        print(f"{'PASS' if good else 'FAIL'} {name}: {found} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
