# SPDX-License-Identifier: Apache-2.0
"""The mail flow of topology.py as `postern verify` looks at it: every mailbox over IMAP, MX records, and a flow that can be
broken in one place at a time."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import ports
from dns_server import DnsServer
from gateway import executable
from imap_server import ImapServer
from pki import Authority
from postfix import MAIL_ID
from process import HarnessError, children_of, runs, wait_until
from topology import CUT_OVER, MIGRATED, NOT_MIGRATED, OUTSIDE_DOMAIN, D, T, Topology

OUTSIDE_USER = f"nina@{OUTSIDE_DOMAIN}"
UNMIGRATED, MIGRANT, SENDER, LEFT = NOT_MIGRATED[0], MIGRATED[0], MIGRATED[1], CUT_OVER[0]

_TEST = """\
unknown = "nobody-verify@{d}"
group = "staff@{d}"

[gateway]
mx = "{mx}"
addresses = ["{g}"]
names = ["gw.company.ru"]

[old_server]
smtp = "{x}"
imap = {{ server = "{imap}", tls = "none" }}

[new_platform]
smtp = "{v}"
imap = {{ server = "{imaps}", tls = "implicit", ca = "{ca}" }}
submission = {{ server = "{v}" }}

[user.unmigrated]
address = "{unmigrated}@{d}"
old = {{ user = "x-{unmigrated}", password_file = "{password}" }}

[user.migrated]
address = "{migrated}@{d}"
old = {{ user = "x-{migrated}", password_file = "{password}" }}
new = {{ user = "v-{migrated}", password_file = "{password}" }}

[user.cut_over]
address = "{left}@{d}"
new = {{ user = "v-{left}", password_file = "{password}" }}

[user.sender]
address = "{sender}@{d}"
new = {{ user = "v-{sender}", password_file = "{password}" }}

[outside]
address = "{outside}"
imap = {{ server = "{imap}", tls = "starttls", ca = "{ca}" }}
user = "{outside}"
password_file = "{password}"

[connect_from]
gateway = "{g}"
outside = "{from_outside}"
platform = "{from_v}"
stranger = "{stranger}"
"""


def at(endpoint: tuple[str, int]) -> str:
    return f"{endpoint[0]}:{endpoint[1]}"


class Flow(Topology):
    """`test`: the file that verify tests with."""

    def __init__(self):
        super().__init__()
        self.dns = DnsServer(ports.GATEWAY, ports.free_port(ports.GATEWAY))
        self.dns.records = {(T, "MX"): ["10 gw.company.ru"], (D, "MX"): ["10 exchange.company.ru"],
                            ("gw.company.ru", "A"): [ports.GATEWAY], ("exchange.company.ru", "A"): [ports.EXCHANGE]}
        config = self.g.config.read_text().replace('"vk_workspace"\n', '"vk_workspace"\nmax_connections = 15\n')
        # X's processes end with their connections when it is renewed.
        config = config.replace('"exchange"\n\n', '"exchange"\nidle_timeout = "0s"\n\n', 1)
        # As installed: the gateway makes its trace key itself, and verify reads that.
        config = re.sub(r"^trace_key = .*\n", "", config, count=1, flags=re.MULTILINE)
        self.g.config.write_text(f'{config}\n[dns]\nservers = ["{self.dns.address}"]\n')
        self.authority = Authority(self.root / "pki")
        pair = self.authority.issue("imap", f"IP:{ports.WORKSPACE}")
        outside = self.root / "e" / "boxes"
        outside.mkdir(parents=True)
        os.chown(outside, MAIL_ID, MAIL_ID)
        boxes = {OUTSIDE_USER: outside / "nina"}
        boxes |= {f"x-{user}": self.x.mail / user for user in (UNMIGRATED, MIGRANT)}
        boxes |= {f"v-{user}": self.v_boxes / user for user in (MIGRANT, SENDER, LEFT)}
        self.imap = ImapServer(self.root / "imap", ports.WORKSPACE, boxes, pair)
        self.gateways = [self.g]
        self.g_blind = self.g
        self._parties = [self.e, self.directory, self.imap, self.g, self.dovecot, self.x, self.v]
        self.test = self.root / "verify.toml"

    def start(self) -> "Flow":
        super().start()
        self.write_test()
        return self

    def stop(self) -> list[str]:
        self.dns.stop()
        return super().stop()

    def write_test(self, more: str = "") -> None:
        self.test.write_text(more + _TEST.format(
            d=D, mx=at(self.at_g()), g=ports.GATEWAY, x=at(self.at_x()), v=at(self.at_v()),
            imap=at((self.imap.address, self.imap.port)), imaps=at((self.imap.address, self.imap.tls_port)),
            ca=self.authority.pair.cert, unmigrated=UNMIGRATED, migrated=MIGRANT, left=LEFT, sender=SENDER,
            password=self.imap.password_file, outside=OUTSIDE_USER, from_outside=ports.OUTSIDE, from_v=ports.WORKSPACE,
            stranger=ports.STRANGER))

    def _configure_x(self) -> None:
        super()._configure_x()
        x = self.x
        x.tables("transport")[OUTSIDE_DOMAIN] = f"lmtp:unix:{self.imap.lmtp}"
        x.main["smtpd_reject_unlisted_recipient"] = "no"

    def renew_x(self) -> None:
        """X takes its configuration anew; no process that knows another one is left."""
        self.x.write()
        master = int((self.x.queue / "pid" / "master.pid").read_text())
        before = children_of(master)
        os.kill(master, signal.SIGHUP)
        wait_until(lambda: not any(runs(pid) for pid in before), 20, "X's processes of before have ended")

    def command(self, *options: str, test: Path | None = None, config: Path | None = None) -> list[str]:
        return [str(executable()), "verify", "--config", str(config or self.g.config), "--test", str(test or self.test), *options]

    def verify(self, *options: str, test: Path | None = None, config: Path | None = None) -> "Verified":
        command = self.command(*options, test=test, config=config)
        return Verified(subprocess.run(command, capture_output=True, text=True, check=False, timeout=90))


class Verified:
    """What one run has said."""

    def __init__(self, run: subprocess.CompletedProcess):
        self.status = run.returncode
        self.text = run.stdout
        self.errors = run.stderr

    def rows(self) -> dict[str, dict]:
        try:
            return {row["name"]: row for row in json.loads(self.text)["rows"]}
        except (json.JSONDecodeError, KeyError):
            raise HarnessError(f"no JSON (status {self.status}): {self.text}{self.errors}") from None

    def run(self) -> str:
        """What all tokens of its letters begin with."""
        return json.loads(self.text)["run"]

    def codes(self, row: str) -> list[str]:
        return [trouble["code"] for trouble in self.rows()[row]["troubles"]]
