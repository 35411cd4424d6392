# SPDX-License-Identifier: Apache-2.0
"""The systems that are measured: postern in each mode, Debian's Postfix, and nothing at all between source and sink."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "e2e"))

from gateway import Gateway  # noqa: E402
from measure import Account  # noqa: E402
from ports import free_port  # noqa: E402
from postfix import Postfix  # noqa: E402
from process import spawn, stop, wait_until  # noqa: E402
from sync_count import ENVIRONMENT, SyncCount  # noqa: E402
from tunnels import Tunnels, make_certificate  # noqa: E402

ADDRESS = "127.0.0.1"
SENDER = "a@x.example"
RECIPIENT = "b@d.example"
CONNECTIONS = 100    # to the next hop, of either system
DELIVERIES = {"postern-queue": "queue", "postern-auto": "auto", "postern-cut_through": "cut_through"}
SYSTEMS = ("postfix", *DELIVERIES)
# Postfix makes a connection a message by default where there is TLS; this one keeps them, by its tlsproxy.
REUSING = "postfix-reuse"

_POSTERN = """\
hostname = "gw.bench.example"
data_dir = "{root}/data"
[[listener]]
name = "mx"
bind = "{address}:0"
delivery = "{delivery}"
[relay]
allow_without_auth = ["127.0.0.0/8"]
[limits]
sessions_per_client = 2000
messages_per_session = 1000000
[routing]
trace_key = "a key for benchmarks, of 32 octets"
[log]
file = "{log}"
[retry]
first = "1s"
max = "{longest_pause}s"
"""

_HOP = """\
[[next_hop]]
name = "{name}"
hosts = ["{address}:{port}"]
# The source is at the sink's address, and would be taken for it (R7).
sources = ["192.0.2.1"]
tls = "none"
max_connections = {connections}
max_messages = 1000000
[[route]]
domains = ["{domain}"]
via = "{name}"
"""

# What differs from Debian's defaults; tests/e2e/postfix.py has settings for tests, some of which cost time.
_POSTFIX = {
    "mynetworks": "127.0.0.0/8",
    "default_process_limit": "200",
    "smtpd_client_connection_count_limit": "0",
    "smtpd_client_connection_rate_limit": "0",
    "smtpd_client_message_rate_limit": "0",
    "smtpd_client_recipient_rate_limit": "0",
    "smtpd_client_event_limit_exceptions": "static:all",
    "in_flow_delay": "0",
    "default_destination_concurrency_limit": str(CONNECTIONS),
    "smtp_destination_concurrency_limit": str(CONNECTIONS),
    "maillog_file": "/dev/null",
    "maillog_file_prefixes": "/dev",
    # A process that ended would take its counters along. It saves Postfix some forks.
    "max_use": "1000000",
    "max_idle": "1h",
}
_POSTFIX_TLS = {
    "smtpd_tls_security_level": "may",
    "smtp_tls_security_level": "encrypt",
    "smtpd_tls_loglevel": "0",
    "smtp_tls_session_cache_database": "btree:$data_directory/smtp_scache",
}
_TLSMGR = "tlsmgr unix - - n 1000? 1 tlsmgr\n"
_TLSPROXY = "tlsproxy unix - - n - 0 tlsproxy\n"
_POSTFIX_DEFAULTS = ("smtp_connection_cache_on_demand", "queue_run_delay", "minimal_backoff_time", "maximal_backoff_time")


class Sink:
    """smtp-sink, and how many messages it has. Its counter goes to a file in memory, so that nobody has to read along."""

    def __init__(self, name: str, folder: Path, port: int | None = None, address: str = ADDRESS):
        self.port = port or free_port(address)
        memory = Path("/dev/shm")
        folder = memory if memory.is_dir() and os.access(memory, os.W_OK) else folder
        self._counter = folder / f"postern-bench-{os.getpid()}-{name}"
        self._counter.write_bytes(b"")
        with open(self._counter, "ab") as counter:
            self._process = spawn(["smtp-sink", "-u", "nobody", "-c", "-m", "2000", f"{address}:{self.port}", "1024"],
                                  Path(os.devnull), stdout=counter, stderr=subprocess.DEVNULL)
        wait_until(lambda: listens(self.port), 10, "smtp-sink listens")

    def count(self) -> int:
        with open(self._counter, "rb") as counter:
            counter.seek(max(0, counter.seek(0, os.SEEK_END) - 200))
            found = re.findall(rb"mesg=(\d+)\r", counter.read())
        return int(found[-1]) if found else 0

    def last(self) -> float:
        """When the counter last changed, as time.time()."""
        return self._counter.stat().st_mtime

    def stop(self) -> None:
        stop(self._process)
        self._counter.unlink(missing_ok=True)


def listens(port: int) -> bool:
    """Read from the kernel: a probing connection would be a session to the server."""
    wanted = f":{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        return any(fields[1].endswith(wanted) and fields[3] == "0A" for fields in map(str.split, table))


class Measured:
    """What one_run.run() wants of a system: name, port, account and sink, and this."""

    name: str
    port: int
    account: Account | None
    sink: Sink

    def syncs(self) -> int:
        """Calls so far that make data durable; 0 where they are not counted."""
        return 0


class System(Measured):
    """One running system, its account, its syncs, and its own sink."""

    def __init__(self, name: str, folder: Path, tls: bool = False):
        self.name = name
        self.account: Account | None = None
        self._server: Gateway | Postfix | None = None
        self._syncs: SyncCount | None = None
        self.sink = Sink(name, folder)
        self._tunnels = Tunnels(folder, name, ADDRESS, self.sink.port) if tls else None
        hop = self._tunnels.hop if self._tunnels else self.sink.port
        self.port = hop
        if name == "direct":
            self._open_tunnels()
            return
        root = folder / name
        self.account = Account(name)
        self._syncs = SyncCount(folder / f"{name}.syncs")
        try:
            with self.account.entered():
                if name in ("postfix", REUSING):
                    self._server = postfix(root, hop, self._syncs.launcher, tls, name == REUSING)
                    self.port = self._server.port
                else:
                    hops = {"sink": (RECIPIENT.partition("@")[2], hop)}
                    self._server = postern(root, DELIVERIES[name], hops, self._syncs.launcher, tls=tls)
                    self.port = self._server.endpoints["mx"][1]
            self._open_tunnels()
        except BaseException:
            self.stop()
            raise
        self.root = root

    def _open_tunnels(self) -> None:
        if self._tunnels:
            self.port = self._tunnels.open(self.port)

    def syncs(self) -> int:
        return self._syncs.calls() if self._syncs else 0

    def stop(self) -> None:
        try:
            if self._server:
                self._server.stop()
        finally:
            if self._tunnels:
                self._tunnels.stop()
            self.sink.stop()
            if self.account:
                self.account.close()
            if self._server:
                shutil.rmtree(self.root, ignore_errors=True)


def postern(root: Path, delivery: str, hops: dict[str, tuple[str, int]], launcher: list[str] | None = None,
            log: str | Path = "/dev/null", longest_pause: int = 2, tls: bool = False,
            listener_tls: str = "starttls") -> Gateway:
    """Started, with next hops {name: (domain, port)}. `longest_pause`: seconds between attempts. `tls`: on both sides."""
    text = _POSTERN.format(root=root, address=ADDRESS, delivery=delivery, log=log, longest_pause=longest_pause)
    text += "".join(_HOP.format(name=name, address=ADDRESS, port=port, domain=domain, connections=CONNECTIONS)
                    for name, (domain, port) in hops.items())
    if tls:
        cert, key = make_certificate(root.parent)
        text = text.replace('name = "mx"\n', f'name = "mx"\ntls = "{listener_tls}"\n').replace('tls = "none"', 'tls = "encrypt"')
        text += f'[tls]\ncertificates = [{{ cert = "{cert}", key = "{key}" }}]\n'
    server = Gateway("postern", root, text)
    server.launcher = launcher or []
    return server.start()


def postfix(root: Path, sink: int, launcher: list[str] | None = None, tls: bool = False, reuse: bool = False,
            more: dict[str, str] | None = None) -> Postfix:
    """`more`: settings that stand in place of those of _POSTFIX."""
    server = Postfix("postfix", root, ADDRESS, free_port(ADDRESS))
    server.launcher = launcher or []
    for name in _POSTFIX_DEFAULTS:
        del server.main[name]
    server.main |= _POSTFIX | {"relayhost": f"[{ADDRESS}]:{sink}",
                               "import_environment": f"MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C {' '.join(ENVIRONMENT)}"}
    if tls:
        cert, key = make_certificate(root.parent)
        server.main |= _POSTFIX_TLS | {"smtpd_tls_cert_file": str(cert), "smtpd_tls_key_file": str(key),
                                       "smtp_tls_connection_reuse": "yes" if reuse else "no"}
        server.services += _TLSMGR + _TLSPROXY
    server.main |= more or {}
    server.start()
    return server
