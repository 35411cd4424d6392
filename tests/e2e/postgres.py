# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of our own: its cluster, socket and log under one folder, beside any PostgreSQL of the system."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from ports import free_port
from process import HarnessError, die_with_parent, spawn, stop, tail, wait_until

_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
SUPERUSER = "postern"
PASSWORD = "right"


class Postgres:
    """One server with password logins over TCP and a Unix socket in its folder, superuser `postern`. It refuses to run as
    root, so root starts it as the account that Debian's package makes; the folders above `root` must let that one in."""

    def __init__(self, root: Path, address: str, port: int):
        self.address = address
        self.port = port
        self.root = root
        self.data = root / "data"
        self.log = root / "postgres.log"
        self._server = None
        root.mkdir(parents=True, exist_ok=True)
        password = root / "password"
        password.write_text(PASSWORD + "\n")
        if os.geteuid() == 0:
            for path in (root, password):
                shutil.chown(path, "postgres", "postgres")
        made = self._run("initdb", f"--pgdata={self.data}", f"--username={SUPERUSER}", "--auth=scram-sha-256",
                         f"--pwfile={password}", "--encoding=UTF8", "--locale=C", "--no-sync")
        if made.returncode != 0:
            raise HarnessError(f"initdb failed:\n{made.stdout}{made.stderr}")

    @property
    def url(self) -> str:
        """Without the password: the config has it in a file."""
        return f"postgresql://{SUPERUSER}@{self.address}:{self.port}/postgres"

    def start(self) -> None:
        command = [str(_PROGRAMS / "postgres"), "-D", str(self.data), "-p", str(self.port), "-k", str(self.root),
                   "-c", f"listen_addresses={self.address}", "-c", "fsync=off", "-c", "shared_buffers=16MB",
                   "-c", "dynamic_shared_memory_type=mmap"]
        self._server = spawn(command, self.log, **self._identity())

        def accepts() -> bool:
            if self._server.poll() is not None:
                raise HarnessError(f"PostgreSQL ended at start\n{tail(self.log)}")
            ready = self._run("pg_isready", "-q", "-h", self.address, "-p", str(self.port))
            return ready.returncode == 0

        wait_until(accepts, 30, f"PostgreSQL accepts connections on {self.address}:{self.port}")

    def stop(self) -> None:
        """Ends all sessions, then the server."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(2)  # "fast"; SIGTERM waits for clients to go
            try:
                self._server.wait(20)
            except subprocess.TimeoutExpired:
                stop(self._server)

    @property
    def process(self) -> subprocess.Popen:
        return self._server

    def execute(self, sql: str) -> str:
        """Runs SQL as the superuser; what it prints, a line a row, columns separated by '|'."""
        done = self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, self.url)
        if done.returncode != 0:
            raise HarnessError(f"SQL failed: {sql}\n{done.stderr}")
        return done.stdout.rstrip("\n")

    def _identity(self) -> dict:
        if os.geteuid() != 0:
            return {}
        account = pwd.getpwnam("postgres")
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": self.root}

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess:
        environment = {"PGPASSWORD": PASSWORD, "LC_ALL": "C", "PATH": "/usr/bin:/bin"}
        return subprocess.run([str(_PROGRAMS / program), *arguments], capture_output=True, text=True, check=False,
                              timeout=60, env=environment, preexec_fn=die_with_parent, **self._identity())


class PostgresDirectory:
    """directories.Directory: a table of addresses, which is there once the server runs."""

    def __init__(self, root: Path, domain: str, users: list[str]):
        self._domain = domain
        self._users = list(users)
        self._server = Postgres(root, "127.0.0.1", free_port("127.0.0.1"))

    def start(self) -> None:
        self._server.start()
        rows = ", ".join(f"('{user}@{self._domain}')" for user in self._users)
        self._server.execute("CREATE TABLE IF NOT EXISTS mailboxes (address text PRIMARY KEY); "
                             f"INSERT INTO mailboxes VALUES {rows} ON CONFLICT DO NOTHING")

    def stop(self) -> None:
        self._server.stop()

    @property
    def process(self) -> subprocess.Popen:
        return self._server.process

    def setting(self) -> str:
        return "sql:mailboxes"

    def tables(self) -> str:
        return (f'[[directory]]\nname = "mailboxes"\nkind = "sql"\nconnection = "{self._server.url}"\n'
                f'password = "file:{self._server.root / "password"}"\nquery = "SELECT 1 FROM mailboxes WHERE address = $1"\n'
                'known_for = "1s"\nunknown_for = "1s"\n')

    def add(self, user: str) -> None:
        self._server.execute(f"INSERT INTO mailboxes VALUES ('{user}@{self._domain}')")
