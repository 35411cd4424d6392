# SPDX-License-Identifier: Apache-2.0
"""Policy servers: Debian's postgrey defers a stranger's first try and takes a later one; a scripted one sees the session."""

import contextlib
import os
import shutil
import smtplib
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from gateway import Gateway, executable
from ports import GATEWAY, WORKSPACE, free_port
from process import expect, spawn, stop, tail, wait_until
from sink import Sink
from tally import Tally

CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"
[[listener]]
name = "mx"
bind = "127.0.0.1:0"
[[next_hop]]
name = "vk"
hosts = ["{address}:{port}"]
[[domain]]
name = "company.ru"
mailboxes = "vk"
[[policy]]
name = "p"
server = "{server}"
{more}
"""

LETTER = b"Subject: policy\r\n\r\nbody\r\n"
USER = "u@company.ru"


@contextlib.contextmanager
def gateway_with(root: Path, server: str, more: str = "") -> Iterator[tuple[Gateway, Sink]]:
    sink = Sink(root / "sink", WORKSPACE, free_port(WORKSPACE)).start()
    config = CONFIG.format(data=root / "gateway" / "data", address=WORKSPACE, port=sink.port, server=server, more=more)
    gateway = Gateway("gateway", root / "gateway", config)
    try:
        yield gateway.start(), sink
    finally:
        gateway.stop()
        sink.stop()


class Postgrey:
    """Debian's greylister, over TCP or a Unix socket (`where` as policy.server has it)."""

    def __init__(self, root: Path, where: str):
        self._root = root
        self._kind, _, self._place = where.partition(":")
        self.server = where
        self._process: subprocess.Popen | None = None
        root.mkdir()
        if os.geteuid() == 0:
            shutil.chown(root, "postgrey", "postgrey")

    def start(self) -> "Postgrey":
        program = shutil.which("postgrey", path=os.environ.get("PATH", "") + ":/usr/sbin")
        expect(program is not None, "postgrey is not installed (tools/dev deps)")
        self._process = spawn([program, f"--{self._kind}={self._place}", "--delay=1", f"--dbdir={self._root}"],
                              self._root / "postgrey.log")
        wait_until(self._answers, 20, f"postgrey answers\n{tail(self._root / 'postgrey.log')}")
        return self

    def _answers(self) -> bool:
        family = socket.AF_UNIX if self._kind == "unix" else socket.AF_INET
        host, _, port = self._place.rpartition(":")
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(5)
            try:
                probe.connect(self._place if self._kind == "unix" else (host, int(port)))
                return True
            except OSError:
                return False

    def stop(self) -> None:
        stop(self._process)


def send(gateway: Gateway, sender: str, recipients: list[str] | None = None) -> dict[str, tuple[int, bytes]]:
    """The refused recipients with their replies; empty: all were taken."""
    with smtplib.SMTP(*gateway.endpoints["mx"], timeout=20) as client:
        try:
            return client.sendmail(sender, recipients or [USER], LETTER)
        except smtplib.SMTPRecipientsRefused as refused:
            return refused.recipients


def greylisting(root: Path, where: str) -> None:
    postgrey = Postgrey(root / "postgrey", where).start()
    try:
        with gateway_with(root, postgrey.server) as (gateway, sink):
            first = send(gateway, "nina@corp.com")
            expect(first.get(USER, (0, b""))[0] == 450, f"the first try got {first}")
            # postgrey writes an enhanced code of its own in front of its text.
            expect(first[USER][1].startswith(b"4.2.0 Greylisted"), f"the reply is {first[USER]}")
            expect(sink.count == 0, "a letter that was deferred has arrived")
            # A client comes again after a while; how soon is too soon is postgrey's to say.
            deadline = time.monotonic() + 30
            while said := send(gateway, "nina@corp.com"):
                expect(said[USER][0] == 450, f"a later try got {said}")
                expect(time.monotonic() < deadline, "no try was taken within 30 s")
                time.sleep(0.2)
            expect(sink.wait_for(1, 20), "the letter was taken, and nothing arrived")
            postgrey.stop()
            postgrey.start()
            expect(not send(gateway, "nina@corp.com"), "postgrey was restarted, and the client was not taken any more")
            expect(sink.wait_for(2, 20), "the second letter was taken, and nothing arrived")
            answer = gateway.explain("203.0.113.9", "other@corp.com", USER)
            expect(answer["decision"] == "defer" and answer["reply"].startswith("450 4.2.0"), f"explain says {answer}")
            postgrey.stop()
            away = send(gateway, "nina@corp.com")
            expect(away.get(USER, (0, b""))[0] == 451, f"postgrey is gone, and the client got {away}")
    finally:
        postgrey.stop()


