# SPDX-License-Identifier: Apache-2.0
"""The parties of the mail flow on loopback: G between X (Postfix), V (Postfix and Dovecot) and E (a recording sink)."""

import os
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import directories
import mailboxes
import ports
from dovecot import Dovecot
from gateway import Gateway
from postfix import MAIL_ID, Postfix
from process import HarnessError
from sink import Sink

D = "company.ru"
T = "tech.company.ru"
OUTSIDE_DOMAIN = "corp.com"

# Who has a mailbox where. A migrated user has one in both, and X forwards a copy to V.
NOT_MIGRATED = ["boris", "zoya"]
MIGRATED = ["ivan", "olga", "petr", "roman"]
CUT_OVER = ["vera"]                 # left X: V alone, and listed in the cut-over file
ONLY_IN_V = ["gleb"]                # V alone, not listed: X asks G for them
WAVE, WAVED = "pilot", ["petr"]      # a wave and its members, migrated ones
LATECOMER = "lidia"                 # has a mailbox in V, but the directory does not know it yet
# X's connector for this user is set wrongly, towards a gateway that does not know X's address (S9).
CIRCLED = "nobody-s9"

_GATEWAY_CONFIG = """\
hostname = "{hostname}"
data_dir = "{root}/data"

[[listener]]
name = "mx"
bind = "{g}:0"
role = "mx"
delivery = "{delivery}"
max_message_size = "50MiB"

[[listener]]
name = "exchange"
bind = "{g}:0"
role = "mx"
from = "exchange"
delivery = "{delivery}"
max_message_size = "100MiB"

[[listener]]
name = "submission"
bind = "{g}:0"
role = "submission"
tls = "none"
delivery = "{delivery}"
max_message_size = "35MiB"

[relay]
allow_without_auth = ["{x}", "{v}"]

[[next_hop]]
name = "exchange"
hosts = ["{x}:{x_port}"]
behaves = "exchange"

[[next_hop]]
name = "vk"
hosts = ["{v}:{v_port}"]
behaves = "vk_workspace"

[[domain]]
name = "{d}"
aliases = ["{t}"]
mailboxes = "vk"
cutover = "{root}/cutover.txt"

[[route]]
domains = ["{d}"]
via = "exchange"

[[wave]]
name = "{wave}"
members = "file:{root}/wave.txt"
state = "dual"   # of the wave

[recipients]
validate = false
unknown_redirect = "exchange"
directory = "{directory}"

[gateways]
external = ["exchange"]

[retry]
first = "1s"
max = "2s"
lifetime = "{lifetime}"

[routing]
independent_aliases = true
trace_key = "{key}"
{tables}"""


