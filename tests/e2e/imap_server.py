# SPDX-License-Identifier: Apache-2.0
"""A Dovecot of our own that shows Maildirs over IMAP, in clear and by TLS, whoever delivers into them, and delivers by LMTP
itself into those that nobody else does."""

import imaplib
import os
from pathlib import Path

import ports
from pki import Pair
from postfix import MAIL_ID
from process import HarnessError, spawn, stop, tail, wait_until

PASSWORD = "a password of tests"

_CONFIG = """\
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
protocols = imap lmtp
first_valid_uid = {uid}
first_valid_gid = {uid}
disable_plaintext_auth = no
auth_failure_delay = 0
auth_username_format = %Lu
ssl = {ssl}
{certificate}
recipient_delimiter = +
service imap-login {{
  chroot =
  inet_listener imap {{
    address = {address}
    port = {port}
  }}
  inet_listener imaps {{
    address = {address}
    port = {tls_port}
    ssl = {ssl}
  }}
}}
service lmtp {{
  unix_listener {root}/lmtp {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
  # No pause for whoever has failed to log in: all clients of a test have one address.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = {root}/users
}}
userdb {{
  driver = passwd-file
  args = {root}/users
}}
"""


class ImapServer:
    """`boxes`: who logs in, and the Maildir that he sees."""

    def __init__(self, root: Path, address: str, boxes: dict[str, Path], pair: Pair | None = None):
        self.address = address
        self.port = ports.free_port(address)
        self.tls_port = ports.free_port(address)
        self.lmtp = root / "lmtp"
        self.password_file = root / "password"
        self._root = root
        self._boxes = boxes
        self._pair = pair
        self._process = None
        root.mkdir(parents=True)
        self.password_file.write_text(PASSWORD + "\n")

    def start(self) -> None:
        pair = self._pair
        certificate = f"ssl_cert = <{pair.cert}\nssl_key = <{pair.key}" if pair else ""
        config = self._root / "dovecot.conf"
        config.write_text(_CONFIG.format(root=self._root, uid=MAIL_ID, address=self.address, port=self.port,
                                         tls_port=self.tls_port, ssl="yes" if pair else "no", certificate=certificate))
        lines = []
        for user, maildir in self._boxes.items():
            index = self._root / "index" / user
            index.mkdir(parents=True)
            for folder in (index, index.parent):
                os.chown(folder, MAIL_ID, MAIL_ID)
            lines.append(f"{user}:{{PLAIN}}{PASSWORD}:{MAIL_ID}:{MAIL_ID}::{index}::"
                         f"userdb_mail=maildir:{maildir}:INDEX={index}:CONTROL={index}\n")
        (self._root / "users").write_text("".join(lines))
        self._process = spawn(["/usr/sbin/dovecot", "-F", "-c", str(config)], self._root / "start.log")

        def ready() -> bool:
            if self._process.poll() is not None:
                raise HarnessError(f"Dovecot ended at start\n{self._why()}")
            try:
                with imaplib.IMAP4(self.address, self.port, timeout=5) as client:
                    client.noop()
                return self.lmtp.exists()
            except (OSError, imaplib.IMAP4.error):
                return False     # nobody listens yet, or login processes that cannot serve yet end the connection

        wait_until(ready, 20, "Dovecot answers over IMAP")

    def stop(self) -> None:
        stop(self._process)

    def count(self, user: str, needle: str) -> int:
        """Letters in the mailbox that hold it."""
        with imaplib.IMAP4(self.address, self.port, timeout=20) as client:
            client.login(user, PASSWORD)
            client.select(readonly=True)
            return len(client.search(None, "TEXT", f'"{needle}"')[1][0].split())

    def make_folder(self, user: str, name: str) -> None:
        with imaplib.IMAP4(self.address, self.port, timeout=20) as client:
            client.login(user, PASSWORD)
            client.create(name)

    def unread(self, user: str) -> int:
        with imaplib.IMAP4(self.address, self.port, timeout=20) as client:
            client.login(user, PASSWORD)
            client.select(readonly=True)
            return len(client.search(None, "UNSEEN")[1][0].split())

    def _why(self) -> str:
        return tail(self._root / "start.log") + "\n" + tail(self._root / "dovecot.log")
