# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of our own: certificates that are good, expired, for another name, or signed by nobody known."""

import hashlib
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """\
[ca]
default_ca = own
[own]
dir = {root}
database = {root}/index.txt
serial = {root}/serial
new_certs_dir = {root}
certificate = {root}/ca.pem
private_key = {root}/ca.key
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


@dataclass
class Pair:
    """PEM files."""
    certificate: Path
    key: Path

    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hexadecimal."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate.read_text())).hexdigest()


def _openssl(*words: object) -> None:
    run = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False, timeout=60)
    if run.returncode:
        raise RuntimeError(f"openssl {' '.join(map(str, words))}: {run.stderr}")


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def self_signed(root: Path, stem: str, names: str) -> Pair:
    """`names`: "DNS:mx.company.ru,IP:127.0.0.5"."""
    pair = Pair(root / f"{stem}.pem", root / f"{stem}.key")
    _openssl("req", "-x509", *_KEY, "-days", 2, "-subj", f"/CN={stem}", "-addext", f"subjectAltName={names}", "-keyout",
             pair.key, "-out", pair.certificate)
    return pair


class Authority:
    """`certificate` is the file to trust. Its folder must be there."""

    def __init__(self, root: Path):
        self.root = root
        self.certificate = root / "ca.pem"
        (root / "index.txt").touch()
        (root / "serial").write_text("1000\n")
        (root / "ca.conf").write_text(_CONFIG.format(root=root))
        _openssl("req", "-x509", *_KEY, "-days", 2, "-subj", "/CN=Test authority", "-keyout", root / "ca.key", "-out",
                 self.certificate)

    def issue(self, stem: str, names: str, expired: bool = False) -> Pair:
        pair = Pair(self.root / f"{stem}.pem", self.root / f"{stem}.key")
        request = self.root / f"{stem}.csr"
        _openssl("req", "-new", *_KEY, "-subj", f"/CN={stem}", "-addext", f"subjectAltName={names}", "-keyout", pair.key,
                 "-out", request)
        dates = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z") if expired else ("-days", 2)
        _openssl("ca", "-batch", "-notext", "-config", self.root / "ca.conf", *dates, "-in", request, "-out",
                 pair.certificate)
        return pair
