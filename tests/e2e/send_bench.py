# SPDX-License-Identifier: Apache-2.0
"""What send.py plays: `postern send` and swaks against one scripted server, and the cases in which both do the same."""

import re
import subprocess

from gateway import executable
from process import expect
from scripted import CLOSE, Script, Scripted

PASSWORD = "correct horse, battery: staple"
ENVELOPE = ["--from", "ann@test", "--to", "bob@test", "--helo", "client.test", "--timeout", "20"]


def run(program: str, server: Scripted | tuple[str, int], *words: str, **options) -> subprocess.CompletedProcess:
    command = ["swaks"] if program == "swaks" else [str(executable()), "send"]
    address = ("127.0.0.1", server.port) if isinstance(server, Scripted) else server
    options = {"stdin": subprocess.DEVNULL} | options
    if "input" in options:
        options.pop("stdin")
    envelope = ENVELOPE[:2] + ENVELOPE[4:] if "--to" in words else ENVELOPE
    return subprocess.run([*command, "--server", f"{address[0]}:{address[1]}", *envelope, *words], capture_output=True, text=True,
                          errors="replace", check=False, timeout=60, **options)


def send(server: Scripted | tuple[str, int], *words: str, status: int = 0, **options) -> str:
    done = run("send", server, *words, **options)
    text = done.stdout + done.stderr
    expect(done.returncode == status, f"{words}: status {done.returncode}, not {status}:\n{text[-900:]}")
    return text


# What both can do: the script, the words, the status that both end with.
BOTH: list[tuple[str, Script, list[str], int]] = [
    ("a letter", Script(), [], 0),
    ("the greeting is no 220", Script({"220": "554 5.3.2 no service"}), [], 21),
    ("EHLO and HELO refused", Script({"EHLO": "550 no", "HELO": "550 no"}), [], 22),
    ("HELO where EHLO is unknown", Script({"EHLO": "500 what"}), [], 0),
    ("MAIL refused", Script({"MAIL": "550 5.7.1 no"}), [], 23),
    ("no RCPT taken", Script({"RCPT": "550 5.1.1 who"}), ["--to", "a@test,b@test"], 24),
    ("DATA refused", Script({"DATA": "451 4.3.0 later"}), [], 25),
    ("the letter refused", Script({".": "554 5.6.0 spam"}), [], 26),
    ("closed behind MAIL", Script({"MAIL": CLOSE}), [], 6),
    ("closed at the greeting", Script({"220": CLOSE}), [], 6),
    ("closed behind QUIT of a refused MAIL", Script({"MAIL": "550 no", "QUIT": CLOSE}), [], 23),
    ("STARTTLS not offered", Script(), ["-tls"], 29),
    ("STARTTLS not offered, and optional", Script(), ["-tlso"], 0),
    ("STARTTLS not offered, and optional strictly", Script(), ["--tls-optional-strict"], 0),
    ("AUTH not offered", Script(), ["--auth", "--auth-user", "ann", "--auth-password", PASSWORD], 28),
    ("AUTH not offered, and optional", Script(), ["--auth-optional", "--auth-user", "ann", "--auth-password", PASSWORD], 0),
    ("AUTH refused", Script(password="other"), ["-a", "PLAIN", "-au", "ann", "-ap", PASSWORD], 28),
    ("AUTH PLAIN", Script(password=PASSWORD), ["-a", "PLAIN", "-au", "ann", "-ap", PASSWORD], 0),
    ("AUTH LOGIN", Script(password=PASSWORD), ["-a", "LOGIN", "-au", "ann", "-ap", PASSWORD], 0),
    ("AUTH strictly optional and refused", Script(password="other"), ["-aos", "PLAIN", "-au", "ann", "-ap", PASSWORD], 28),
    ("XCLIENT not offered", Script(), ["--xclient-addr", "192.0.2.1"], 33),
    ("XCLIENT", Script(keywords=["XCLIENT NAME ADDR HELO"]),
     ["--xclient-addr", "192.0.2.1", "--xclient-delim", "--xclient-helo", "a b", "--xclient", "NAME=x"], 0),
    ("XCLIENT without an attribute", Script(keywords=["XCLIENT NAME"]), ["--xclient-addr", "192.0.2.1"], 33),
    ("XCLIENT refused", Script({"XCLIENT": "550 no"}, ["XCLIENT ADDR"]), ["--xclient-addr", "192.0.2.1"], 33),
    ("QUIT after the greeting", Script(), ["--quit-after", "CONNECT"], 0),
    ("QUIT after HELO", Script(), ["-q", "HELO"], 0),
    ("QUIT after MAIL", Script(), ["--quit", "FROM"], 0),
    ("QUIT after RCPT", Script(), ["--quit-after", "RCPT"], 0),
    ("the end after DATA", Script(), ["--drop-after", "DATA"], 0),
    ("the end before the reply to RCPT", Script(), ["--drop-after-send", "RCPT"], 0),
    ("plain SMTP", Script(), ["--protocol", "SMTP"], 0),
    ("LMTP", Script({".": "250 one|550 two"}), ["--protocol", "LMTP", "--to", "a@test,b@test"], 0),
    ("pipelining", Script(), ["--pipeline", "--to", "a@test,b@test"], 0),
    ("pipelining, MAIL refused", Script({"MAIL": "550 no", "RCPT": "503 no", "DATA": "503 no"}), ["--pipeline"], 23),
    ("a null sender", Script(), ["--from", "<>", "--h-From", "postmaster@test"], 0),
    ("a PROXY header that is incomplete", Script(), ["--proxy-source", "192.0.2.7"], 35),
    ("an unknown stop", Script(), ["--quit-after", "LUNCH"], 1),
]


def beside_swaks(script: Script, words: list[str], status: int) -> None:
    lines, arrows = {}, {}
    for program in ("swaks", "send"):
        with Scripted(script) as server:
            done = run(program, server, *words)
            expect(done.returncode == status, f"{program}: {done.returncode}, not {status}:\n{(done.stdout + done.stderr)[-900:]}")
            lines[program] = [line for line in server.wait().lines if line] if server.connections() else []
            text = re.sub(r"(?m)^ -> ((Date|Subject|Message-Id|X-Mailer).*)?\n", "", done.stdout)
            arrows[program] = [line for line in text.splitlines() if line[:3] in (" ->", "<- ", "<**")]
            expect(PASSWORD not in done.stdout + done.stderr or program == "swaks", "the password is shown")
    expect(lines["swaks"] == lines["send"], f"the server heard {lines['swaks']} and {lines['send']}")
    if not any(word in ("-ap", "--auth-password") for word in words):
        expect(arrows["swaks"] == arrows["send"], "\n".join(["transcripts:", *arrows["swaks"], "---", *arrows["send"]]))
