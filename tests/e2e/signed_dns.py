# SPDX-License-Identifier: Apache-2.0
"""DNS of our own: nsd with zones, one of them signed, and unbound, which validates with that zone's key as its anchor."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from process import HarnessError, expect, spawn, stop, tail, wait_until

RESOLVER = "127.0.0.53"
AUTHORITY = "127.0.0.54"

_ZONE = """\
$ORIGIN {zone}.
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A {authority}
{records}
"""

_NSD = """\
server:
  ip-address: {address}@53
  username: ""
  chroot: ""
  zonesdir: "{root}"
  database: ""
  pidfile: "{root}/nsd.pid"
  xfrdfile: "{root}/xfrd.state"
  zonelistfile: "{root}/zone.list"
  xfrdir: "{root}"
  server-count: 1
remote-control:
  control-enable: no
{zones}
"""

_UNBOUND = """\
server:
  interface: {address}@53
  port: 53
  username: ""
  chroot: ""
  directory: "{root}"
  pidfile: "{root}/unbound.pid"
  use-syslog: no
  logfile: ""
  verbosity: 1
  val-log-level: 2
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  module-config: "validator iterator"
  trust-anchor-file: "{anchor}"
{own}remote-control:
  control-enable: no
{stubs}
"""


def in_own_network(*addresses: str) -> None:
    """Goes on with the whole program in a network of its own, where every port of loopback is free and loopback has these
    addresses too, and where mounts are its own. Nothing outside is touched; needs root, as CI is."""
    if os.environ.get("POSTERN_OWN_NETWORK") != "yes":
        expect(os.geteuid() == 0, "root is needed for a network of its own")
        command = ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, *sys.argv]
        os.execvpe("unshare", command, os.environ | {"POSTERN_OWN_NETWORK": "yes"})
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in addresses:
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)


def use_as_system_resolver(root: Path) -> None:
    """For programs that ask the system's resolver. Behind in_own_network() alone."""
    text = root / "resolv.conf"
    text.write_text(f"nameserver {RESOLVER}\noptions trust-ad edns0\n")
    target = os.path.realpath("/etc/resolv.conf")
    subprocess.run(["mount", "--bind", str(text), target], check=True)


def run(root: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)
    expect(done.returncode == 0, f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


class SignedDns:
    """`signed` and `plain` are zones by name, with their records as text. `forge` changes a signed zone's text behind the
    signatures' back: what it changes is bogus."""

    def __init__(self, root: Path, signed: dict[str, str], plain: dict[str, str], forge=lambda text: text):
        self._root = root
        self._signed, self._plain, self._forge = signed, plain, forge
        self._servers: list[subprocess.Popen] = []
        root.mkdir(parents=True)

    def start(self) -> "SignedDns":
        zones = {zone: self._write(zone, records) for zone, records in self._plain.items()}
        zones |= {zone: self._sign(zone, records) for zone, records in self._signed.items()}
        self._serve_zones(zones)
        self._serve_answers(list(zones))
        return self

    def _write(self, zone: str, records: str) -> str:
        (self._root / f"{zone}.zone").write_text(_ZONE.format(zone=zone, authority=AUTHORITY, records=records))
        return f"{zone}.zone"

    def _sign(self, zone: str, records: str) -> str:
        file = self._write(zone, records)
        key = run(self._root, "ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone)
        with open(self._root / "anchor", "a") as anchors:
            anchors.write((self._root / f"{key}.key").read_text())
        run(self._root, "ldns-signzone", "-f", f"{file}.signed", file, key)
        signed = self._root / f"{file}.signed"
        signed.write_text(self._forge(signed.read_text()))
        return signed.name

    def _serve_zones(self, zones: dict[str, str]) -> None:
        entries = "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{file}"\n' for zone, file in zones.items())
        config = self._root / "nsd.conf"
        config.write_text(_NSD.format(address=AUTHORITY, root=self._root, zones=entries))
        self._serve(["/usr/sbin/nsd", "-d", "-c", str(config)], AUTHORITY)

    def _serve_answers(self, zones: list[str]) -> None:
        stubs = "".join(f'stub-zone:\n  name: "{zone}"\n  stub-addr: {AUTHORITY}@53\n' for zone in zones)
        config = self._root / "unbound.conf"
        # Unbound answers for reverse zones of documentation addresses itself, unless told otherwise.
        own = "".join(f'  local-zone: "{zone}" nodefault\n' for zone in zones if zone.endswith(".arpa"))
        config.write_text(_UNBOUND.format(address=RESOLVER, root=self._root, anchor=self._root / "anchor", own=own,
                                          stubs=stubs))
        self._serve(["/usr/sbin/unbound", "-d", "-p", "-c", str(config)], RESOLVER)

    def _serve(self, command: list[str], address: str) -> None:
        expect(Path(command[0]).exists(), f"{command[0]} is not installed (tools/dev deps)")
        log = self._root / (Path(command[0]).name + ".log")
        server = spawn(command, log)
        self._servers.append(server)

        def answers() -> bool:
            if server.poll() is not None:
                raise HarnessError(f"{command[0]} ended at start\n{tail(log)}")
            with socket.socket() as probe:
                return probe.connect_ex((address, 53)) == 0

        wait_until(answers, 20, f"{command[0]} listens on {address}")

    def stop(self) -> None:
        for server in reversed(self._servers):
            stop(server)
