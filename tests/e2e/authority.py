# SPDX-License-Identifier: Apache-2.0
"""A certificate authority for a test, by the openssl program."""

import ssl
import subprocess
from pathlib import Path

from process import expect


class Authority:
    """`certificate` is the PEM file to trust."""

    def __init__(self, root: Path, name: str = "ca"):
        self._root = root
        self._name = name
        root.mkdir(parents=True, exist_ok=True)
        self.certificate = root / f"{name}.pem"
        self._openssl("req", "-x509", *_NEW_KEY, "-days", "2", "-subj", f"/CN=Test {name}", "-keyout", f"{name}.key",
                      "-out", f"{name}.pem", "-addext", "keyUsage=critical,keyCertSign")

    def context(self, *names: str, days: int = 2) -> ssl.SSLContext:
        """For a server whose certificate is for these host names."""
        stem = names[0].replace("*", "_")
        (self._root / f"{stem}.ext").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
        self._openssl("req", *_NEW_KEY, "-subj", f"/CN={names[0]}", "-keyout", f"{stem}.key", "-out", f"{stem}.csr")
        self._openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", f"{self._name}.pem", "-CAkey", f"{self._name}.key",
                      "-days", str(days), "-extfile", f"{stem}.ext", "-CAcreateserial", "-out", f"{stem}.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._root / f"{stem}.pem", self._root / f"{stem}.key")
        return context

    def _openssl(self, *words: str) -> None:
        run = subprocess.run(["openssl", *words], cwd=self._root, capture_output=True, text=True, check=False, timeout=60)
        expect(run.returncode == 0, f"openssl {words[0]}: {run.stderr}")


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
