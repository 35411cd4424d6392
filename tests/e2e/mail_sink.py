# SPDX-License-Identifier: Apache-2.0
"""`postern sink` as administrators use it: public clients send to it, the gateway delivers to it, and what goes wrong is
changed while it runs."""

import hashlib
import json
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import senders
from gateway import Gateway, executable
from mail_sink_host import MailSink
from ports import GATEWAY, WORKSPACE, free_port
from process import HarnessError, expect, tail, wait_until
from sink_line import ALL_OPTIONS, counts_live_on_a_terminal, reads_all_of_its_command_line, stalls_from_the_greeting_on
from tally import Tally

WRONG_USE, CANNOT_LISTEN, CANNOT_KEEP, NOT_ALL_KEPT = 2, 71, 73, 74

CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"
relay.allow_without_auth = ["127.0.0.1"]

[[listener]]
name = "mx"
bind = "127.0.0.1:0"
delivery = "queue"

[[domain]]
name = "company.ru"
mailboxes = "vk"

[[next_hop]]
name = "vk"
hosts = ["{address}:{port}"]
retry_first = "1s"
retry_max = "1s"

[limits.delivery]
data_done_timeout = "{patience}s"
"""


def with_sink(test: Callable[[MailSink], None], *options: str) -> Callable[[Path], None]:
    def run(root: Path) -> None:
        sink = MailSink(root, *options)
        try:
            test(sink)
        finally:
            sink.close()
    run.__name__ = test.__name__
    return run


def send(sink: MailSink, *recipients: str, sender: str = "a@corp.com") -> int:
    """The code that decided; 250: the letter was taken."""
    with smtplib.SMTP(*sink.server, timeout=20) as client:
        try:
            client.sendmail(sender, list(recipients), "Subject: hi\r\n\r\nhello\r\n")
        except smtplib.SMTPRecipientsRefused as error:
            return next(iter(error.recipients.values()))[0]
        except smtplib.SMTPResponseException as error:
            return error.smtp_code
    return 250


# ---- by itself ----

def keeps_what_swaks_sends_by_tls_and_login(sink: MailSink) -> None:
    run = subprocess.run(["swaks", "--server", sink.server[0], "--port", str(sink.server[1]), "--from", "olga@corp.com", "--to",
                          "ivan@company.ru,ann@company.ru", "--tls", "--auth", "PLAIN", "--auth-user", "ann", "--auth-password",
                          "secret", "--header", "Subject: by swaks", "--timeout", "20"],
                         capture_output=True, text=True, check=False, timeout=60)
    expect(run.returncode == 0, run.stdout + run.stderr)
    letter = json.loads((sink.root / "letters.jsonl").read_text())
    expect(letter["from"] == "olga@corp.com" and letter["to"] == ["ivan@company.ru", "ann@company.ru"], letter)
    expect(letter["tls"]["version"].startswith("TLSv1.") and letter["auth"] == "ann", letter)
    expect(letter["subject"] == "by swaks", letter)
    files = list((sink.root / "mail" / "new").iterdir())
    expect(len(files) == 1 and oct(files[0].stat().st_mode)[-4:] == "0600", files)
    head, content = files[0].read_bytes()[:103], files[0].read_bytes()
    top = b"Return-Path: <olga@corp.com>\r\nDelivered-To: ivan@company.ru\r\nDelivered-To: ann@company.ru\r\n"
    expect(content.startswith(top), head)
    octets = content.removeprefix(top)
    expect(len(octets) == letter["size"] and hashlib.sha256(octets).hexdigest() == letter["sha256"], letter)
    expect(f"messages 1 recipients 2 octets {letter['size']}" in sink.end(), sink.said.read_text())


def takes_hundreds_from_smtp_source_and_ends_after_them(sink: MailSink) -> None:
    senders.smtp_source(sink.server, "ivan@company.ru", b"Subject: many\r\n\r\nhello\r\n\r\n", 400, 20)
    expect(sink.ended() == 0, "ended by itself")
    expect("messages 400 recipients 400" in sink.said.read_text(), sink.said.read_text())


def takes_the_octets_that_curl_and_bdat_send(sink: MailSink) -> None:
    octets = b"Subject: x\r\n\r\n.a dot\r\n..two\r\n" + b"line\r\n" * 20000
    senders.curl(sink.server, "ivan@company.ru", octets)
    senders.raw_bdat([1000, 3, 65536])(sink.server, "ivan@company.ru", octets)
    for letter in sink.letters():
        expect(letter["sha256"] == hashlib.sha256(octets).hexdigest(), letter)
    expect([letter["bdat"] for letter in sink.letters()] == [False, True], sink.letters())


def prints_a_line_a_letter(sink: MailSink) -> None:
    expect(send(sink, "ivan@company.ru") == 250, "taken")
    lines = sink.end(signal.SIGINT).splitlines()
    expect(len(lines) == 2 and "<a@corp.com> to <ivan@company.ru>, 22 octets: hi" in lines[1], lines)


def writes_json_to_standard_output(sink: MailSink) -> None:
    expect(send(sink, "ivan@company.ru") == 250, "taken")
    letter = json.loads(sink.end())
    expect(letter["content"] == "Subject: hi\r\n\r\nhello\r\n", letter)


def obeys_its_control_socket(sink: MailSink) -> None:
    mode = oct(sink.control.stat().st_mode)[-4:]
    expect(mode == "0600", mode)
    expect(sink.ask("count")[0].startswith("messages 0 "), "none yet")
    sink.ask("fail data:550:to=bob@*")
    expect(send(sink, "bob@company.ru") == 550 and send(sink, "ivan@company.ru") == 250, "one of the two")
    expect(sink.ask("list") == ["1 struck 1 fail data:550:to=bob@*"], sink.ask("list"))
    sink.ask("clear")
    expect(send(sink, "bob@company.ru") == 250, "cleared")
    expect(sink.ask("wait messages>=2 10s")[0].startswith("messages 2 "), "two")
    sink.ask("no-ext PIPELINING,CHUNKING")
    with smtplib.SMTP(*sink.server, timeout=20) as client:
        client.ehlo()
        expect(client.has_extn("size") and not client.has_extn("pipelining") and not client.has_extn("chunking"),
               client.esmtp_features)
    sink.end()
    expect(not sink.control.exists(), "the socket goes with it")


def a_percentage_is_the_same_with_the_same_seed(root: Path) -> None:
    def fates(seed: str) -> str:
        sink = MailSink(root, "--fail", "rcpt:450:20%", "--seed", seed, "--quiet")
        try:
            with smtplib.SMTP(*sink.server, timeout=20) as client:
                client.ehlo()
                client.mail("a@corp.com")
                return "".join(str(client.rcpt("b@company.ru")[0])[0] for _ in range(200))
        finally:
            sink.close()
    first, second, other = fates("1"), fates("1"), fates("2")
    expect(first == second != other, (first, second, other))
    expect(20 < first.count("4") < 60, first)


def tells_what_to_write_instead(root: Path) -> None:
    def said(status: int, *words: str) -> str:
        run = subprocess.run([str(executable()), "sink", *words], capture_output=True, text=True, check=False, timeout=20)
        expect(run.returncode == status, f"{words}: {run.returncode}: {run.stdout}{run.stderr}")
        return run.stderr
    expect("--fail recpt:450" in said(WRONG_USE, "--fail", "recpt:450"), "the option")
    expect("0.0.0.0:25" in said(WRONG_USE, "--listen", "2525"), "an example")
    expect("hunter2" not in said(WRONG_USE, "--auth", ":hunter2"), "no password is said again")
    expect("--maildir" in said(WRONG_USE, "--maildr", "x"), "the option that was meant")
    expect("--auth USER" in said(WRONG_USE, "--auth-required"), "an account")
    expect("write --tls" in said(WRONG_USE, "--tls-fail"), "it could never strike")
    expect("No such file" in said(WRONG_USE, "--tls-cert", "/none.pem", "--tls-key", "/none.key"), "the file")
    expect("/none/mail" in said(CANNOT_KEEP, "--maildir", "/none/mail"), "the folder")
    with socket.create_server((GATEWAY, 0)) as taken:
        where = f"{GATEWAY}:{taken.getsockname()[1]}"
        expect(where in said(CANNOT_LISTEN, "--listen", where), "the port")
    help_text = subprocess.run([str(executable()), "sink", "--help"], capture_output=True, text=True, check=True, timeout=20)
    expect("Exit status" in help_text.stdout, help_text.stdout)


def a_letter_that_cannot_be_printed_is_not_taken(root: Path) -> None:
    """A full disk."""
    with open("/dev/full", "wb") as full:
        sink = MailSink(root, "--jsonl", "-", "--stop-after", "1", out=full.fileno())
        try:
            code = send(sink, "ivan@company.ru")
            expect(code == 452, f"told {code}")
            sink.interrupt(signal.SIGTERM)
            status = sink.ended()
            expect(status == NOT_ALL_KEPT and "standard output: " in sink.errors(), f"{status}: {sink.errors()}")
            expect(not sink.control.exists(), "the socket goes with it")
        finally:
            sink.close()


def a_pipe_that_nobody_reads_ends_it(root: Path) -> None:
    """postern sink | head -1: at once where letters are printed; else the reader of the first line is not missed before the end."""
    command = [str(executable()), "sink", "--listen", f"{GATEWAY}:0", "--control", str(root / "control")]
    for options in ([], ["--count"]):
        with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sink:
            try:
                expect("listening on" in sink.stdout.readline(), "the first line")
                sink.stdout.close()
                if options:
                    with socket.socket(socket.AF_UNIX) as client:
                        client.connect(str(root / "control"))
                        client.sendall(b"count\n")
                        expect(client.makefile().readline().startswith("messages 0 "), "it goes on")
                    sink.terminate()
                status = sink.wait(20)
                errors = sink.stderr.read()
                expect(status == NOT_ALL_KEPT and "standard output" in errors, f"{status}: {errors}")
                expect(not (root / "control").exists(), "the socket goes with it")
            finally:
                sink.kill()


# ---- behind the gateway ----

class Outage:
    """The gateway, and its next hop, which is a sink."""

    def __init__(self, root: Path, patience: int):
        self.sink = MailSink(root, "--quiet", address=WORKSPACE, port=free_port(WORKSPACE))
        self.gateway = Gateway("gateway", root / "gw", CONFIG.format(
            data=root / "gw" / "data", address=WORKSPACE, port=self.sink.server[1], patience=patience))

    def __enter__(self) -> "Outage":
        try:
            self.gateway.start()
        except HarnessError:
            self.sink.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        try:
            self.gateway.stop()
        finally:
            self.sink.close()

    def send(self, marker: str) -> None:
        with smtplib.SMTP(*self.gateway.endpoints["mx"], timeout=20) as client:
            client.sendmail(f"a+{marker}@corp.com", ["ivan@company.ru"], f"Subject: {marker}\r\n\r\nhello\r\n")

    def saw(self, marker: str, outcome: str, seconds: float = 30) -> None:
        def logged() -> bool:
            return any(f"outcome={outcome}" in line for line in self.gateway.log_lines(f"a+{marker}@"))
        try:
            wait_until(logged, seconds, f"{marker} was {outcome}")
        except HarnessError as error:
            raise HarnessError(f"{error}\n{tail(self.gateway.log)}") from None


def a_refusal_that_ends_lets_the_letter_through(outage: Outage) -> None:
    outage.sink.ask("fail rcpt:450 4.2.1:text=mailbox is busy")
    outage.send("busy")
    outage.saw("busy", "deferred")
    expect(any("mailbox is busy" in line for line in outage.gateway.log_lines("a+busy@")), "the sink's own words")
    expect(not outage.sink.letters(), "nothing yet")
    outage.sink.ask("clear")
    outage.sink.ask("wait messages>=1 20s")
    outage.saw("busy", "delivered")


def a_lost_reply_makes_a_second_copy(outage: Outage) -> None:
    outage.sink.ask("drop after-data:first=1")
    outage.send("twice")
    outage.sink.ask("wait messages>=2 20s")
    one, two = outage.sink.letters()[:2]
    expect(one["subject"] == two["subject"] == "twice", (one, two))
    outage.saw("twice", "delivered")


def a_silent_hop_is_given_up_and_tried_again(outage: Outage) -> None:
    outage.sink.ask("stall data")
    outage.send("stalled")
    outage.saw("stalled", "deferred")
    outage.sink.ask("clear")
    outage.sink.ask("wait messages>=1 20s")
    outage.saw("stalled", "delivered")


def a_dead_host_comes_back(outage: Outage) -> None:
    outage.sink.ask("pause")
    outage.send("dead")
    outage.saw("dead", "deferred")
    expect(any("refused" in line for line in outage.gateway.log_lines("a+dead@")), "as a host that is down")
    outage.sink.ask("resume")
    outage.sink.ask("wait messages>=1 20s")
    outage.saw("dead", "delivered")


def a_hop_without_extensions_gets_the_letter(outage: Outage) -> None:
    outage.sink.ask("no-ext CHUNKING,PIPELINING,8BITMIME,DSN,SIZE,ENHANCEDSTATUSCODES")
    outage.send("plain")
    outage.sink.ask("wait messages>=1 20s")
    expect(not outage.sink.letters()[0]["bdat"], outage.sink.letters())


def with_outage(test: Callable[[Outage], None], patience: int = 20) -> Callable[[Path], None]:
    """`patience`: so many seconds the gateway waits for the reply to the end of a letter."""
    def run(root: Path) -> None:
        with Outage(root, patience) as outage:
            test(outage)
    run.__name__ = test.__name__
    return run


def in_folder(test: Callable[[MailSink], None], *options: str) -> Callable[[Path], None]:
    """Options that name files of the test's own folder have it as {root}."""
    def run(root: Path) -> None:
        with_sink(test, *(option.format(root=root) for option in options))(root)
    run.__name__ = test.__name__
    return run


