# SPDX-License-Identifier: Apache-2.0
"""TLS for smtp-source and smtp-sink, which have none: a stunnel on either side of a system, which speaks STARTTLS for them. It
is the same for each system, and no part of any system's account."""

import os
import subprocess
from pathlib import Path

from ports import free_port
from process import spawn, stop, wait_until

_CONFIG = """\
foreground = yes
pid =
syslog = no
debug = 3
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[source]
client = yes
protocol = smtp
accept = {address}:{source}
connect = {address}:{server}
[sink]
protocol = smtp
accept = {address}:{hop}
connect = {address}:{sink}
cert = {folder}/cert.pem
key = {folder}/key.pem
"""


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Certificate and key for both ends, ECDSA P-256."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    if not cert.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=gw.bench.example", "-addext", "subjectAltName=DNS:gw.bench.example", "-keyout", str(key),
                        "-out", str(cert)], check=True, capture_output=True)
        key.chmod(0o644)  # each system reads it under its own account
    return cert, key


class Tunnels:
    """`hop` is where the system sends to, by STARTTLS; `open()` gives the port where the source sends to, in plain."""

    def __init__(self, folder: Path, name: str, address: str, sink: int):
        self._folder = folder
        self._config = folder / f"{name}.stunnel.conf"
        self._address = address
        self._sink = sink
        self._process: subprocess.Popen | None = None
        self.hop = free_port(address)
        make_certificate(folder)

    def open(self, server: int) -> int:
        """`server`: where the system listens."""
        source = free_port(self._address)
        self._config.write_text(_CONFIG.format(address=self._address, source=source, server=server, hop=self.hop, sink=self._sink,
                                               folder=self._folder))
        self._process = spawn(["stunnel", str(self._config)], Path(os.devnull))
        wanted = {f":{port:04X}" for port in (source, self.hop)}

        def both_listen() -> bool:
            with open("/proc/net/tcp", encoding="ascii") as table:
                found = {fields[1][-5:] for fields in map(str.split, table) if fields[3] == "0A"}
            return wanted <= found
        wait_until(both_listen, 10, "stunnel listens")
        return source

    def stop(self) -> None:
        stop(self._process)
