# SPDX-License-Identifier: Apache-2.0
"""The parties of tls_policies.py: postern, a Postfix with a port for each certificate, Dovecot's submission service."""

import re
import smtplib
import subprocess
from pathlib import Path

from certificates import Authority, Pair, self_signed
from gateway import Gateway, executable
from ports import EXCHANGE, OUTSIDE, WORKSPACE, free_port
from postfix import Postfix
from process import HarnessError, spawn, stop, tail, wait_until
from sink import Sink

NAMES = f"DNS:mx.company.ru,IP:{EXCHANGE},IP:{WORKSPACE}"
PASSWORD = "the relay's own: secret"
POLICIES = ("may", "encrypt", "verify", "pinned")

# Postfix's TLS needs it, as server and as client.
TLSMGR = "tlsmgr unix - - n 1000? 1 tlsmgr\n"

CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"

[[listener]]
name = "mx"
bind = "127.0.0.1:0"
tls = "starttls"
delivery = "queue"

[tls]
certificates = [{{ cert = "{pair.certificate}", key = "{pair.key}" }}]

[relay]
allow_without_auth = ["127.0.0.0/8"]

[retry]
first = "1h"
max = "1h"
"""

HOP = """
[[next_hop]]
name = "{name}"
hosts = ["{address}:{port}"]
tls = "{level}"
{more}

