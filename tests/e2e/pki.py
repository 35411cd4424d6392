# SPDX-License-Identifier: Apache-2.0
"""Certificates made for a test by the openssl program: an authority, and what it signs. PEM files, 0600."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    cert: Path
    key: Path

    def fingerprint(self) -> str:
        """SHA-256 as `openssl x509 -fingerprint` prints it, AB:CD:..."""
        return _openssl("x509", "-in", self.cert, "-noout", "-fingerprint", "-sha256").strip().partition("=")[2]

    def move_to(self, other: "Pair") -> None:
        """As a renewal does it: another file under the name, the certificate first."""
        self.cert.rename(other.cert)
        self.key.rename(other.key)

    def toml(self) -> str:
        return f'{{ cert = "{self.cert}", key = "{self.key}" }}'


def insecure() -> ssl.SSLContext:
    """A client's, which takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _openssl(*arguments: object) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


def _key_options(kind: str) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ecdsa" else ["-newkey", "rsa:2048"]


class Authority:
    def __init__(self, root: Path, name: str = "ca"):
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.pair = Pair(root / f"{name}.pem", root / f"{name}.key")
        _openssl("req", "-x509", *_key_options("ecdsa"), "-nodes", "-days", 30, "-subj", f"/CN=test authority {name}",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.pair.key, "-out", self.pair.cert)

    def issue(self, stem: str, names: str, kind: str = "ecdsa", days: int = 90) -> Pair:
        """`names`: "DNS:gw.company.ru,IP:127.0.0.1"; negative `days`: it has expired."""
        pair = Pair(self.root / f"{stem}.pem", self.root / f"{stem}.key")
        request = self.root / f"{stem}.csr"
        extensions = self.root / f"{stem}.ext"
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        _openssl("req", *_key_options(kind), "-nodes", "-subj", f"/CN={stem}", "-keyout", pair.key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.pair.cert, "-CAkey", self.pair.key, "-CAcreateserial",
                 "-days", days, "-extfile", extensions, "-out", pair.cert)
        pair.key.chmod(0o600)
        return pair
