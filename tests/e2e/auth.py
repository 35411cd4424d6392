# SPDX-License-Identifier: Apache-2.0
"""Logging in: swaks, curl, msmtp and a SCRAM client of our own against submission listeners with STARTTLS and with TLS
from the first octet; what is refused; guessing from one address and from many; no secret in a log."""

import base64
import os
import re
import secrets
import smtplib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from auth_bench import BOB_PASSWORD, LETTER, OWNER, PASSWORD, Bench, Client, expect, run
from gateway import Gateway
from process import HarnessError, wait_until
from tally import Tally

ELSEWHERE = "127.0.3.2"    # a client that has never logged in
GUESSER = "127.0.4.1"      # the first of those that guess


def swaks(bench: Bench, listener: str, mechanism: str, password: str, status: int = 0) -> str:
    address, port = bench.gateway.endpoints[listener]
    tls = "--tls-on-connect" if listener == "submissions" else "--tls"
    return run(["swaks", "--server", address, "--port", str(port), "--local-interface", OWNER, "--helo", "c.example", tls,
                "--from", "ann@company.ru", "--to", "someone@example.org", "--auth", mechanism, "--auth-user", "ann@company.ru",
                "--auth-password", password, "--timeout", "60"], status)


def curl(bench: Bench, listener: str, mechanism: str) -> str:
    address, port = bench.gateway.endpoints[listener]
    letter = bench.root / "letter"
    letter.write_bytes(LETTER)
    scheme = "smtps" if listener == "submissions" else "smtp"
    return run(["curl", "-sS", "--insecure", "--ssl-reqd", "--interface", OWNER, "--url", f"{scheme}://{address}:{port}",
                "--login-options", f"AUTH={mechanism}", "--user", f"ann@company.ru:{PASSWORD}", "--mail-from", "ann@company.ru",
                "--mail-rcpt", "someone@example.org", "--upload-file", str(letter)])


def msmtp(bench: Bench, listener: str, mechanism: str) -> str:
    address, port = bench.gateway.endpoints[listener]
    implicit = "off" if listener == "submissions" else "on"
    return run(["msmtp", "--file=/dev/null", f"--host={address}", f"--port={port}", f"--source-ip={OWNER}", "--tls=on",
                f"--tls-starttls={implicit}", "--tls-certcheck=off", f"--auth={mechanism}", "--user=ann@company.ru",
                f"--passwordeval=cat {bench.root}/password", "--from=ann@company.ru", "someone@example.org"], input=LETTER.decode())


def arrives(bench: Bench, send: Callable[[], object], listener: str) -> None:
    """The letter comes to the next hop, and says that its sender had logged in (RFC 3848)."""
    before = bench.sink.count
    send()
    wait_until(lambda: bench.sink.count > before, 20, "the letter has come to the next hop")
    head = bench.sink.messages[-1].octets().decode(errors="replace")
    if "with ESMTPSA" not in head:
        raise HarnessError(f"{listener}: no ESMTPSA in {head[:300]}")


def good_logins(bench: Bench) -> dict[str, Callable[[], None]]:
    (bench.root / "password").write_text(PASSWORD)
    out: dict[str, Callable[[], None]] = {}
    for listener in ("submission", "submissions"):
        for mechanism in ("PLAIN", "LOGIN"):
            out[f"swaks {mechanism} at {listener}"] = lambda l=listener, m=mechanism: arrives(
                bench, lambda: swaks(bench, l, m, PASSWORD), l)
            out[f"curl {mechanism} at {listener}"] = lambda l=listener, m=mechanism: arrives(bench, lambda: curl(bench, l, m), l)
        for mechanism in ("plain", "scram-sha-256"):
            out[f"msmtp {mechanism} at {listener}"] = lambda l=listener, m=mechanism: arrives(bench, lambda: msmtp(bench, l, m), l)
        for plus in (False, True):
            def own(l: str = listener, p: bool = plus) -> None:
                with Client(bench, OWNER, l) as client:
                    expect(client.scram("ann@company.ru", PASSWORD, p), 235, "2.7.0")
                    arrives(bench, lambda: expect(client.mail("ann@company.ru"), 250, "2."), l)
            out[f"SCRAM-SHA-256{'-PLUS' if plus else ''} at {listener}"] = own
    return out


