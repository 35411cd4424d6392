# SPDX-License-Identifier: Apache-2.0
"""What the machine can do at best, measured in the same run: no relay is faster than these."""

import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path

from measure import sync_rate
from systems import ADDRESS

from .points import BASE, SIZES, Point
from .relays import DIRECT, Relay
from .runner import FAILURES, Options, messages_for, progress, run_once, warm_up_for
from .tools import POSTERN, POSTFIX, available, sink

_BLOCK = 1 << 18


def loopback(seconds: float = 1.0) -> float:
    """Octets a second through one TCP connection on loopback."""
    with socket.create_server((ADDRESS, 0)) as server:
        received = 0

        def drain() -> None:
            nonlocal received
            connection, _ = server.accept()
            buffer = bytearray(_BLOCK)
            with connection:
                while count := connection.recv_into(buffer):
                    received += count

        reader = threading.Thread(target=drain)
        reader.start()
        block = bytes(_BLOCK)
        began = time.monotonic()
        with socket.create_connection(server.getsockname()) as client:
            while time.monotonic() - began < seconds:
                client.sendall(block)
        reader.join()
        return received / (time.monotonic() - began)


def write_rate(folder: Path, octets: int = 256 << 20) -> float:
    """Octets a second into a file that is durable in the end."""
    path = folder / "write-rate"
    block = os.urandom(1 << 20)
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        began = time.monotonic()
        for _ in range(octets >> 20):
            os.write(descriptor, block)
        os.fdatasync(descriptor)
        return octets / (time.monotonic() - began)
    finally:
        os.close(descriptor)
        path.unlink()


def openssl(seconds: int) -> dict[str, float]:
    """RSA-2048 and P-256 signatures a second, and octets a second of AES-128-GCM in blocks of 16 KB, one thread."""
    found = {}
    for key, arguments in (("rsa2048_sign", ["rsa2048"]), ("p256_sign", ["ecdsap256"])):
        said = _speed([*arguments], seconds)
        if line := re.search(r"^\+F[24]:\d+:\d+:([\d.e+-]+)", said, re.MULTILINE):
            found[key] = 1 / float(line[1]) if float(line[1]) < 1 else float(line[1])
    said = _speed(["-evp", "aes-128-gcm", "-bytes", "16384"], seconds)
    if line := re.search(r"^\+F:\d+:[^:]+:([\d.]+)", said, re.MULTILINE):
        found["aes_128_gcm"] = float(line[1])
    return found


def _speed(arguments: list[str], seconds: int) -> str:
    done = subprocess.run(["openssl", "speed", "-mr", "-seconds", str(seconds), *arguments], capture_output=True, text=True,
                          check=False, timeout=60)
    return done.stdout


def straight(tools: str, options: Options, point: Point) -> dict:
    """A source of this kind straight into a sink of this kind."""
    relay = Relay(DIRECT, options.folder, point)
    target = sink(tools, "limit", options.folder, relay.hop, point.tls)
    try:
        first = run_once(relay, target, point, warm_up_for(point), tools)
        return run_once(relay, target, point, messages_for(point, first["messages"] / first["seconds"], options.seconds), tools)
    finally:
        target.stop()


def seconds(run: float, quick: bool) -> float:
    """About as long it takes."""
    return 5.0 + len((POSTFIX, POSTERN)) * (1 if quick else len(SIZES)) * (run + 1.5) + (0 if quick else 6)


def measure(options: Options, quick: bool) -> tuple[dict, list[str]]:
    """The figures, and what could not be measured, a line each."""
    span = 0.3 if quick else 1.0
    progress("limits of the machine")
    found: dict = {"syncs": sync_rate(options.folder, span), "loopback": loopback(span),
                   "write": write_rate(options.folder, (16 if quick else 256) << 20), "openssl": {}, "straight": []}
    failures = []
    try:
        found["openssl"] = openssl(1)
    except FAILURES as error:
        failures.append(f"limits of openssl speed: {error}")
    sizes = [BASE.size] if quick else list(SIZES.values())
    for tools in (POSTFIX, POSTERN):
        if not available(tools):
            continue
        for size in sizes:
            try:
                run = straight(tools, options, Point(f"{tools} {size}", "limits", size=size))
                found["straight"].append({"tools": tools, "size": size, "rate": run["messages"] / run["seconds"]})
            except FAILURES as error:
                failures.append(f"limits of {tools}'s source and sink, {size} octets: {error}")
    return found, failures
