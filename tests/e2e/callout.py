# SPDX-License-Identifier: Apache-2.0
"""A mailbox server that is asked who exists (`smtp:`): Postfix, which refuses recipients that it does not know."""

import subprocess
from pathlib import Path

import ports
from postfix import Postfix

ADDRESS = "127.0.1.20"    # a server of V's beside the one that gets the mail


class CalloutDirectory:
    """directories.Directory. V itself knows more than the scenarios' directory may, hence a server of its own."""

    def __init__(self, root: Path, domain: str, users: list[str]):
        self._domain = domain
        self._users = list(users)
        self._server = Postfix("directory", root, ADDRESS, ports.free_port(ADDRESS))
        self._server.main |= {"myhostname": "directory.company.ru", "virtual_mailbox_domains": domain}
        self._list()

    def _list(self) -> None:
        table = self._server.table("mailboxes", {f"{user}@{self._domain}": f"{user}/" for user in self._users})
        self._server.main["virtual_mailbox_maps"] = table

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    @property
    def process(self) -> subprocess.Popen:
        return self._server.process

    def setting(self) -> str:
        return "smtp:asked"

    def tables(self) -> str:
        # A session of Postfix keeps the table that it began with.
        return (f'[[next_hop]]\nname = "directory"\nhosts = ["{self._server.address}:{self._server.port}"]\nbehaves = "final"\n'
                'connection_lifetime = "1s"\n'
                '[[directory]]\nname = "asked"\nkind = "smtp"\nnext_hop = "directory"\nknown_for = "1s"\nunknown_for = "1s"\n')

    def add(self, user: str) -> None:
        self._users.append(user)
        self._list()
        self._server.write()
        subprocess.run(["/usr/sbin/postfix", "-c", str(self._server.config), "reload"], check=True, timeout=20,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