def refused(bench: Bench) -> None:
    with Client(bench) as client:
        expect(client.plain("ann@company.ru", "wrong"), 535, "5.7.8")
        expect(client.plain("nobody", PASSWORD), 535, "5.7.8")
        expect(client.scram("ann@company.ru", "wrong"), 535, "5.7.8")
        expect(client.scram("nobody", PASSWORD), 535, "5.7.8")
        expect(client.scram("ann@company.ru", PASSWORD, True, b"x" * 32), 535, "5.7.8")
        expect(client.mail("ann@company.ru"), 530, "5.7.0")
        code, text = client.smtp.docmd("AUTH", "CRAM-MD5")
        expect((code, text.decode()), 504, "5.5.4")


def not_in_clear(bench: Bench) -> None:
    for listener in ("submission", "mx"):
        with Client(bench, listener=listener, tls=False) as client:
            if client.mechanisms():
                raise HarnessError(f"{listener} offers AUTH in clear")
    with Client(bench, tls=False) as client:
        expect(client.plain("ann@company.ru", PASSWORD), 538, "5.7.11")
    with Client(bench, listener="mx") as client:
        expect(client.plain("ann@company.ru", PASSWORD), 502, "5.5.1")
        expect(client.mail("ann@company.ru"), 550, "5.7.1")


def senders(bench: Bench) -> None:
    for sender, code, status in (("ann@company.ru", 553, "5.7.1"), ("bob@company.ru", 250, "2."), ("x@news.company.ru", 250, "2."),
                                 ("", 250, "2.")):
        with Client(bench) as client:
            expect(client.plain("Bob", BOB_PASSWORD), 235, "2.7.0")
            expect(client.mail(sender), code, status)
    with Client(bench) as client:
        expect(client.plain("ann@company.ru", PASSWORD), 235, "2.7.0")
        expect(client.mail("bob@company.ru"), 553, "5.7.1")


def reloaded(bench: Bench) -> None:
    """A new password counts without a restart, and the old one does not."""
    with Client(bench) as client:
        expect(client.plain("bob", BOB_PASSWORD), 235, "2.7.0")
    bench.passwd("bob", BOB_PASSWORD + "!")

    def changed() -> bool:
        with Client(bench) as client:
            return client.plain("bob", BOB_PASSWORD + "!")[0] == 235
    wait_until(changed, 20, "the new password counts")
    with Client(bench) as client:
        expect(client.plain("bob", BOB_PASSWORD), 535, "5.7.8")
    with Client(bench) as client:
        expect(client.scram("bob", BOB_PASSWORD), 535, "5.7.8")


def guess(bench: Bench, client: str, tries: int) -> list[int]:
    """Wrong passwords until the gateway has enough; the codes."""
    codes: list[int] = []
    while len(codes) < tries:
        with Client(bench, client) as session:
            while len(codes) < tries:
                codes.append(session.plain("ann@company.ru", f"guess {len(codes)}")[0])
                if codes[-1] == 421:
                    return codes
    return codes


def slowed(bench: Bench) -> None:
    """Each failure of a client waits longer than the one before; behind the limit there is no answer at all."""
    began = time.monotonic()
    codes = guess(bench, GUESSER, 10)
    took = time.monotonic() - began
    if codes != [535] * 4 + [421]:
        raise HarnessError(f"4 failures are allowed, and the client was told {codes}")
    if took < 0.1 * (1 + 2 + 4 + 8):
        raise HarnessError(f"four failures took {took:.2f} s")
    with Client(bench, GUESSER) as client:
        expect(client.plain("ann@company.ru", PASSWORD), 421, "4.7.0")


def many_clients(bench: Bench) -> None:
    """Guessing at one account from many addresses ends too; its owner logs in from where she has before, and only there."""
    with Client(bench, OWNER) as client:
        expect(client.plain("ann@company.ru", PASSWORD), 235, "2.7.0")
    codes: list[int] = []
    for host in range(2, 12):
        codes += guess(bench, f"127.0.4.{host}", 2)
        if 454 in codes:
            break
    if 454 not in codes or codes.count(535) > 12:
        raise HarnessError(f"the account's limit is 12 failures, and the clients were told {codes}")
    with Client(bench, ELSEWHERE) as client:
        expect(client.plain("ann@company.ru", PASSWORD), 454, "4.7.0")
        expect(client.plain("bob", BOB_PASSWORD), 235, "2.7.0")
    with Client(bench, OWNER) as client:
        expect(client.plain("ann@company.ru", PASSWORD), 235, "2.7.0")


