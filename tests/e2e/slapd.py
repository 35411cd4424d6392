# SPDX-License-Identifier: Apache-2.0
"""An OpenLDAP server of our own: configuration, schema and database under one folder."""

import socket
import subprocess
from pathlib import Path

from ports import free_port
from process import HarnessError, spawn, stop, tail, wait_until

BASE = "dc=company,dc=ru"
ADMIN = f"cn=admin,{BASE}"
PASSWORD = "sesame"

# Active Directory's proxyAddresses, on people as any LDAP server has them.
_CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses'
  EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.2.840.113556.1.5.9999 NAME 'mailRecipient' SUP top AUXILIARY
  MAY ( proxyAddresses ) )
modulepath /usr/lib/ldap
moduleload back_mdb
{tls}database mdb
maxsize 1073741824
dbnosync
suffix "{base}"
rootdn "{admin}"
rootpw {password}
directory {data}
index objectClass,mail,proxyAddresses,uid eq
"""

_TOP = f"""\
dn: {BASE}
objectClass: domain
dc: company

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

"""


def person(name: str, mail: str, *proxies: str) -> str:
    """LDIF of one entry: cn=NAME,ou=people,BASE."""
    lines = [f"dn: cn={name},ou=people,{BASE}", "objectClass: inetOrgPerson", "objectClass: mailRecipient",
             f"cn: {name}", f"sn: {name}", f"uid: {name}", f"mail: {mail}"]
    lines += [f"proxyAddresses: {proxy}" for proxy in proxies]
    return "\n".join(lines) + "\n\n"


class Slapd:
    """One instance. With `certificate` and `key`, PEM files, it also speaks StartTLS, and LDAPS at `tls_port`."""

    def __init__(self, name: str, root: Path, address: str, port: int, tls_port: int = 0,
                 certificate: Path | None = None, key: Path | None = None):
        self.name = name
        self.address = address
        self.port = port
        self.url = f"ldap://{address}:{port}"
        self.tls_url = f"ldaps://{address}:{tls_port}" if tls_port else ""
        self.log = root / "slapd.log"
        self._config = root / "slapd.conf"
        self._data = root / "db"
        self._root = root
        self._server = None
        self._data.mkdir(parents=True)
        tls = f"TLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n" if certificate else ""
        self._config.write_text(_CONFIG.format(tls=tls, base=BASE, admin=ADMIN, password=PASSWORD, data=self._data))
        self.add(_TOP)

    def add(self, ldif: str) -> None:
        """Adds entries while it does not run."""
        file = self._root / "entries.ldif"
        file.write_text(ldif)
        done = subprocess.run(["/usr/sbin/slapadd", "-q", "-f", str(self._config), "-l", str(file)], check=False,
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise HarnessError(f"{self.name}: slapadd: {done.stderr}")

    def modify(self, ldif: str) -> None:
        """Changes entries while it runs: LDIF with changetype."""
        command = ["ldapmodify", "-x", "-H", self.url, "-D", ADMIN, "-w", PASSWORD]
        done = subprocess.run(command, check=False, input=ldif, capture_output=True, text=True, timeout=20)
        if done.returncode != 0:
            raise HarnessError(f"{self.name}: ldapmodify: {done.stderr}")

    @property
    def process(self) -> subprocess.Popen:
        return self._server

    def start(self) -> None:
        urls = f"{self.url}/ {self.tls_url}".strip()
        self._server = spawn(["/usr/sbin/slapd", "-d", "none", "-f", str(self._config), "-h", urls], self.log)

        def accepts() -> bool:
            if self._server.poll() is not None:
                raise HarnessError(f"{self.name}: slapd ended at start\n{tail(self.log)}")
            with socket.socket() as probe:
                return probe.connect_ex((self.address, self.port)) == 0

        wait_until(accepts, 20, f"{self.name}: slapd accepts connections on {self.url}")

    def stop(self) -> None:
        stop(self._server)

    def kill(self) -> None:
        """As a crash does it."""
        if self._server is not None and self._server.poll() is None:
            self._server.kill()
            self._server.wait()


class SlapdDirectory:
    """directories.Directory: people of the domain, known by their proxyAddresses as Active Directory has them."""

    def __init__(self, root: Path, domain: str, users: list[str]):
        self._domain = domain
        self._server = Slapd("directory", root, "127.0.0.1", free_port("127.0.0.1"))
        self._server.add("".join(map(self._person, users)))

    def _person(self, user: str) -> str:
        return person(user, f"{user}@{self._domain}", f"SMTP:{user}@{self._domain}")

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    @property
    def process(self) -> subprocess.Popen:
        return self._server.process

    def setting(self) -> str:
        return "ldap:people"

    def tables(self) -> str:
        return (f'[[directory]]\nname = "people"\nkind = "ldap"\nservers = ["{self._server.url}"]\nbase = "{BASE}"\n'
                'filter = "(proxyAddresses=smtp:{address})"\nattributes = ["proxyAddresses"]\nknown_for = "1s"\nunknown_for = "1s"\n')

    def add(self, user: str) -> None:
        lines = self._person(user).strip().split("\n")
        self._server.modify("\n".join([lines[0], "changetype: add", *lines[1:]]) + "\n")
