#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S9: a config whose mail would circle is not served, neither at the start nor by a reload, unless it is forced."""

import os
import signal
import sys
from pathlib import Path

from gateway import Gateway
from process import HarnessError, wait_until
from tally import Tally

CONFIG = """\
hostname = "gw.company.ru"
data_dir = "{data}"

[[listener]]
name = "mx"
bind = "127.0.0.1:0"

[relay]
allow_without_auth = ["10.0.0.5", "10.0.1.10"]

[[next_hop]]
name = "exchange"
hosts = ["10.0.0.5:25"]
behaves = "exchange"
# sources

[[next_hop]]
name = "vk"
hosts = ["10.0.1.10:25"]
behaves = "vk_workspace"

[[domain]]
name = "company.ru"
aliases = ["tech.company.ru"]
mailboxes = "vk"

[[route]]
domains = ["company.ru"]
via = "exchange"
"""
# X's own host is not known as X: what X hands over goes back to it.
WRONG = ("# sources", 'sources = ["10.9.9.9"]')
ARROWS = "E -> exchange -> G(mx) -[custom_route]-> exchange -> G(mx): a loop"


def config(root: Path) -> str:
    return CONFIG.format(data=root / "data")


def says(gateway: Gateway, *needles: str) -> bool:
    text = gateway.log.read_text(errors="replace")
    return all(needle in text for needle in needles)


def a_start_is_refused(root: Path) -> None:
    gateway = Gateway("gateway", root, config(root).replace(*WRONG))
    try:
        gateway.start()
    except HarnessError:
        if not says(gateway, ARROWS, "refused, mail would circle or be lost"):
            raise
        return
    gateway.stop()
    raise HarnessError("a config whose mail circles is served")


def a_start_is_forced(root: Path) -> None:
    gateway = Gateway("gateway", root, config(root).replace(*WRONG))
    gateway.more = ["--force"]
    gateway.start()
    gateway.stop()
    if not says(gateway, ARROWS, "taken all the same: --force"):
        raise HarnessError("the log does not say that the config was forced")


def a_reload_is_refused(root: Path) -> None:
    gateway = Gateway("gateway", root, config(root)).start()
    try:
        gateway.config.write_text(config(root).replace(*WRONG))
        os.kill(gateway.pid, signal.SIGHUP)
        wait_until(lambda: says(gateway, ARROWS, "is not taken: the config of before goes on"), 20, "the reload is refused")
        gateway.config.write_text(config(root))
        os.kill(gateway.pid, signal.SIGHUP)
        wait_until(lambda: says(gateway, "reloaded "), 20, "the sound config is taken")
    finally:
        gateway.stop()


def main() -> int:
    tally = Tally()
    tally.in_folders((a_start_is_refused, a_start_is_forced, a_reload_is_refused), "postern-proof-")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