RELAY = """
hostname = "relay.company.ru"
data_dir = "{data}"

[[listener]]
name = "mx"
bind = "127.0.0.1:0"
delivery = "queue"

[[domain]]
name = "company.ru"
mailboxes = "hop"

[[next_hop]]
name = "hop"
hosts = ["{address}:{port}"]
user = "ann@company.ru"
password = "file:{password}"

[retry]
first = "1h"
max = "1h"
"""


def outbound(bench: Bench, password: str) -> tuple[Gateway, int]:
    """A second postern that logs in at the first one before it sends, and how many letters had come before."""
    root = bench.root / f"relay-{secrets.token_hex(4)}"
    root.mkdir()
    (root / "password").write_text(password + "\n")
    address, port = bench.gateway.endpoints["submission"]
    config = RELAY.format(data=root / "data", address=address, port=port, password=root / "password")
    before = bench.sink.count
    relay = Gateway("relay", root, config).start()
    server = relay.endpoints["mx"]
    with smtplib.SMTP(*server, local_hostname="c.example", timeout=60, source_address=(OWNER, 0)) as smtp:
        smtp.sendmail("ann@company.ru", ["someone@company.ru"], LETTER)
    return relay, before


def logs_in_at_a_next_hop(bench: Bench) -> None:
    relay, before = outbound(bench, PASSWORD)
    try:
        wait_until(lambda: bench.sink.count > before, 20, "the letter has come by way of both")
        wait_until(lambda: "event=login command=SCRAM-SHA-256-PLUS account=ann@company.ru" in bench.log(), 20,
                   "the second postern logs in by the strongest mechanism")
    finally:
        relay.stop()
    relay, before = outbound(bench, "wrong")
    try:
        wait_until(lambda: any("outcome=deferred" in line for line in relay.log_lines("someone@company.ru")), 20,
                   "a wrong password defers the letter")
        if bench.sink.count != before:
            raise HarnessError("a letter went without a login")
        if not any("535" in line for line in relay.log_lines("someone@company.ru")):
            raise HarnessError("the log does not say why")
    finally:
        relay.stop()


def log_is_clean(bench: Bench) -> None:
    for told in (r"session .*client=127\.0\.\d+\.\d+ .*event=login_failed command=PLAIN account=ann@company\.ru",
                 r"event=login command=\S+ account=ann@company\.ru"):
        wait_until(lambda told=told: re.search(told, bench.log()) is not None, 20, f"the log has {told}")
    log = bench.log()
    for secret in (PASSWORD, BOB_PASSWORD, "guess 0"):
        for text in (secret, base64.b64encode(secret.encode()).decode()[:16], base64.b64encode(b"\0ann@company.ru\0" + secret.encode()).decode()[:40]):
            if text in log:
                raise HarnessError("a secret is in the log")


def main() -> int:
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="postern-auth-") as folder:
        os.chmod(folder, 0o755)
        root = Path(folder)
        (root / "a").mkdir()
        bench = Bench(root / "a")
        try:
            tally.play(good_logins(bench))
            tally.play({"wrong passwords, names and bindings are refused": lambda: refused(bench),
                        "nothing is offered or taken in clear, nor where users do not come": lambda: not_in_clear(bench),
                        "an account uses its own sender addresses": lambda: senders(bench),
                        "a new password counts without a restart": lambda: reloaded(bench),
                        "postern logs in at a next hop": lambda: logs_in_at_a_next_hop(bench),
                        "the log names accounts and clients, and no secret": lambda: log_is_clean(bench)})
        finally:
            bench.close()
        (root / "b").mkdir()
        bench = Bench(root / "b", per_client="4 in 10m", per_account="12 in 10m", delay="100ms")
        try:
            tally.play({"guessing from one address is slowed down and stopped": lambda: slowed(bench),
                        "guessing from many addresses is stopped, and does not lock the owner out": lambda: many_clients(bench),
                        "the log of guessing has no secret": lambda: log_is_clean(bench)})
        finally:
            bench.close()
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
