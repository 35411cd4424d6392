# SPDX-License-Identifier: Apache-2.0
"""What many sessions cost: memory of 10,000 idle ones, in each state that a session can idle in, and what 5,000 slow ones
do to the latency of the others. postern's release build on loopback; prints Markdown."""

import argparse
import multiprocessing
import resource
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "relay"))

from client import PATIENCE, Session, text  # noqa: E402
from measure import number  # noqa: E402
from systems import RECIPIENT, SENDER, Sink, postern  # noqa: E402

from gateway import Gateway  # noqa: E402  systems.py says where it is
from process import HarnessError, expect, wait_until  # noqa: E402

LIMIT = 12 * 1024           # octets of an idle session
CLIENTS = [f"127.0.20.{number}" for number in range(1, 17)]    # the sessions come from these in turn
OPENING = 32                # sessions that are opened side by side
PACE = 5.0                  # seconds between what a slow session says
LINE = b"x" * 198 + b"\r\n"
LETTER = text(1024)


@dataclass(frozen=True)
class State:
    name: str
    tls: bool = False
    ehlo: bool = False
    letter: bool = False

    def reach(self, session: Session) -> None:
        if self.tls:
            session.secure()
        elif self.ehlo:
            session.ehlo()
        if self.letter:
            session.letter(SENDER, [RECIPIENT], LETTER)


STATES = (State("greeted"), State("after EHLO", ehlo=True), State("after EHLO and a letter", ehlo=True, letter=True),
          State("after STARTTLS and EHLO", tls=True), State("after STARTTLS, EHLO and a letter", tls=True, letter=True))


def gateway(root: Path, sink: Sink, sessions: int) -> Gateway:
    """With TLS for clients, none to the next hop, and room for the sessions."""
    hops = {"sink": (RECIPIENT.partition("@")[2], sink.port)}
    server = postern(root, "auto", hops, log=root.parent / "log", tls=True)
    server.stop()
    text = server.config.read_text().replace('tls = "encrypt"', 'tls = "none"')
    text = text.replace("sessions_per_client = 2000", f"sessions_per_client = {sessions + 100}\nsessions = {sessions + 100}")
    return Gateway("postern", root, text).start()


def open_sessions(state: State, port: int, count: int) -> list[Session]:
    def one(index: int) -> Session:
        session = Session(port, CLIENTS[index % len(CLIENTS)])
        state.reach(session)
        return session

    with ThreadPoolExecutor(OPENING) as pool:
        return list(pool.map(one, range(count)))


def resident(server: Gateway) -> int:
    return number(Path(f"/proc/{server.pid}/status"), "VmRSS:") * 1024


def idle(state: State, count: int, folder: Path) -> float:
    """Octets of postern's resident memory a session."""
    sink = Sink("idle", folder)
    server = gateway(folder / "idle", sink, count)
    try:
        port = server.endpoints["mx"][1]
        # What the first sessions set up is the process's: caches, buffers, connections to the next hop, the log.
        for session in open_sessions(state, port, 4 * OPENING):
            session.close()
        wait_until(lambda: server.sessions() == 0, PATIENCE, "the first sessions have ended")
        time.sleep(1)
        before = resident(server)
        sessions = open_sessions(state, port, count)
        if state.letter:
            wait_until(lambda: sink.count() >= count, PATIENCE, "all letters at the next hop")
        time.sleep(2)
        # The kernel's table of so many connections is not read in one moment.
        wait_until(lambda: server.sessions() == count, 10, f"{count} sessions that were opened are there")
        after = resident(server)
        for session in sessions:
            session.close()
        return (after - before) / count
    finally:
        server.stop()
        sink.stop()
        shutil.rmtree(folder / "idle", ignore_errors=True)


