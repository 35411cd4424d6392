# SPDX-License-Identifier: Apache-2.0
"""What auth.py logs in at and with: a gateway with accounts, and a client that knows PLAIN and SCRAM."""

import base64
import hashlib
import hmac
import secrets
import smtplib
import subprocess
from pathlib import Path

from gateway import Gateway, executable
from pki import insecure
from ports import OUTSIDE, free_port
from process import HarnessError
from sink import Sink

OWNER = "127.0.3.1"        # where ann logs in from
PASSWORD = "correct horse, battery: staple"
BOB_PASSWORD = "bob's own secret 9"

CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"

[[listener]]
name = "submission"
bind = "127.0.0.1:0"
role = "submission"
tls = "starttls"

[[listener]]
name = "submissions"
bind = "127.0.0.1:0"
role = "submission"
tls = "implicit"

[[listener]]
name = "mx"
bind = "127.0.0.1:0"
role = "mx"
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
accounts = "file:{root}/accounts"
senders = "file:{root}/senders"
failures_per_client = "{per_client}"
failures_per_account = "{per_account}"
failure_delay = "{delay}"
"""

LETTER = b"Subject: a letter\r\n\r\nIt is short.\r\n"


class Bench:
    """The gateway with accounts that `postern passwd` has made, and a next hop that takes everything."""

    def __init__(self, root: Path, per_client: str = "1000 in 10m", per_account: str = "1000 in 10m", delay: str = "0s"):
        self.root = root
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=gw.company.ru",
                        "-keyout", str(root / "key.pem"), "-out", str(root / "cert.pem")], check=True, capture_output=True)
        self.passwd("ann@company.ru", PASSWORD, "--scram")
        self.passwd("bob", BOB_PASSWORD, "--scram", "--method", "sha512")
        (root / "senders").write_text("bob bob@company.ru @news.company.ru\n")
        port = free_port(OUTSIDE)
        self.sink = Sink(root / "sink", OUTSIDE, port).start()
        config = CONFIG.format(data=root / "gateway" / "data", address=OUTSIDE, port=port, root=root, per_client=per_client,
                               per_account=per_account, delay=delay)
        self.gateway = Gateway("gateway", root / "gateway", config).start()

    def passwd(self, name: str, password: str, *more: str) -> None:
        command = [str(executable()), "passwd", "--file", str(self.root / "accounts"), *more, name]
        done = subprocess.run(command, input=password + "\n", capture_output=True, text=True, check=False, timeout=30)
        if done.returncode != 0:
            raise HarnessError(f"passwd: {done.stdout}{done.stderr}")

    def close(self) -> None:
        self.gateway.stop()
        self.sink.stop()

    def log(self) -> str:
        return self.gateway.log.read_text(errors="replace")


class Client:
    """smtplib from an address of our choice, in TLS, behind EHLO."""

    def __init__(self, bench: Bench, client: str = OWNER, listener: str = "submission", tls: bool = True):
        address, port = bench.gateway.endpoints[listener]
        if listener == "submissions":
            self.smtp = smtplib.SMTP_SSL(address, port, local_hostname="c.example", timeout=60, source_address=(client, 0),
                                         context=insecure())
        else:
            self.smtp = smtplib.SMTP(address, port, local_hostname="c.example", timeout=60, source_address=(client, 0))
            if tls:
                self.smtp.starttls(context=insecure())
        self.smtp.ehlo()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.smtp.close()

    def mechanisms(self) -> list[str]:
        return self.smtp.esmtp_features.get("auth", "").split()

    def plain(self, name: str, password: str) -> tuple[int, str]:
        code, text = self.smtp.docmd("AUTH", "PLAIN " + base64.b64encode(f"\0{name}\0{password}".encode()).decode())
        return code, text.decode()

    def scram(self, name: str, password: str, plus: bool = False, binding: bytes | None = None) -> tuple[int, str]:
        """RFC 5802; `plus` binds it to the server's certificate (RFC 5929)."""
        header = b"p=tls-server-end-point,," if plus else b"n,,"
        if binding is None:
            binding = hashlib.sha256(self.smtp.sock.getpeercert(binary_form=True)).digest() if plus else b""
        bare = f"n={name},r={secrets.token_urlsafe(18)}".encode()
        code, text = self.smtp.docmd("AUTH", f"SCRAM-SHA-256{'-PLUS' if plus else ''} " + base64.b64encode(header + bare).decode())
        if code != 334:
            return code, text.decode()
        first = base64.b64decode(text)
        fields = dict(part.split(b"=", 1) for part in first.split(b","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = b"c=" + base64.b64encode(header + binding) + b",r=" + fields[b"r"]
        whole = b",".join([bare, first, without_proof])
        signature = hmac.digest(hashlib.sha256(key).digest(), whole, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature))
        code, text = self.smtp.docmd(base64.b64encode(without_proof + b",p=" + base64.b64encode(proof)).decode())
        if code != 334:
            return code, text.decode()
        of_server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), whole, "sha256")
        if base64.b64decode(text) != b"v=" + base64.b64encode(of_server):
            raise HarnessError("the server does not know the password")
        code, text = self.smtp.docmd("")
        return code, text.decode()

    def mail(self, sender: str, recipient: str = "someone@example.org") -> tuple[int, str]:
        """The first refusal, or the reply to the message."""
        for command in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"):
            code, text = self.smtp.docmd(command)
            if code >= 400:
                return code, text.decode()
        self.smtp.send(LETTER + b".\r\n")
        code, text = self.smtp.getreply()
        return code, text.decode()


def expect(said: tuple[int, str], code: int, status: str) -> None:
    if said[0] != code or not said[1].startswith(status):
        raise HarnessError(f"expected {code} {status}, was told {said}")


def run(command: list[str], status: int = 0, **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=60, **options)
    if (done.returncode == 0) != (status == 0):
        raise HarnessError(f"{command[0]}: status {done.returncode}: {(done.stdout + done.stderr)[-600:]}")
    return done.stdout + done.stderr
