# SPDX-License-Identifier: Apache-2.0
"""A gateway behind a real haproxy, for proxy.py."""

import re
import smtplib
import socket
import subprocess
import urllib.request
from pathlib import Path

from gateway import Gateway
from pki import insecure
from ports import OUTSIDE, free_port
from process import expect, spawn, stop, tail, wait_until
from sink import Sink

BALANCER = "127.0.8.9"
FILTER = "127.0.8.20"     # may say XCLIENT and XFORWARD
OURS = "127.0.3.1"        # may send anywhere
STRANGER = "127.0.3.2"

CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"

[[listener]]
name = "mx"
bind = "127.0.0.1:0"
tls = "starttls"
proxy_protocol = ["127.0.8.9"]
xclient = ["127.0.8.20"]
xforward = ["127.0.8.20"]

[[listener]]
name = "mxs"
bind = "127.0.0.1:0"
tls = "implicit"
proxy_protocol = ["127.0.8.9"]

[[listener]]
name = "submission"
bind = "127.0.0.1:0"
role = "submission"
tls = "starttls"
xclient = ["127.0.8.20"]

[[next_hop]]
name = "out"
hosts = ["{address}:{port}"]

[[domain]]
name = "company.ru"
mailboxes = "out"

[relay]
allow_without_auth = ["127.0.3.1"]

[gateways]
external = ["out"]

[tls]
certificates = [{{ cert = "{root}/cert.pem", key = "{root}/key.pem" }}]

[metrics]
listen = "127.0.0.1:{metrics}"

[limits]
{limits}
"""

HAPROXY = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
"""

SIDE = """
frontend {name}
    bind 127.0.8.9:{port}
    default_backend {name}
backend {name}
    source 127.0.8.9
    {check}
    server g {address}:{to} {options}
"""

LETTER = b"Subject: a letter\r\n\r\nIt is short.\r\n"


class Bench:
    """The gateway, a haproxy before it and a next hop behind it that takes everything."""

    def __init__(self, root: Path, limits: str = ""):
        self.root = root
        root.mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=gw.company.ru", "-keyout", str(root / "key.pem"), "-out", str(root / "cert.pem")],
                       check=True, capture_output=True)
        self.sink = Sink(root / "sink", OUTSIDE, free_port(OUTSIDE)).start()
        self.metrics_port = free_port("127.0.0.1")
        config = CONFIG.format(data=root / "gateway" / "data", address=OUTSIDE, port=self.sink.port, root=root,
                               metrics=self.metrics_port, limits=limits)
        self.gateway = Gateway("gateway", root / "gateway", config).start()
        self.sides: dict[str, tuple[str, int]] = {}
        text = HAPROXY
        for name, listener, options, check in (
                ("v1", "mx", "send-proxy", ""), ("v2", "mx", "send-proxy-v2 proxy-v2-options crc32c check inter 200ms", "option smtpchk EHLO probe.example"),
                ("v1s", "mxs", "send-proxy", ""), ("v2s", "mxs", "send-proxy-v2", ""), ("none", "mx", "", "")):
            self.sides[name] = (BALANCER, free_port(BALANCER))
            address, to = self.gateway.endpoints[listener]
            text += SIDE.format(name=name, port=self.sides[name][1], address=address, to=to, options=options, check=check)
        (root / "haproxy.cfg").write_text(text)
        self._haproxy = spawn(["haproxy", "-db", "-f", str(root / "haproxy.cfg")], root / "haproxy.log")
        for side in self.sides.values():
            wait_until(lambda s=side: self._listens(s), 20, f"haproxy listens\n{tail(root / 'haproxy.log')}")

    def _listens(self, side: tuple[str, int]) -> bool:
        expect(self._haproxy.poll() is None, f"haproxy has ended\n{tail(self.root / 'haproxy.log')}")
        with socket.socket() as probe:
            return probe.connect_ex(side) == 0

    def close(self) -> None:
        stop(self._haproxy)
        self.gateway.stop()
        self.sink.stop()

    def log(self) -> str:
        return self.gateway.log.read_text(errors="replace")

    def page(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=20) as answer:
            return answer.read().decode()

    def number(self, series: str) -> float:
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.page(), re.M)
        return float(found[1]) if found else 0.0


def connect(server: tuple[str, int], client: str, tls: bool = False) -> smtplib.SMTP:
    if tls:
        return smtplib.SMTP_SSL(*server, local_hostname="c.example", timeout=30, source_address=(client, 0), context=insecure())
    return smtplib.SMTP(*server, local_hostname="c.example", timeout=30, source_address=(client, 0))
