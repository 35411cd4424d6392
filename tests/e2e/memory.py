# SPDX-License-Identifier: Apache-2.0
"""A message of 50 MB must not raise the process's memory by more than 8 MB, however slowly the next hop reads."""

import sys
from pathlib import Path

import bodies
import senders
from octets import RECIPIENTS, Bench
from process import expect
from tally import Tally

ALLOWED = 8 * bodies.MEGABYTE
SLOW = 10 * bodies.MEGABYTE          # octets a second that the slow next hop reads: far below what the client offers
WARM_UP = 256 * 1024


def peak(pid: int) -> int:
    """The highest resident size of the process so far, in octets."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise LookupError("no VmHWM")


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def rise(bench: Bench, hop: str, send, octets: bytes) -> int:
    """How much higher the peak is after the message than after a small one, which warms up pools and buffers."""
    pid = bench.gateway.pid
    sink = bench.sinks[hop]
    send(bench.server, RECIPIENTS[hop], bodies.of_size(WARM_UP))
    forget_peak(pid)
    before, count = peak(pid), sink.count
    send(bench.server, RECIPIENTS[hop], octets)
    if not sink.wait_for(count + 1, 60):
        raise senders.SendError("the client was told 250, and nothing arrived")
    return peak(pid) - before


def main() -> int:
    large = bodies.of_size(50 * bodies.MEGABYTE)
    ways = {"DATA": senders.raw_data, "BDAT of 1 MiB": senders.raw_bdat([1 << 20]), "BDAT in one chunk": senders.raw_bdat([1 << 30])}
    tally = Tally()
    for rate, speed in ((0, "a fast next hop"), (SLOW, "a slow next hop")):
        with Bench(rate=rate, keep_messages=False) as bench:
            for way, send in ways.items():
                for hop in ("plain", "chunks"):
                    def rises_little(hop=hop, send=send) -> None:
                        risen = rise(bench, hop, send, large)
                        print(f"     memory rises by {risen / bodies.MEGABYTE:.1f} MB")
                        expect(risen <= ALLOWED, f"at most {ALLOWED / bodies.MEGABYTE:.1f} MB are wanted")

                    tally.check(f"50 MB by {way} to {speed} ({hop})", rises_little)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