class Topology:
    """Everything lives below one temporary folder, which stop() removes."""

    def __init__(self, keep: bool = False, delivery: str = "auto", directory: str = "file"):
        kind = directories.find(directory)
        self._keep = keep
        self.delivery = delivery
        self.root = Path(tempfile.mkdtemp(prefix="postern-e2e-"))
        self.root.chmod(0o755)                    # Postfix's daemons are not root
        self.x = Postfix("X", self.root / "x", ports.EXCHANGE, ports.free_port(ports.EXCHANGE))
        self.v = Postfix("V", self.root / "v", ports.WORKSPACE, ports.free_port(ports.WORKSPACE))
        self.v_boxes = self.root / "v" / "boxes"
        self.v_boxes.mkdir()
        os.chown(self.v_boxes, MAIL_ID, MAIL_ID)
        users_of_v = [*MIGRATED, *CUT_OVER, *ONLY_IN_V, LATECOMER]
        self.dovecot = Dovecot(self.root / "v" / "dovecot", self.v_boxes, users_of_v)
        self.e = Sink(self.root / "e", ports.OUTSIDE, ports.free_port(ports.OUTSIDE))
        self.directory = kind(self.root / "directory", D, [*MIGRATED, *CUT_OVER, *ONLY_IN_V])
        self.g = self._gateway("G", "gw.company.ru")
        self.g_blind = self._gateway("G2", "gw2.company.ru")
        # Its V is never there, and what waits longer than two seconds is given up.
        self.g_hasty = self._gateway("G3", "gw3.company.ru", lifetime="2s", v_port=ports.free_port(ports.WORKSPACE))
        self.gateways = [self.g, self.g_blind, self.g_hasty]
        self._parties = [self.e, self.directory, *self.gateways, self.dovecot, self.x, self.v]
        self._started = []

    def start(self) -> "Topology":
        for party in self._parties:
            if party is self.x:
                self._configure_x()
                self._configure_v([*MIGRATED, *CUT_OVER, *ONLY_IN_V, LATECOMER])
            self._started.append(party)
            party.start()
        return self

    def stop(self) -> list[str]:
        """Ends every party in the reverse order; what went wrong on the way is returned, since the rest must end too."""
        problems = []
        while self._started:
            party = self._started.pop()
            try:
                party.stop()
                if party in self.gateways and self.delivery != "cut_through":
                    party.check_ledger()
            except Exception as error:  # noqa: BLE001 - the others still have to be stopped
                problems.append(str(error))
        if not self._keep:
            shutil.rmtree(self.root, ignore_errors=True)
        return problems

    def _gateway(self, name: str, hostname: str, lifetime: str = "1h", v_port: int = 0) -> Gateway:
        root = self.root / name.lower()
        config = _GATEWAY_CONFIG.format(
            root=root, wave=WAVE, hostname=hostname, g=ports.GATEWAY, d=D, t=T, x=ports.EXCHANGE, v=ports.WORKSPACE,
            x_port=self.x.port, v_port=v_port or self.v.port, delivery=self.delivery, lifetime=lifetime,
            key=f"trace key of {hostname}, thirty-two octets",
            directory=self.directory.setting(), tables=self.directory.tables())
        gateway = Gateway(name, root, config)
        (root / "cutover.txt").write_text("".join(f"{user}@{D}\n" for user in CUT_OVER))
        (root / "wave.txt").write_text("".join(f"{user}@{D}\n" for user in WAVED))
        return gateway

    def _configure_x(self) -> None:
        """X keeps mail for its mailboxes, forwards a copy for migrated users, and has D as Internal Relay."""
        keeps = [*NOT_MIGRATED, *MIGRATED]
        x = self.x
        transport = {f"{user}@{D}": "virtual:" for user in keeps}
        transport[f"{CIRCLED}@{D}"] = f"astray:{hop(self.g_blind.endpoints['mx'])}"
        transport[D] = f"smtp:{hop(self.g.endpoints['exchange'])}"
        transport[T] = f"smtp:{hop(self.g.endpoints['mx'])}"
        x.main |= {
            "myhostname": "exchange.company.ru",
            "mynetworks": f"{ports.EXCHANGE}/32, {ports.EXCHANGE_NAT}/32, {ports.GATEWAY}/32",
            "relay_domains": f"{D}, {T}",
            "relayhost": f"[{self.e.address}]:{self.e.port}",
            "transport_maps": x.table("transport", transport),
            "virtual_alias_maps": x.table("forwarding", {
                f"{user}@{D}": f"{user}@{D}, {user}@{T}" for user in MIGRATED}),
            "virtual_mailbox_maps": x.table("mailboxes", {f"{user}@{D}": f"{user}/" for user in keeps}),
        }
        x.services = f"astray unix - - n - - smtp\n  -o smtp_bind_address={ports.EXCHANGE_NAT}\n"

    def _configure_v(self, users: list[str]) -> None:
        """V delivers T at home and sends everything else to G, D included: D given to V by mistake comes back."""
        v = self.v
        to_gateway = f"smtp:{hop(self.g.endpoints['mx'])}"
        v.main |= {
            "myhostname": "workspace.company.ru",
            "mynetworks": f"{ports.WORKSPACE}/32, {ports.GATEWAY}/32",
            "virtual_mailbox_domains": T,
            "virtual_mailbox_maps": v.table("mailboxes", {f"{user}@{T}": user for user in users}),
            "virtual_transport": f"lmtp:unix:{self.dovecot.socket}",
            "relay_domains": D,
            "transport_maps": v.table("transport", {D: to_gateway}),
            "relayhost": hop(self.g.endpoints["mx"]),
        }

    def at_x(self) -> tuple[str, int]:
        return self.x.address, self.x.port

    def at_v(self) -> tuple[str, int]:
        return self.v.address, self.v.port

    def at_g(self, listener: str = "mx") -> tuple[str, int]:
        return self.g.endpoints[listener]

    def in_flight(self) -> dict[str, int]:
        """Where something is on its way, with how much; empty when nothing is."""
        counts = {
            "X's queue": self.x.queued(), "V's queue": self.v.queued(),
            "messages at E": int(self.e.busy()),
        }
        for gateway in self.gateways:
            counts |= {f"sessions at {gateway.name}": gateway.sessions(), f"queue of {gateway.name}": gateway.queued()}
        return {where: count for where, count in counts.items() if count}

    def settle(self, seconds: float = 40.0) -> None:
        """Waits until nothing is on its way anywhere. A message that moves between two parties while they are asked leaves a
        line in their logs: the answer counts only if no log grew meanwhile, twice in a row."""
        deadline = time.monotonic() + seconds
        quiet = 0
        while quiet < 2:
            before = self._log_sizes()
            flying = self.in_flight()
            quiet = quiet + 1 if not flying and before == self._log_sizes() else 0
            if time.monotonic() > deadline:
                raise HarnessError(f"still on its way after {seconds:.0f} s: {flying or 'logs keep growing'}")
            time.sleep(0.03)
        for party in self.gateways:
            if not party.alive():
                raise HarnessError(f"{party.name} has ended")

    def copies(self, marker: str) -> Counter[str]:
        """Every copy of the letter and every report about it, in all mailboxes of all parties."""
        return (mailboxes.copies_in_maildirs("X", self.x.mail, marker)
                + mailboxes.copies_in_maildirs("V", self.v_boxes, marker)
                + mailboxes.copies_in_sink("E", self.e, marker))

    def _log_sizes(self) -> list[int]:
        logs = (self.x.log, self.v.log, *(gateway.log for gateway in self.gateways))
        return [log.stat().st_size if log.exists() else 0 for log in logs] + [self.e.count]


def hop(endpoint: tuple[str, int]) -> str:
    address, port = endpoint
    return f"[{address}]:{port}"
