# SPDX-License-Identifier: Apache-2.0
"""Accounts that somebody else has: a real Dovecot is asked over its auth socket, a real slapd by a bind."""

import subprocess
import sys
import tempfile
from pathlib import Path

import auth
from auth_bench import Client, expect
from gateway import Gateway
from ports import OUTSIDE, WORKSPACE, free_port
from process import HarnessError, spawn, stop, tail, wait_until
from sink import Sink
from slapd import BASE, Slapd, person
from tally import Tally

PASSWORD = "ann's own: secret"

DOVECOT = """\
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
protocols =
ssl = no
disable_plaintext_auth = yes
auth_mechanisms = plain
service auth {{
  unix_listener {root}/auth {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {root}/users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
"""

CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"

[[listener]]
name = "submission"
bind = "127.0.0.1:0"
role = "submission"
tls = "starttls"

[[next_hop]]
name = "out"
hosts = ["{address}:{port}"]

[[domain]]
name = "company.ru"
mailboxes = "out"

[gateways]
external = ["out"]

[tls]
certificates = [{{ cert = "{root}/cert.pem", key = "{root}/key.pem" }}]

[auth]
accounts = "{accounts}"
failure_delay = "10ms"

{more}
"""


class Dovecot:
    """Its auth service alone."""

    def __init__(self, root: Path):
        self.root = root
        self.socket = root / "auth"
        self._process = None
        root.mkdir()
        (root / "dovecot.conf").write_text(DOVECOT.format(root=root))
        (root / "users").write_text(f"ann@company.ru:{{PLAIN.HEX}}{PASSWORD.encode().hex()}\n")

    def start(self) -> None:
        self._process = spawn(["/usr/sbin/dovecot", "-F", "-c", str(self.root / "dovecot.conf")], self.root / "start.log")

        def ready() -> bool:
            if self._process.poll() is not None:
                raise HarnessError(f"Dovecot ended at start\n{tail(self.root / 'start.log')}\n{tail(self.root / 'dovecot.log')}")
            return self.socket.exists()
        wait_until(ready, 20, "Dovecot's auth socket")

    def stop(self) -> None:
        stop(self._process)


class Bench:
    """A gateway that asks `accounts`."""

    def __init__(self, root: Path, accounts: str, more: str = ""):
        root.mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=gw.company.ru",
                        "-keyout", str(root / "key.pem"), "-out", str(root / "cert.pem")], check=True, capture_output=True)
        port = free_port(OUTSIDE)
        self.root = root
        self.sink = Sink(root / "sink", OUTSIDE, port).start()
        self.gateway = Gateway("gateway", root / "gateway", CONFIG.format(
            data=root / "gateway" / "data", address=OUTSIDE, port=port, root=root, accounts=accounts, more=more)).start()

    def close(self) -> None:
        self.gateway.stop()
        self.sink.stop()

    def log(self) -> str:
        return self.gateway.log.read_text(errors="replace")


def offers(bench: Bench) -> None:
    """No verifiers are there: SCRAM cannot be done."""
    with Client(bench) as client:
        if sorted(client.mechanisms()) != ["LOGIN", "PLAIN"]:
            raise HarnessError(f"offered: {client.mechanisms()}")


def right(bench: Bench) -> None:
    with Client(bench) as client:
        expect(client.plain("ann@company.ru", PASSWORD), 235, "2.7.0")
        auth.arrives(bench, lambda: expect(client.mail("ann@company.ru"), 250, "2."), "submission")


def wrong(bench: Bench) -> None:
    with Client(bench) as client:
        expect(client.plain("ann@company.ru", PASSWORD + "s"), 535, "5.7.8")
        expect(client.plain("nobody@company.ru", PASSWORD), 535, "5.7.8")
        expect(client.plain("ann@company.ru", ""), 535, "5.7.8")
        expect(client.mail("ann@company.ru"), 530, "5.7.0")


def no_answer(bench: Bench, server) -> None:
    """An outage is nobody's failure: 454, not 535, and nothing is counted against the client."""
    server.stop()
    with Client(bench) as client:
        for _ in range(15):
            expect(client.plain("ann@company.ru", PASSWORD), 454, "4.7.0")
    server.start()

    def back() -> bool:
        with Client(bench) as client:
            return client.plain("ann@company.ru", PASSWORD)[0] == 235
    wait_until(back, 20, "the account can log in again")


def clean(bench: Bench) -> None:
    wait_until(lambda: "event=login_failed command=PLAIN account=ann@company.ru" in bench.log(), 20, "the log has a failed login")
    if PASSWORD in bench.log():
        raise HarnessError("a password is in the log")


def cases(name: str, bench: Bench, server) -> dict:
    return {f"{name}: PLAIN and LOGIN are offered, not SCRAM": lambda: offers(bench),
            f"{name}: the right password opens": lambda: right(bench),
            f"{name}: a wrong one does not": lambda: wrong(bench),
            f"{name}: 454 while it is away": lambda: no_answer(bench, server),
            f"{name}: the log has no secret": lambda: clean(bench)}


def main() -> int:
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="postern-auth-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        dovecot = Dovecot(root / "dovecot")
        dovecot.start()
        bench = Bench(root / "a", f"dovecot:{dovecot.socket}")
        try:
            tally.play(cases("Dovecot", bench, dovecot))
        finally:
            bench.close()
            dovecot.stop()
        slapd = Slapd("ldap", root / "slapd", WORKSPACE, free_port(WORKSPACE))
        slapd.add(person("ann", "ann@company.ru").rstrip("\n") + f"\nuserPassword: {PASSWORD}\n\n")
        slapd.start()
        bench = Bench(root / "b", "ldap:people",
                      f'[[directory]]\nname = "people"\nkind = "ldap"\nservers = ["{slapd.url}"]\nbase = "{BASE}"\n'
                      'filter = "(mail={address})"\nattributes = []\n')
        try:
            tally.play(cases("LDAP", bench, slapd))
        finally:
            bench.close()
            slapd.stop()
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
