# SPDX-License-Identifier: Apache-2.0
"""What `postern send` shows, and what it does not: passwords, JSON, dumps, colours, output that is lost. Played by send.py."""

import base64
import fcntl
import json
import os
import pty
import re
import select
import subprocess
import termios
from pathlib import Path

from gateway import executable
from process import expect, wait_until
from scripted import Script, Scripted
from send_bench import ENVELOPE, PASSWORD, send


def secrets_stay(root: Path) -> None:
    """No spelling of the password, on any way in and out."""
    (root / "password").write_text(PASSWORD + "\n")
    spellings = [PASSWORD, base64.b64encode(PASSWORD.encode()).decode(),
                 base64.b64encode(f"\0ann\0{PASSWORD}".encode()).decode()]
    echo = {"AUTH": f"535 5.7.8 {spellings[2]} and {PASSWORD} are wrong"}
    for script, status in ((Script(password=PASSWORD), 0), (Script(echo, password=PASSWORD), 28)):
        with Scripted(script) as server:
            for words in ([], ["--json"], ["--auth-plaintext"], ["--show-raw-text"], ["--dump"], ["-S", "2"]):
                for mechanism in ("PLAIN", "LOGIN"):
                    login = ["--auth", mechanism, "--auth-user", "ann", "--auth-password", f"@{root / 'password'}"]
                    text = send(server, *login, *words,
                                status=0 if words == ["--dump"] else status)
                    found = [one for one in spellings if one in text or one.encode().hex(" ") in text]
                    expect(not found, f"{words} {mechanism}: shown in {text}")
    text = send(server, "--auth-user", "ann", status=1, start_new_session=True)
    expect("--auth-password @FILE" in text, text)
    text = send(server, "--auth-pasword", PASSWORD, status=1)
    expect(PASSWORD not in text and "write --auth-password" in text, text)


def output_for_programs() -> None:
    with Scripted(Script({"RCPT": "550 5.1.1 who"})) as server:
        lines = send(server, "--json", "--repeat", "3", status=24).splitlines()
        records = [json.loads(line) for line in lines]
        expect([record["letter"] for record in records] == [1, 2, 3] and len(server.connections()) == 3, lines)
        refusal = next(step for step in records[0]["dialogue"] if step.get("code") == 550)
        expect(refusal["enhanced"] == "5.1.1" and refusal["text"] == "who" and refusal["expected"] is False, str(refusal))
        expect(send(server, "--silent", "3", status=24) == "", "not silent")
        expect(send(server, "--silent", "2", status=24) == "<** 550 5.1.1 who\n", "more than errors")
        expect(re.search(r"=== response in \d\.\d{3}s\n<\*\* 550", send(server, "-stl", status=24)) is not None, "no lapse")
        before = len(server.connections())
        expect("Subject: z" in send(server, "--dump-mail", "--h-Subject", "z"), "dump of the letter")
        expect("server          = 127.0.0.1" in send(server, "--dump"), "dump")
        expect(len(server.connections()) == before, "a dump connects to nobody")


def output_that_is_lost() -> None:
    """0 would say that the record is there; what went wrong before counts more."""
    for script, status in ((Script(), 1), (Script({"RCPT": "550 no"}), 24)):
        with Scripted(script) as server:
            for words in ([], ["--json"], ["--dump-mail"], ["--dump"]):
                with open("/dev/full", "w", encoding="utf-8") as full:
                    done = subprocess.run([str(executable()), "send", "--server", f"127.0.0.1:{server.port}", *ENVELOPE, *words],
                                          stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=False, timeout=60)
                wanted = 1 if words in (["--dump-mail"], ["--dump"]) else status
                expect(done.returncode == wanted, f"{words}: {done.returncode}, not {wanted}")
                expect("standard output cannot be written" in done.stderr, done.stderr)


def at_the_prompt(typed: bytes) -> tuple[int, str, bool]:
    """Status, what the terminal shows, and whether it shows what is typed afterwards."""
    ours, theirs = pty.openpty()

    def own_terminal() -> None:
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    child = subprocess.Popen([str(executable()), "send", "--server", "127.0.0.1:1", *ENVELOPE, "--auth-user", "ann"], stdin=theirs,
                             stdout=theirs, stderr=theirs, preexec_fn=own_terminal)
    text = b""
    while b"Password of ann: " not in text:
        expect(bool(select.select([ours], [], [], 20)[0]), f"no prompt: {text!r}")
        text += os.read(ours, 4096)
    wait_until(lambda: not termios.tcgetattr(theirs)[3] & termios.ECHO, 20, "no echo while a password is typed")
    os.write(ours, typed)
    status = child.wait(20)
    echo = bool(termios.tcgetattr(theirs)[3] & termios.ECHO)
    os.close(theirs)
    try:
        while got := os.read(ours, 4096):
            text += got
    except OSError:
        pass    # the end of a terminal
    os.close(ours)
    return status, text.decode(errors="replace"), echo


def password_prompt() -> None:
    for typed, status, wanted in ((b"sesame\n", 2, "Connection refused"), (b"ses\x03", 1, "cancelled"), (b"\n", 1, "no password was typed")):
        got, text, echo = at_the_prompt(typed)
        expect(got == status and wanted in text and echo and "ses" not in text.replace("session", ""), f"{typed!r}: {got}, echo {echo}: {text}")


def colours() -> None:
    """On a terminal, and not where NO_COLOR says so."""
    for environment, wanted in ({}, True), ({"NO_COLOR": "1"}, False):
        with Scripted(Script()) as server:
            ours, theirs = pty.openpty()
            kept = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
            child = subprocess.Popen([str(executable()), "send", "--server", f"127.0.0.1:{server.port}", *ENVELOPE, "-q", "HELO"],
                                     stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env=kept | environment)
            os.close(theirs)
            text = b""
            try:
                while got := os.read(ours, 65536):
                    text += got
            except OSError:
                pass    # the end of a terminal
            child.wait(20)
            os.close(ours)
            expect((b"\x1b[32m" in text) == wanted and b"250" in text, f"{environment}: {text!r}")
