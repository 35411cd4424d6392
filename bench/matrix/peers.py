# SPDX-License-Identifier: Apache-2.0
"""The peers that have no class in tests/e2e: Exim, OpenSMTPD and Haraka, each with the settings of bench/peers, a folder of its own
and a mount namespace (bench/peers/namespace.sh), so that the machine needs neither their accounts nor their paths."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from gateway import REPOSITORY
from ports import free_port
from process import HarnessError, crash, spawn, stop, tail, wait_until
from sync_count import ENVIRONMENT, library
from systems import ADDRESS, listens

SETTINGS = REPOSITORY / "bench" / "peers"
PROGRAMS = REPOSITORY / "build" / "bench-peers"      # where install.sh puts them
DNS_ADDRESS = "127.53.0.1"                           # port 53: libasr knows no other
_FIRST_ID = 64_100                                   # of accounts, in the namespace alone
_ACCOUNTS = ("Debian-exim", "opensmtpd", "opensmtpq", "haraka")


def filled_in(text: str, values: dict[str, object]) -> str:
    """@NAME@ by its value; one that is left over is a mistake in the settings."""
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    if left := re.search(r"@([A-Z_]+)@", text):
        raise HarnessError(f"nothing is known for {left[0]}")
    return text


class Dns:
    """unbound, which knows the names of the run and asks nobody."""

    def __init__(self, folder: Path):
        folder.mkdir()
        settings = folder / "unbound.conf"
        settings.write_text(filled_in((SETTINGS / "unbound.conf").read_text(), {"ADDRESS": DNS_ADDRESS, "FOLDER": folder}))
        self._process = spawn(["unbound", "-d", "-p", "-c", str(settings)], folder / "log")
        wait_until(lambda: self._process.poll() is not None or _bound(DNS_ADDRESS, 53), 10, "unbound is bound to its port")
        if self._process.poll() is not None:
            raise HarnessError(f"unbound ended at start: {tail(folder / 'log')}")

    def stop(self) -> None:
        stop(self._process)


def _bound(address: str, port: int) -> bool:
    wanted = "".join(f"{int(part):02X}" for part in reversed(address.split("."))) + f":{port:04X}"
    return any(line.split()[1] == wanted for line in Path("/proc/net/udp").read_text().splitlines()[1:])


class Peer:
    """One running peer: `port` is where it listens."""

    name: str
    program: Path                # what must be there
    no_tls = ""                  # why it can have none

    def __init__(self, root: Path, hop: int, launcher: list[str], certificate: tuple[Path, Path] | None, sessions: int):
        """`hop`: the next hop's port on loopback. `certificate`: TLS on both sides. `sessions`: as many may come at a time."""
        self.root = root
        self.hop = hop
        self.launcher = launcher
        self.certificate = certificate
        self.sessions = sessions
        self.port = free_port(ADDRESS)
        self._process: subprocess.Popen | None = None
        if not self.program.exists():
            raise HarnessError(f"{self.program} is not there: run tools/dev bench peers")
        for folder in ("etc", "var", "run", "spool"):
            (root / folder).mkdir(parents=True)
        self._write_accounts()

    def account(self, name: str) -> int:
        """The number of one of its accounts."""
        return _FIRST_ID + _ACCOUNTS.index(name)

    def start(self) -> "Peer":
        command = [*self.launcher, str(SETTINGS / "namespace.sh"), str(self.root), *self.command()]
        log = self.root / "start.log"
        self._process = spawn(command, log, cwd=self.root)
        wait_until(lambda: self._process.poll() is not None or listens(self.port), 30, f"{self.name} listens")
        if self._process.poll() is not None:
            raise HarnessError(f"{self.name} ended at start: {tail(log)}")
        return self

    def command(self) -> list[str]:
        raise NotImplementedError

    def settings(self, name: str, values: dict[str, object]) -> str:
        every = {"PORT": self.port, "HOP": self.hop, "SESSIONS": self.sessions + 100, "SPOOL": self.root / "spool"} | values
        return filled_in((SETTINGS / name).read_text(), every)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            crash(self._process)     # nothing of it is wanted any more, and some wait for their sessions when asked to end

    def _write_accounts(self) -> None:
        lines, groups = "", ""
        for name in _ACCOUNTS:
            number = self.account(name)
            lines += f"{name}:x:{number}:{number}::/var/lib/{name}:/usr/sbin/nologin\n"
            groups += f"{name}:x:{number}:\n"
        etc = self.root / "etc"
        (etc / "passwd").write_text(Path("/etc/passwd").read_text() + lines)
        (etc / "group").write_text(Path("/etc/group").read_text() + groups)
        (etc / "resolv.conf").write_text(f"nameserver {DNS_ADDRESS}\noptions timeout:1 attempts:1\n")
        (etc / "hosts").write_text("127.0.0.1 localhost client.bench.example\n")


