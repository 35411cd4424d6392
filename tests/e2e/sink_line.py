# SPDX-License-Identifier: Apache-2.0
"""What `postern sink` reads on its command line, and what it shows on a terminal. Played by mail_sink.py."""

import re
import signal
import smtplib
import subprocess
from pathlib import Path

from gateway import executable
from mail_sink_host import MailSink
from ports import GATEWAY
from process import HarnessError, expect
from terminal import Terminal

# What strikes nobody in the test, and what does.
FAULTS = {"fail": ["rcpt:450:to=bob@*", "mail:451:nth=99"], "delay": ["mail:1ms:from=slow@*"], "drop": ["after-data:to=lost@*"],
          "stall": ["bdat:nth=99"], "slow-read": ["64K:from=slow@*"], "no-ext": ["BINARYMIME,DSN"]}
ALL_OPTIONS = ["--quiet", "--hostname", "mx.sink.test", "--threads", "2", "--max-size", "10KB", "--max-connections", "2",
               "--max-recipients", "3", "--tls", "--tls-fail", "--seed", "7",
               *(word for kind, specs in FAULTS.items() for spec in specs for word in (f"--{kind}", spec))]


def reads_all_of_its_command_line(sink: MailSink) -> None:
    wanted = sorted(["tls-fail", *(f"{kind} {spec}" for kind, specs in FAULTS.items() for spec in specs)])
    listed = sorted(line.partition(" struck 0 ")[2].strip() for line in sink.ask("list"))
    expect(listed == wanted, listed)
    with smtplib.SMTP(*sink.server, timeout=20) as client, smtplib.SMTP(*sink.server, timeout=20):
        greeting = client.ehlo()[1].decode()
        expect(greeting.startswith("mx.sink.test"), greeting)
        expect(client.esmtp_features["size"] == "10240" and client.has_extn("starttls") and not client.has_extn("dsn"), greeting)
        expect(client.docmd("MAIL FROM:<a@corp.com> SIZE=10241")[0] == 552, "too large")
        client.mail("a@corp.com")
        codes = [client.rcpt(f"{user}@company.ru")[0] for user in ("ivan", "bob", "ann", "eva", "zoya")]
        expect(codes == [250, 450, 250, 250, 452], codes)
        try:
            smtplib.SMTP(*sink.server, timeout=20).close()
            raise HarnessError("a third connection is taken")
        except smtplib.SMTPConnectError as error:
            expect(error.smtp_code == 421, error)


def stalls_from_the_greeting_on(sink: MailSink) -> None:
    expect([line.split() for line in sink.ask("list")] == [["1", "struck", "0", "stall"]], sink.ask("list"))


def counts_live_on_a_terminal(root: Path) -> None:
    terminal = Terminal()
    command = [str(executable()), "sink", "--listen", f"{GATEWAY}:0", "--count"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=terminal.theirs, text=True) as sink:
        terminal.close_theirs()
        try:
            port = int(sink.stdout.readline().rpartition(":")[2])
            terminal.wait_for(b"messages 0 ")
            with smtplib.SMTP(GATEWAY, port, timeout=20) as client:
                client.sendmail("a@corp.com", ["ivan@company.ru"], "Subject: hi\r\n\r\nhello\r\n")
            terminal.wait_for(b"messages 1 ")
            sink.send_signal(signal.SIGINT)
            total = sink.communicate(timeout=20)[0]
        finally:
            sink.kill()
    text = terminal.close()
    expect(sink.returncode == 0 and total == "messages 1 recipients 1 octets 22 connections 1 refused 0\n", total)
    line = re.compile(r"messages [01] recipients [01] octets \d+ connections [01] refused 0")
    expect(all(line.fullmatch(one) for one in text.split("\r") if one), repr(text))
