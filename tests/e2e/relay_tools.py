# SPDX-License-Identifier: Apache-2.0
"""Clients of many makes relay through postern; the octets at the next hop must be those that were sent (R16)."""

import argparse
import sys
import time

import bodies
import senders
from octets import RECIPIENTS, Bench, difference
from tally import Tally

MESSAGES = {
    "short": bodies.short(),
    "8-bit": bodies.eight_bit(),
    "dots": bodies.dots(),
    "998-octet lines": bodies.long_lines(),
    "empty body": bodies.empty_body(),
    "50 MB": bodies.of_size(50 * bodies.MEGABYTE),
}
# What only a client of one's own sends.
ODD_MESSAGES = {
    "header alone": bodies.header_alone(),
    "no octet at all": b"",
    "a dot first": b".\r\n..\r\n.x\r\n",
}
# Sizes as Exchange sends them, and such as fall between CR and LF, are empty, or hold one octet.
BDAT_SIZES = {
    "BDAT in one chunk": [1 << 30],
    "BDAT of 64 KiB": [65536],
    "BDAT of odd sizes": [1, 0, 2, 1, 977, 4096, 0, 13, 65535, 262144],
}

CLIENTS = {
    "swaks": senders.swaks,
    "curl": senders.curl,
    "msmtp": senders.msmtp,
    "smtplib": senders.python,
    "DATA": senders.raw_data,
    **{name: senders.raw_bdat(sizes) for name, sizes in BDAT_SIZES.items()},
    "BDAT pipelined": senders.raw_bdat([262144, 3, 0, 65536], pipelined=True),
}
RAW = ("DATA", *BDAT_SIZES, "BDAT pipelined")


def relay(bench: Bench, hop: str, send, octets: bytes) -> str | None:
    """Sends one message to one next hop; None, or what is wrong with what arrived there."""
    sink = bench.sinks[hop]
    before = sink.count
    try:
        send(bench.server, RECIPIENTS[hop], octets)
    except (senders.SendError, OSError) as error:
        return f"{error}"
    if not sink.wait_for(before + 1, 60):
        return "the client was told 250, and nothing arrived"
    if sink.count != before + 1:
        return f"arrived {sink.count - before} times"
    message = sink.messages[-1]
    message_octets = message.octets()
    message.path.unlink()
    if message.sender != senders.SENDER or message.recipients != [RECIPIENTS[hop]]:
        return f"envelope {message.sender} -> {message.recipients}"
    return difference(octets, message_octets, traced=hop == "vk")


def one_by_one(bench: Bench, tally: Tally) -> None:
    for client, send in CLIENTS.items():
        messages = MESSAGES | ODD_MESSAGES if client in RAW else MESSAGES
        for name, octets in messages.items():
            # The large one takes its time: once a client is enough, and the raw clients show it for each next hop.
            hops = RECIPIENTS if name != "50 MB" or client in RAW else ["plain"]
            for hop in hops:
                tally.note(f"{client}: {name} to {hop}", relay(bench, hop, send, octets))


def many(bench: Bench, tally: Tally, messages: int, sessions: int, octets: bytes, what: str) -> None:
    """Postfix's load generator; every single message must have arrived whole, and none twice."""
    title = f"smtp-source: {messages} messages of {what} in {sessions} sessions"
    sink = bench.sinks["plain"]
    sink.messages.clear()
    before, began = sink.count, time.monotonic()
    problem = None
    try:
        senders.smtp_source(bench.server, RECIPIENTS["plain"], octets, messages, sessions)
        if not sink.wait_for(before + messages, 60):
            problem = f"{sink.count - before} of {messages} arrived"
    except (senders.SendError, OSError) as error:
        problem = str(error)
    if problem is None and sink.count - before != messages:
        problem = f"{sink.count - before} arrived"
    took = time.monotonic() - began
    for message in sink.messages:
        problem = problem or difference(octets, message.octets(), traced=False)
        message.path.unlink()
    tally.note(f"{title} ({took:.1f} s)", problem)


def main() -> int:
    for octets in (MESSAGES | ODD_MESSAGES).values():
        assert bodies.is_sound(octets)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delivery", default="cut_through", choices=["auto", "queue", "cut_through"])
    tally = Tally()
    with Bench(delivery=parser.parse_args().delivery) as bench:
        one_by_one(bench, tally)
        many(bench, tally, 1000, 20, bodies.of_size(1022) + b"\r\n", "1 KB")
        many(bench, tally, 100, 20, bodies.of_size(bodies.MEGABYTE - 2) + b"\r\n", "1 MB")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