TESTS: list[Callable[[Path], None]] = [
    in_folder(keeps_what_swaks_sends_by_tls_and_login, "--maildir", "{root}/mail", "--jsonl", "{root}/letters.jsonl",
              "--tls", "--auth", "ann:secret", "--auth-required", "--count"),
    with_sink(takes_hundreds_from_smtp_source_and_ends_after_them, "--count", "--stop-after", "400", "--threads", "2"),
    with_sink(takes_the_octets_that_curl_and_bdat_send, "--quiet"),
    with_sink(prints_a_line_a_letter),
    with_sink(writes_json_to_standard_output, "--jsonl", "-", "--jsonl-content"),
    with_sink(obeys_its_control_socket, "--quiet"),
    a_percentage_is_the_same_with_the_same_seed,
    with_sink(reads_all_of_its_command_line, *ALL_OPTIONS),
    with_sink(stalls_from_the_greeting_on, "--stall", "--quiet"),
    counts_live_on_a_terminal,
    tells_what_to_write_instead,
    a_letter_that_cannot_be_printed_is_not_taken,
    a_pipe_that_nobody_reads_ends_it,
    with_outage(a_refusal_that_ends_lets_the_letter_through),
    with_outage(a_lost_reply_makes_a_second_copy),
    with_outage(a_silent_hop_is_given_up_and_tried_again, 1),
    with_outage(a_dead_host_comes_back),
    with_outage(a_hop_without_extensions_gets_the_letter),
]


def main() -> int:
    tally = Tally()
    tally.in_folders(TESTS, "postern-sink-")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