def drip(port: int, count: int, ready) -> None:
    """In a process of its own: `count` sessions, each of which says something every PACE seconds. Nine in ten say one octet
    of a command that never ends; one in ten is in the middle of a letter, and says a line of it."""
    sessions = open_sessions(State("", ehlo=True), port, count)
    in_data = sessions[::10]
    for session in in_data:
        session.say(f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n".encode(), b"354", 3)
        session.socket.sendall(b"Subject: a slow letter\r\n\r\n")
    for session in sessions:
        session.socket.setblocking(False)
    ready.set()
    turn = 0
    while True:
        began = time.monotonic()
        for index, session in enumerate(sessions):
            octets = LINE if index % 10 == 0 else b"NOOP "[turn:turn + 1] or b"x"
            try:
                session.socket.send(octets)
            except OSError:
                return      # the parent sees that a session is missing
            # Evenly over the time, not all at once.
            ahead = began + PACE * (index + 1) / len(sessions) - time.monotonic()
            if ahead > 0.002:
                time.sleep(ahead)
        turn += 1


@dataclass(frozen=True)
class Latency:
    p50: float
    p99: float
    longest: float


def load(port: int, rate: float, seconds: float, sessions: int = 16) -> Latency:
    """Open loop: letters have times at which they are due, whatever became of those before; a letter's latency counts from
    there to its 250. Kept sessions."""
    spans: list[float] = []
    lock = threading.Lock()
    due = iter(range(int(rate * seconds)))
    opened = open_sessions(State("", ehlo=True), port, sessions)
    began = time.monotonic() + 0.1
    errors: list[Exception] = []

    def work(session: Session) -> None:
        try:
            while True:
                with lock:
                    turn = next(due, None)
                if turn is None:
                    return
                at = began + turn / rate
                time.sleep(max(0.0, at - time.monotonic()))
                session.letter(SENDER, [RECIPIENT], LETTER)
                spans.append(time.monotonic() - at)
        except (OSError, HarnessError) as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(session,), daemon=True) for session in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for session in opened:
        session.close()
    if errors:
        raise errors[0]
    spans.sort()
    return Latency(spans[len(spans) // 2], spans[int(len(spans) * 0.99)], spans[-1])


def slow(count: int, rate: float, seconds: float, rounds: int, folder: Path,
         settle: float = 2 * PACE) -> tuple[list[Latency], list[Latency], float]:
    """Latencies without and with the slow sessions, in turns, and postern's memory a slow session. `settle`: seconds after which each
    has said something."""
    sink = Sink("slow", folder)
    server = gateway(folder / "slow", sink, count + 100)
    without, beside = [], []
    memory = 0.0
    try:
        port = server.endpoints["mx"][1]
        load(port, rate, min(3.0, seconds))     # warm
        for _ in range(rounds):
            without.append(load(port, rate, seconds))
            wait_until(lambda: server.sessions() == 0, PATIENCE, "the load's sessions have ended")
            before = resident(server)
            ready = multiprocessing.Event()
            dripping = multiprocessing.Process(target=drip, args=(port, count, ready), daemon=True)
            dripping.start()
            try:
                expect(ready.wait(120), "the slow sessions are open")
                time.sleep(settle)
                # Of the first round: what it took, the next ones find.
                memory = max(memory, (resident(server) - before) / count)
                beside.append(load(port, rate, seconds))
                expect(server.sessions() >= count, f"{server.sessions()} of {count} slow sessions are left")
            finally:
                dripping.kill()
                dripping.join()
            wait_until(lambda: server.sessions() == 0, PATIENCE, "the slow sessions have ended")
        return without, beside, memory
    finally:
        server.stop()
        sink.stop()


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def print_idle(options: argparse.Namespace, folder: Path) -> bool:
    """True: all that are not TLS are within the limit."""
    print(f"Memory of an idle session: (RSS with the sessions - RSS with none) / sessions; {options.idle} in plain, "
          f"{options.idle_tls} with TLS 1.3.\n\n| state | octets a session |\n|---|---:|")
    good = True
    for state in STATES:
        count = options.idle_tls if state.tls else options.idle
        if count == 0:
            continue
        octets = idle(state, count, folder)
        good = good and (state.tls or octets <= LIMIT)
        print(f"| {state.name} | {octets:,.0f} |", flush=True)
    return good


def print_slow(options: argparse.Namespace, folder: Path) -> None:
    without, beside, memory = slow(options.slow, options.rate, options.seconds, options.rounds, folder)
    print(f"\n{options.rate:g} letters of 1 KB a second (open loop, 16 kept sessions, {options.seconds:g} s), without and beside "
          f"{options.slow} slow sessions; medians of {options.rounds} rounds in turns. A slow session takes "
          f"{memory:,.0f} octets.\n\n| | p50 ms | p99 ms | longest ms |\n|---|---:|---:|---:|")
    for name, runs in (("without", without), (f"beside {options.slow} slow sessions", beside)):
        figures = [median([getattr(run, figure) for run in runs]) * 1000 for figure in ("p50", "p99", "longest")]
        print(f"| {name} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=int, default=10000, help="idle sessions in plain; 0: none (default 10000)")
    parser.add_argument("--idle-tls", type=int, default=5000, help="the same with TLS")
    parser.add_argument("--slow", type=int, default=5000, help="slow sessions; 0: none")
    parser.add_argument("--rate", type=float, default=200, help="letters a second beside them")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help=f"status 1 when an idle session in plain takes over {LIMIT} octets")
    options = parser.parse_args()
    wanted = max(options.idle, options.idle_tls, options.slow) + 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        print(f"bench/sessions.py: {wanted} open files are needed, the hard limit is {hard}: ulimit -Hn, or fewer sessions", file=sys.stderr)
        return 2
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    with tempfile.TemporaryDirectory(prefix="postern-sessions-") as folder:
        try:
            good = print_idle(options, Path(folder))
            if options.slow:
                print_slow(options, Path(folder))
        except (HarnessError, OSError) as error:
            print(f"bench/sessions.py: {error}", file=sys.stderr)
            return 2
    if options.check and not good:
        print(f"an idle session takes more than {LIMIT} octets", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
