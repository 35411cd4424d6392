# SPDX-License-Identifier: Apache-2.0
"""A reload while DNS is silent: mail goes on being taken, and the gateway ends when it is told to."""

import contextlib
import os
import signal
import smtplib
import socket
import sys
import tempfile
from pathlib import Path

from gateway import Gateway
from ports import GATEWAY, WORKSPACE, free_port
from process import HarnessError, wait_until
from sink import Sink

# DNS that says nothing is waited for longer than a client waits for its greeting here: a gateway that blocks is seen.
CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"

[dns]
servers = ["127.0.0.1:{dns}"]
timeout = "60s"
tries = 1

[[listener]]
name = "mx"
bind = "127.0.0.1:0"

[[domain]]
name = "company.ru"
mailboxes = "vk"

[[next_hop]]
name = "vk"
hosts = ["{workspace}:{port}"]

[[next_hop]]
name = "exchange"
hosts = ["ex.company.ru:25"]
"""


@contextlib.contextmanager
def running_sink(root: Path):
    sink = Sink(root / "sink", WORKSPACE, free_port(WORKSPACE)).start()
    try:
        yield sink
    finally:
        sink.stop()


def deliver(gateway: Gateway, sink: Sink) -> None:
    count = sink.count
    with smtplib.SMTP(*gateway.endpoints["mx"], timeout=20) as client:
        client.sendmail("a@corp.com", ["u@company.ru"], b"Subject: reload\r\n\r\nbody\r\n")
    if not sink.wait_for(count + 1, 20):
        raise HarnessError("the client was told 250, and nothing arrived")


def reload_while_dns_is_silent(root: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dns, running_sink(root) as sink:
        dns.bind((GATEWAY, 0))
        dns.settimeout(20)
        config = CONFIG.format(data=root / "data", dns=dns.getsockname()[1], workspace=WORKSPACE, port=sink.port)
        gateway = Gateway("gateway", root, config).start()
        try:
            dns.recv(512)  # the start has asked, and went on without an answer
            deliver(gateway, sink)
            drain(dns)
            os.kill(gateway.pid, signal.SIGHUP)
            dns.recv(512)  # the reload asks, and waits
            deliver(gateway, sink)
        finally:
            gateway.stop()
        if not gateway.log_lines("source-not-resolved"):
            raise HarnessError("the log does not say that a source did not resolve")


def drain(dns: socket.socket) -> None:
    dns.setblocking(False)
    try:
        while True:
            dns.recv(512)
    except BlockingIOError:
        dns.settimeout(20)


def hang_up_at_the_start(root: Path) -> None:
    """SIGHUP as early as can be: `postern serve` must not die of it."""
    with running_sink(root) as sink:
        config = CONFIG.format(data=root / "data", dns=free_port(GATEWAY), workspace=WORKSPACE, port=sink.port)
        gateway = Gateway("gateway", root, config.replace("ex.company.ru", "10.0.0.5"))
        gateway.on_spawn = hang_up_when_held
        gateway.start()
        try:
            deliver(gateway, sink)
        finally:
            gateway.stop()


def hang_up_when_held(pid: int) -> None:
    """SIGHUP as soon as main() holds it back or has a handler; before that it is the program loader's."""
    hang_up = 1 << (signal.SIGHUP - 1)
    wait_until(lambda: any(int(status(pid)[mask], 16) & hang_up for mask in ("SigBlk", "SigCgt")), 20, "SIGHUP is held")
    os.kill(pid, signal.SIGHUP)


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def main() -> int:
    passed = failed = 0
    for test in (reload_while_dns_is_silent, hang_up_at_the_start):
        with tempfile.TemporaryDirectory(prefix="postern-reload-") as root:
            try:
                test(Path(root))
                passed += 1
                print(f"PASS {test.__name__}", flush=True)
            except (HarnessError, OSError, smtplib.SMTPException) as error:
                failed += 1
                print(f"FAIL {test.__name__}: {error}", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
