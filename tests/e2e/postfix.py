# SPDX-License-Identifier: Apache-2.0
"""A Postfix of our own: own configuration, queue and log under one folder, beside any Postfix of the system."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

from process import HarnessError, spawn, stop, tail, wait_until

# Owner of the Maildirs. A number that no account needs to have.
MAIL_ID = 65000

_QUEUES = ("maildrop", "incoming", "active", "deferred", "hold")

_MAIN = {
    "compatibility_level": "3.6",
    "inet_protocols": "ipv4",
    "mydestination": "",
    "alias_maps": "",
    "alias_database": "",
    "local_recipient_maps": "",
    "local_transport": "error:this server has no local users",
    "recipient_delimiter": "+",
    "virtual_mailbox_domains": "",
    "virtual_alias_domains": "",
    "virtual_mailbox_limit": "0",
    "mailbox_size_limit": "0",
    "message_size_limit": "209715200",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
    "smtpd_peername_lookup": "no",
    "smtpd_client_connection_count_limit": "0",
    "smtpd_tls_security_level": "none",
    "smtp_tls_security_level": "none",
    "smtp_dns_support_level": "disabled",
    "smtp_host_lookup": "native",
    # An idle connection to the gateway would look like a letter in flight.
    "smtp_connection_cache_on_demand": "no",
    # A refused recipient comes again within seconds, not minutes.
    "queue_run_delay": "1s",
    "minimal_backoff_time": "1s",
    "maximal_backoff_time": "2s",
    "in_flow_delay": "0",
    "biff": "no",
    "notify_classes": "",
    "virtual_uid_maps": f"static:{MAIL_ID}",
    "virtual_gid_maps": f"static:{MAIL_ID}",
}

_MASTER = """\
{listen} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One instance. `tables` are texthash maps, written as NAME in its configuration folder and named by `table(NAME)`."""

    def __init__(self, name: str, root: Path, address: str, port: int):
        self.name = name
        self.address = address
        self.port = port
        self.config = root / "etc"
        self.queue = root / "queue"
        self.data = root / "data"
        self.log = root / "mail.log"
        self.mail = root / "mail"
        self.main = dict(_MAIN)
        self.services = ""
        self.launcher: list[str] = []  # what starts it, such as env with its variables
        self._tables: dict[str, dict[str, str]] = {}
        self._master = None
        for folder in (self.config, self.queue, self.data, self.mail):
            folder.mkdir(parents=True)
        shutil.chown(self.data, "postfix")
        os.chown(self.mail, MAIL_ID, MAIL_ID)

    def table(self, name: str, entries: dict[str, str]) -> str:
        self._tables[name] = entries
        return f"texthash:{self.config}/{name}"

    def tables(self, name: str) -> dict[str, str]:
        """The entries of a table, to be changed."""
        return self._tables[name]

    def write(self) -> None:
        """Writes the configuration; after start() a reload() is needed."""
        for name, entries in self._tables.items():
            text = "".join(f"{key} {value}\n" for key, value in entries.items())
            (self.config / name).write_text(text)
        own = {
            "queue_directory": str(self.queue),
            "data_directory": str(self.data),
            "maillog_file": str(self.log),
            "maillog_file_prefixes": str(self.log.parent),
            "virtual_mailbox_base": str(self.mail),
            # Where it listens is master.cf's matter. Postfix takes no address here that no interface has, and all of 127/8
            # can be bound without being one.
            "inet_interfaces": "loopback-only",
            "smtp_bind_address": self.address,
        }
        text = "".join(f"{key} = {value}\n" for key, value in (own | self.main).items())
        (self.config / "main.cf").write_text(text)
        master = _MASTER.format(listen=f"{self.address}:{self.port}") + self.services
        (self.config / "master.cf").write_text(master)

    def start(self) -> None:
        self.write()
        command = [*self.launcher, "/usr/sbin/postfix", "-c", str(self.config), "start-fg"]
        self._master = spawn(command, self.log.with_name("start.log"))

        def accepts() -> bool:
            if self._master.poll() is not None:
                raise HarnessError(f"{self.name}: Postfix ended at start\n{self._why()}")
            with socket.socket() as probe:
                return probe.connect_ex((self.address, self.port)) == 0

        try:
            wait_until(accepts, 20, f"{self.name}: Postfix accepts connections on {self.address}:{self.port}")
        except HarnessError as error:
            raise HarnessError(f"{error}\n{self._why()}") from None

    @property
    def process(self) -> subprocess.Popen:
        return self._master

    def stop(self) -> None:
        if self._master is None or self._master.poll() is not None:
            return
        # The orderly way first: it also ends the daemons that master has started.
        subprocess.run(["/usr/sbin/postfix", "-c", str(self.config), "stop"], check=False, timeout=30,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stop(self._master)

    def queued(self) -> int:
        """Messages in any queue, half received ones included. The folders are read since postqueue does not show those."""
        return sum(len(files) for queue in _QUEUES for _, _, files in os.walk(self.queue / queue))

    def queue_listing(self) -> str:
        shown = subprocess.run(["/usr/sbin/postqueue", "-c", str(self.config), "-j"], capture_output=True, text=True,
                               check=False, timeout=20)
        return (shown.stdout + shown.stderr).strip()

    def drop_queue(self) -> None:
        """Throws away what a failed scenario left, so that it cannot disturb the next one."""
        subprocess.run(["/usr/sbin/postsuper", "-c", str(self.config), "-d", "ALL"], capture_output=True, check=False,
                       timeout=20)

    def log_lines(self, *needles: str) -> list[str]:
        """Lines of the log that hold one of the needles, and the other lines of the same queue ids, in order."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        ids = set()
        for line in lines:
            if any(needle in line for needle in needles):
                parts = line.split("]: ", 1)[-1].split(": ", 1)
                if len(parts) == 2 and parts[0].isalnum() and parts[0] != "NOQUEUE":
                    ids.add(parts[0])
        wanted = [*needles, *(f"{queue_id}:" for queue_id in ids)]
        return [line for line in lines if any(needle in line for needle in wanted)]

    def _why(self) -> str:
        return tail(self.log.with_name("start.log")) + "\n" + tail(self.log)
