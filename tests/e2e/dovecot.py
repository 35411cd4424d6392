# SPDX-License-Identifier: Apache-2.0
"""A Dovecot of our own that does one thing: LMTP on a Unix socket, delivering into Maildirs."""

from pathlib import Path

from postfix import MAIL_ID
from process import HarnessError, spawn, stop, tail, wait_until

_CONFIG = """\
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
protocols = lmtp
ssl = no
first_valid_uid = {uid}
first_valid_gid = {uid}
mail_location = maildir:{mail}/%n
recipient_delimiter = +
service lmtp {{
  unix_listener {socket} {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
protocol lmtp {{
  auth_username_format = %Ln
}}
passdb {{
  driver = passwd-file
  args = username_format=%Ln {root}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%Ln {root}/users
}}
"""


class Dovecot:
    """`users` are the local parts that have a mailbox; LMTP refuses every other."""

    def __init__(self, root: Path, mail: Path, users: list[str]):
        self._root = root
        self._mail = mail
        self._users = users
        self._process = None
        self.socket = root / "lmtp"
        root.mkdir(parents=True)

    def start(self) -> None:
        config = self._root / "dovecot.conf"
        config.write_text(_CONFIG.format(root=self._root, mail=self._mail, socket=self.socket, uid=MAIL_ID))
        users = "".join(f"{user}:{{PLAIN}}x:{MAIL_ID}:{MAIL_ID}::{self._mail}/{user}::\n" for user in self._users)
        (self._root / "users").write_text(users)
        self._process = spawn(["/usr/sbin/dovecot", "-F", "-c", str(config)], self._root / "start.log")

        def ready() -> bool:
            if self._process.poll() is not None:
                raise HarnessError(f"V: Dovecot ended at start\n{self._why()}")
            return self.socket.exists()

        wait_until(ready, 20, "V: Dovecot's LMTP socket")

    def stop(self) -> None:
        stop(self._process)

    def _why(self) -> str:
        return tail(self._root / "start.log") + "\n" + tail(self._root / "dovecot.log")
