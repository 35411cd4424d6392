# SPDX-License-Identifier: Apache-2.0
"""Loopback addresses of the parties, and free ports for them."""

import random
import socket

GATEWAY = "127.0.0.1"      # G; the kernel's own choice of source address on loopback
EXCHANGE = "127.0.0.5"     # X
EXCHANGE_NAT = "127.0.0.6"  # X behind an address that nobody told G about (S9)
WORKSPACE = "127.0.1.10"   # V
OUTSIDE = "127.0.9.9"      # E
STRANGER = "127.0.7.7"     # nobody's address

# Below the kernel's ephemeral range, so that no outgoing connection takes a port between its choice and its use.
LOWEST, HIGHEST = 20000, 32000

_taken: set[tuple[str, int]] = set()


def free_port(address: str) -> int:
    """A TCP port that nothing listens on, never given twice by this process."""
    while True:
        port = random.randrange(LOWEST, HIGHEST)
        if (address, port) in _taken:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
        _taken.add((address, port))
        return port


def open_sessions(address: str, ports: set[int]) -> int:
    """Connections that clients hold to the given listening ports. Read from the kernel, so that no party has to be asked."""
    local = {f"{socket.inet_aton(address)[::-1].hex().upper()}:{port:04X}" for port in ports}
    listening, time_wait, closed = "0A", "06", "07"
    count = 0
    with open("/proc/net/tcp", encoding="ascii") as table:
        next(table)
        for line in table:
            fields = line.split()
            if fields[1] in local and fields[3] not in (listening, time_wait, closed):
                count += 1
    return count