class Scripted(socketserver.ThreadingTCPServer):
    """Keeps the questions; refuses the recipients that begin with "no"."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        self.questions: list[dict[str, str]] = []
        super().__init__((GATEWAY, free_port(GATEWAY)), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        question: dict[str, str] = {}
        for line in self.rfile:
            text = line.decode().rstrip("\n")
            if text:
                name, _, value = text.partition("=")
                question[name] = value
                continue
            self.server.questions.append(question)
            action = "REJECT \x1b[1mgo\x1b[0m away" if question["recipient"].startswith("no") else "DUNNO"
            self.wfile.write(f"action={action}\n\n".encode())
            question = {}


def session_facts(root: Path, delivery: str) -> None:
    with Scripted() as policy:
        more = f'[[route]]\ndomains = ["other.ru"]\nvia = "vk"\ndelivery = "{delivery}"\n' if delivery else ""
        server = f"inet:{policy.server_address[0]}:{policy.server_address[1]}"
        with gateway_with(root, server, more) as (gateway, sink):
            with smtplib.SMTP(*gateway.endpoints["mx"], local_hostname="mx.corp.com", timeout=20) as client:
                port = client.sock.getsockname()[1]
                refused = client.sendmail("nina@corp.com", [USER, "no@company.ru"], LETTER)
                client.sendmail("nina@corp.com", [USER], LETTER)
            expect(refused["no@company.ru"][0] == 554, f"the refusal is {refused}")
            expect(b"\x1b" not in refused["no@company.ru"][1], "the client was told a control character")
            expect(sink.wait_for(2, 20), "the letters did not arrive")
            asked = policy.questions
            expect(len(asked) == 3, f"{len(asked)} questions for 3 recipients")
            for question in asked:
                expect(question["helo_name"] == "mx.corp.com" and question["protocol_name"] == "ESMTP"
                      and question["client_port"] == str(port) and question["client_address"] == GATEWAY
                      and question["sender"] == "nina@corp.com", f"the question is {question}")
            instances = [question["instance"] for question in asked]
            expect(instances[0] == instances[1] != instances[2], f"the instances are {instances}")


def replay_asks_nobody(root: Path) -> None:
    with Scripted() as policy:
        server = f"inet:{policy.server_address[0]}:{policy.server_address[1]}"
        with gateway_with(root, server) as (gateway, sink):
            send(gateway, "nina@corp.com", [USER, "no@company.ru"])
            expect(sink.wait_for(1, 20), "the letter did not arrive")
            config = gateway.config
        count = len(policy.questions)
        run = subprocess.run([str(executable()), "replay", "--config", str(config)], capture_output=True, text=True,
                             check=False, timeout=30)
        expect(len(policy.questions) == count, "replay asked the policy server")
        expect(run.returncode == 0, f"replay found changes: {run.stdout}{run.stderr}")
        expect("decided by a policy server" in run.stdout, f"replay does not say what it left out: {run.stdout}")


def main() -> int:
    tally = Tally()
    cases = {
        "postgrey over TCP": lambda root: greylisting(root, f"inet:{GATEWAY}:{free_port(GATEWAY)}"),
        "postgrey over a Unix socket": lambda root: greylisting(root, f"unix:{root}/postgrey/socket"),
        "the session's facts": lambda root: session_facts(root, ""),
        "the session's facts, with a route that delivers by itself": lambda root: session_facts(root, "queue"),
        "replay asks nobody": replay_asks_nobody,
    }
    for name, case in cases.items():
        with tempfile.TemporaryDirectory(prefix="postern-policy-") as folder:
            os.chmod(folder, 0o711)  # postgrey has a user of its own
            tally.check(name, lambda case=case, folder=folder: case(Path(folder)))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