[[route]]
domains = ["{name}.test"]
via = "{name}"
"""

DOVECOT = """\
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
protocols = submission
ssl = required
ssl_cert = <{good.certificate}
ssl_key = <{good.key}
auth_mechanisms = plain
hostname = mx.company.ru
mail_location = maildir:{root}/mail
first_valid_uid = 1
submission_relay_host = {relay[0]}
submission_relay_port = {relay[1]}
submission_relay_ssl = no
listen = {address}
service submission-login {{
  chroot =
  inet_listener submission {{
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
local {address} {{
  ssl_cert = <{pair.certificate}
  ssl_key = <{pair.key}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {root}/users
}}
userdb {{
  driver = static
  args = uid=65000 gid=65000 home={root}/mail
}}
"""


class Dovecot:
    """Its submission service, which gives what it takes to `relay`."""

    def __init__(self, root: Path, pair: Pair, good: Pair, relay: tuple[str, int]):
        self.root = root
        self.port = free_port(WORKSPACE)
        self._process = None
        root.mkdir()
        (root / "mail").mkdir(mode=0o777)
        (root / "mail").chmod(0o777)
        (root / "users").write_text(f"relay:{{PLAIN.HEX}}{PASSWORD.encode().hex()}\n")
        (root / "dovecot.conf").write_text(DOVECOT.format(root=root, address=WORKSPACE, port=self.port, pair=pair,
                                                          good=good, relay=relay))

    def start(self) -> "Dovecot":
        self._process = spawn(["/usr/sbin/dovecot", "-F", "-c", str(self.root / "dovecot.conf")], self.root / "start.log")

        def answers() -> bool:
            if self._process.poll() is not None:
                raise HarnessError(f"Dovecot ended at start\n{tail(self.root / 'start.log')}\n{tail(self.root / 'dovecot.log')}")
            try:
                with smtplib.SMTP(WORKSPACE, self.port, timeout=5) as client:
                    return client.noop()[0] == 250
            except (OSError, smtplib.SMTPException):
                return False
        wait_until(answers, 20, f"Dovecot answers\n{tail(self.root / 'dovecot.log')}")
        return self

    def stop(self) -> None:
        stop(self._process)


class Bench:
    """All parties. `pairs` are the certificates by name."""

    def __init__(self, root: Path):
        self.root = root
        authority_root, other_root = root / "ca", root / "other"
        authority_root.mkdir()
        other_root.mkdir()
        self.authority = Authority(authority_root)
        self.pairs = {
            "good": self.authority.issue("good", NAMES),
            "expired": self.authority.issue("expired", NAMES, expired=True),
            "wrongname": self.authority.issue("wrongname", "DNS:mx.other.ru"),
            "selfsigned": self_signed(root, "selfsigned", NAMES),
        }
        self.other = Authority(other_root)
        self.pairs["untrusted"] = self.other.issue("untrusted", NAMES)
        self.watched = root / "watched.pem"
        self.ours = self.authority.issue("gw", "DNS:gw.company.ru")
        self.postfix, self.ports = self._postfix()
        self.sink = Sink(root / "sink", OUTSIDE, free_port(OUTSIDE)).start()
        relay = (OUTSIDE, self.sink.port)
        self.dovecots = {name: Dovecot(root / f"dovecot-{name}", self.pairs[name], self.pairs["good"], relay)
                         for name in ("good", "wrongname", "selfsigned")}
        self.gateway = Gateway("gateway", root / "gateway", self._config())

    def _postfix(self) -> tuple[Postfix, dict[str, int]]:
        """One smtpd a certificate."""
        postfix = Postfix("X", self.root / "postfix", EXCHANGE, free_port(EXCHANGE))
        ports = {name: free_port(EXCHANGE) for name in self.pairs} | {"nostarttls": postfix.port}
        postfix.services = TLSMGR
        for name, pair in self.pairs.items():
            postfix.services += (f"{EXCHANGE}:{ports[name]} inet n - n - - smtpd -o smtpd_tls_security_level=may "
                                 f"-o smtpd_tls_chain_files={pair.key},{pair.certificate} -o smtpd_tls_loglevel=1\n")
        postfix.main |= {"mynetworks": "127.0.0.0/8", "default_transport": "discard:", "relay_transport": "discard:"}
        return postfix, ports

    def _config(self) -> str:
        text = CONFIG.format(data=self.root / "gateway" / "data", pair=self.ours)
        (self.root / "password").write_text(PASSWORD + "\n")
        login = f'user = "relay"\npassword = "file:{self.root}/password"\n'
        trusted = f'tls_ca = "{self.authority.certificate}"\n'
        for name, port in self.ports.items():
            pair = self.pairs.get(name, self.pairs["good"])
            pinned = f'tls_pins = ["sha256:{pair.fingerprint()}"]\n'
            for policy in POLICIES:
                more = {"verify": trusted, "pinned": pinned}.get(policy, "")
                level = {"pinned": "verify"}.get(policy, policy)
                text += HOP.format(name=f"{name}-{policy}", address=EXCHANGE, port=port, level=level, more=more)
            text += HOP.format(name=f"{name}-waived", address=EXCHANGE, port=port, level="verify",
                               more=trusted + "honour_tls_required_no = true\n")
        self.watched.write_bytes(self.authority.certificate.read_bytes())
        text += HOP.format(name="watched", address=EXCHANGE, port=self.ports["untrusted"], level="verify",
                           more=f'tls_ca = "{self.watched}"\n')
        for name, dovecot in self.dovecots.items():
            pinned = f'tls_pins = ["sha256:{self.pairs[name].fingerprint()}"]\n'
            for policy, level, more in (("verify", "verify", trusted), ("encrypt", "encrypt", ""),
                                        ("pinned", "verify", pinned)):
                text += HOP.format(name=f"dovecot-{name}-{policy}", address=WORKSPACE, port=dovecot.port, level=level,
                                   more=more + login)
        return text

    def start(self) -> "Bench":
        for dovecot in self.dovecots.values():
            dovecot.start()
        self.postfix.start()
        self.gateway.start()
        return self

    def close(self) -> None:
        self.gateway.stop()
        self.postfix.stop()
        for dovecot in self.dovecots.values():
            dovecot.stop()
        self.sink.stop()

    def send(self, recipients: list[str], fields: str = "") -> None:
        with smtplib.SMTP(*self.gateway.endpoints["mx"], timeout=30) as client:
            for recipient in recipients:
                client.sendmail("ann@client.example", [recipient], f"Subject: t\r\n{fields}\r\nhello\r\n")

    def outcome(self, name: str) -> str:
        """The last line that the log has of the letter to that next hop, once it was tried."""
        def lines() -> list[str]:
            return [line for line in self.gateway.log_lines(f"to=<user@{name}.test>") if "outcome=queued" not in line]
        wait_until(lambda: bool(lines()), 20, f"{name}: the letter was tried")
        return lines()[-1]

    def shown(self, name: str) -> str:
        """What `postern queue show` says of the letter that waits for that next hop."""
        letter = re.search(r"letter id=(\S+)", self.outcome(name))[1]
        run = subprocess.run([str(executable()), "queue", "show", letter, "--config", str(self.gateway.config)],
                             capture_output=True, text=True, check=False, timeout=30)
        return run.stdout + run.stderr