class Exim(Peer):
    name = "exim"
    program = PROGRAMS / "exim4-daemon-light" / "usr" / "sbin" / "exim4"

    def command(self) -> list[str]:
        tls_main, tls_transport = "tls_advertise_hosts =", "  hosts_avoid_tls = *"
        if self.certificate:
            cert, key = self.certificate
            tls_main = f"tls_advertise_hosts = *\ntls_certificate = {cert}\ntls_privatekey = {key}"
            tls_transport = "  hosts_require_tls = *\n  tls_verify_hosts =\n  tls_try_verify_hosts ="
        # Not setuid: it is started by root, and drops its privilege for good. A copy, since the package's file stays as it came.
        program = self.root / "exim4"
        shutil.copy(self.program, program)
        program.chmod(0o755)
        folder = self.root / "etc" / "exim4"
        folder.mkdir()
        (folder / "exim4.conf").write_text(self.settings("exim.conf", {
            "PROGRAM": program, "ENVIRONMENT": " : ".join(ENVIRONMENT), "TLS_MAIN": tls_main, "TLS_TRANSPORT": tls_transport}))
        shutil.chown(self.root / "spool", self.account("Debian-exim"), self.account("Debian-exim"))
        (self.root / "run" / "exim4").mkdir()
        # -q1s: a message that could not be delivered at once is not forgotten.
        return [str(program), "-bdf", "-q1s", "-oX", f"<; [{ADDRESS}]:{self.port}"]


class OpenSmtpd(Peer):
    name = "opensmtpd"
    program = PROGRAMS / "opensmtpd" / "usr" / "sbin" / "smtpd"
    no_tls = "as Debian 12 has it (6.8 with OpenSSL 3) it ends each handshake with an internal error"

    def command(self) -> list[str]:
        settings = self.root / "smtpd.conf"
        settings.write_text(self.settings("smtpd.conf", {}))
        settings.chmod(0o600)
        (self.root / "var" / "lib" / "opensmtpd" / "empty").mkdir(parents=True)
        spool = self.root / "spool" / "smtpd"
        spool.mkdir()
        spool.chmod(0o711)
        offline = spool / "offline"
        offline.mkdir()
        shutil.chown(offline, 0, self.account("opensmtpq"))
        offline.chmod(0o770)
        prepared = 'ulimit -n "$(ulimit -H -n)"; LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD:}$0" exec "$@"'
        return ["sh", "-c", prepared, str(library(SETTINGS / "backlog.c")), str(self.program), "-F", "-f", str(settings)]


class OpenSmtpdSync(OpenSmtpd):
    """OpenSMTPD itself does not sync what it answers 250 to. The attribute S of ext4, which folders hand on to what is made in
    them, makes each write a durable one."""

    name = "opensmtpd-sync"

    def command(self) -> list[str]:
        command = super().command()
        done = subprocess.run(["chattr", "-R", "+S", str(self.root / "spool")], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise HarnessError(f"{self.name} cannot make writes durable (chattr +S) here: {done.stderr.strip()}")
        return command


class Haraka(Peer):
    name = "haraka"
    program = PROGRAMS / "haraka" / "node_modules" / "Haraka" / "bin" / "haraka"

    def command(self) -> list[str]:
        folder = self.root / "haraka"
        (folder / "queue").mkdir(parents=True)
        values = {"CONCURRENCY": max(1, 100 // (os.cpu_count() or 1)), "TLS": "true" if self.certificate else "false",
                  "TLS_PLUGIN": "tls" if self.certificate else "", "SPOOL": folder / "spool"}
        (folder / "spool").mkdir()
        (folder / "config").mkdir()
        for file in (SETTINGS / "haraka" / "config").iterdir():
            (folder / "config" / file.name).write_text(self.settings(f"haraka/config/{file.name}", values))
        (folder / "config" / "me").write_text("haraka.bench.example\n")
        if self.certificate:
            cert, key = self.certificate
            (folder / "config" / "tls.ini").write_text(f"cert={cert}\nkey={key}\n[outbound]\nrejectUnauthorized=false\n")
        shutil.copytree(SETTINGS / "haraka" / "plugins", folder / "plugins")
        number = self.account("haraka")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, number, number)
        return ["node", str(self.program), "-c", str(folder)]


PEERS = {peer.name: peer for peer in (Exim, OpenSmtpd, OpenSmtpdSync, Haraka)}


def _said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def versions() -> dict[str, str]:
    """Of the peers that are there, Postfix too, and of what they share."""
    found = {name: words[-1] for name, command in (("node", ["node", "--version"]), ("OpenSSL", ["openssl", "version", "-v"]))
             if shutil.which(name.lower()) and (words := _said(command).split()[:2])}
    for name, package in (("postfix", None), ("exim", Exim), ("opensmtpd", OpenSmtpd)):
        if package is None:
            command = ["dpkg-query", "-W", "-f", "${Version}", "postfix"]
        else:
            files = sorted((PROGRAMS / "debs").glob(f"{package.program.relative_to(PROGRAMS).parts[0]}_*.deb"))
            if not files:
                continue
            command = ["dpkg-deb", "-f", str(files[-1]), "Version"]
        if said := _said(command):
            found[name] = said
    try:
        found["haraka"] = json.loads((Haraka.program.parents[1] / "package.json").read_text())["version"]
    except OSError:
        pass
    return found
