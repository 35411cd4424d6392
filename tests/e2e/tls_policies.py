# SPDX-License-Identifier: Apache-2.0
"""TLS towards next hops: what becomes of a letter by policy and certificate, with a real Postfix and a real Dovecot
submission server as next hops; and a Postfix that verifies postern."""

import re
import smtplib
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

from gateway import executable
from ports import EXCHANGE, STRANGER, WORKSPACE, free_port
from postfix import Postfix
from process import expect, tail, wait_until
from tally import Tally
from tls_bench import POLICIES, TLSMGR, Bench

UNVERIFIED = "encrypted, not verified"
CHAIN = "encrypted, verified by chain"
PIN = "encrypted, verified by pin"
PLAIN = ""
NO_TLS = "4.7.4"
BAD_TLS = "4.7.5"

# Certificate (or what is wrong with STARTTLS) -> policy -> outcome, and what the queue says of verify.
TABLE = {
    "good": (UNVERIFIED, UNVERIFIED, CHAIN, PIN, ""),
    "expired": (UNVERIFIED, UNVERIFIED, BAD_TLS, PIN, "certificate has expired"),
    "wrongname": (UNVERIFIED, UNVERIFIED, BAD_TLS, PIN, f"the certificate is not for {EXCHANGE}"),
    "selfsigned": (UNVERIFIED, UNVERIFIED, BAD_TLS, PIN, "self-signed certificate"),
    "untrusted": (UNVERIFIED, UNVERIFIED, BAD_TLS, PIN, "unable to get local issuer certificate"),
    "nostarttls": (PLAIN, NO_TLS, NO_TLS, NO_TLS, "not offered"),
}


def field(line: str, key: str) -> str:
    found = re.search(rf'\b{key}=("(?:[^"\\]|\\.)*"|\S+)', line)
    return found[1].strip('"') if found else ""


def check_row(bench: Bench, name: str, policy: str, expected: str, words: str) -> None:
    line = bench.outcome(name)
    if expected in (NO_TLS, BAD_TLS):
        expect(field(line, "outcome") == "deferred", line)
        expect(f"451 {expected}" in field(line, "reply"), line)
        shown = bench.shown(name)
        expect(expected in shown, shown)
        if policy == "verify":
            expect(words in shown, shown)
        return
    expect(field(line, "outcome") == "delivered", line)
    expect(field(line, "tls").startswith(expected) if expected else "tls=" not in line, line)


def postfix_table(bench: Bench) -> list:
    names = [f"{server}-{policy}" for server in TABLE for policy in POLICIES]
    bench.send([f"user@{name}.test" for name in names])

    def case(server: str, column: int) -> tuple:
        policy, expected, words = POLICIES[column], TABLE[server][column], TABLE[server][-1]
        label = f"Postfix, {server}, {policy}: {expected or 'in plain'}"
        return label, lambda: check_row(bench, f"{server}-{policy}", policy, expected, words)
    return [case(server, column) for server in TABLE for column in range(len(POLICIES))]


def dovecot_table(bench: Bench) -> list:
    expected = {("good", "verify"): CHAIN, ("wrongname", "verify"): BAD_TLS, ("selfsigned", "verify"): BAD_TLS,
                ("good", "encrypt"): UNVERIFIED, ("wrongname", "encrypt"): UNVERIFIED,
                ("selfsigned", "encrypt"): UNVERIFIED, ("good", "pinned"): PIN, ("wrongname", "pinned"): PIN,
                ("selfsigned", "pinned"): PIN}
    words = {"wrongname": f"the certificate is not for {WORKSPACE}", "selfsigned": "self-signed certificate", "good": ""}
    bench.send([f"user@dovecot-{name}-{policy}.test" for name, policy in expected])

    def case(name: str, policy: str, outcome: str) -> tuple:
        return (f"Dovecot submission with a login, {name}, {policy}: {outcome}",
                lambda: check_row(bench, f"dovecot-{name}-{policy}", policy, outcome, words[name]))

    def arrived() -> None:
        good = sum(1 for outcome in expected.values() if outcome != BAD_TLS)
        expect(bench.sink.wait_for(good, 20), f"{bench.sink.count} letters came through Dovecot, not {good}")
        expect(bench.sink.count == good, f"{bench.sink.count} letters came through Dovecot, not {good}")
    return [*(case(*key, outcome) for key, outcome in expected.items()),
            ("Dovecot passed on what it was given, and nothing else", arrived)]


def check_log_of_servers(bench: Bench) -> None:
    """Postfix itself saw TLS where postern says so."""
    lines = bench.postfix.log.read_text(errors="replace").splitlines()
    seen = sum("TLS connection established from" in line for line in lines)
    encrypted = sum(outcome in (UNVERIFIED, CHAIN, PIN) for row in TABLE.values() for outcome in row[:-1])
    expect(seen >= encrypted, f"Postfix saw {seen} TLS connections, not {encrypted} at least")


def postfix_as_client(bench: Bench) -> list:
    """A Postfix that verifies postern's certificate by the name that it expects."""
    address, port = bench.gateway.endpoints["mx"]
    client = Postfix("E", bench.root / "client", STRANGER, free_port(STRANGER))
    hop = f"[{address}]:{port}"
    client.services = TLSMGR
    client.main |= {
        "mynetworks": "127.0.0.0/8",
        "smtp_tls_security_level": "verify",
        "smtp_tls_CAfile": str(bench.authority.certificate),
        "smtp_tls_loglevel": "1",
        "transport_maps": client.table("transport", {"good-may.test": f"smtp:{hop}", "good-encrypt.test": f"smtp:{hop}"}),
    }

    def send(expected_name: str, domain: str) -> None:
        client.main["smtp_tls_policy_maps"] = client.table("policy", {hop: f"verify match={expected_name}"})
        client.start()
        with smtplib.SMTP(client.address, client.port, timeout=30) as session:
            session.sendmail("eve@client.example", [f"eve@{domain}"], "Subject: t\r\n\r\nhello\r\n")

    def good() -> None:
        try:
            send("gw.company.ru", "good-may.test")
            wait_until(lambda: any("status=sent" in line for line in client.log_lines("eve@good-may.test")), 20,
                       f"Postfix delivers to postern\n{tail(client.log)}")
            expect(any("Verified TLS connection established to" in line for line in client.log_lines("Verified TLS")),
                   tail(client.log))
        finally:
            client.stop()

    def wrong() -> None:
        try:
            send("mx.other.ru", "good-encrypt.test")
            wait_until(lambda: any("status=deferred" in line and "Server certificate not verified" in line
                                   for line in client.log_lines("eve@good-encrypt.test")), 20,
                       f"Postfix refuses postern\n{tail(client.log)}")
            expect(not bench.gateway.log_lines("to=<eve@good-encrypt.test>"), "a letter came all the same")
        finally:
            client.stop()
    return [("Postfix with smtp_tls_security_level = verify delivers to postern", good),
            ("... and refuses it under another name", wrong)]


def requiretls(bench: Bench) -> list:
    """RFC 8689, with a next hop that is verified and does not offer it."""
    mail = "mail FROM:<> REQUIRETLS"

    def in_plain() -> None:
        with smtplib.SMTP(*bench.gateway.endpoints["mx"], timeout=30) as client:
            client.ehlo()
            expect(not client.has_extn("requiretls"), client.esmtp_features)
            code, text = client.docmd(mail)
            expect((code, text[:6]) == (530, b"5.7.10"), (code, text))

    def over_tls() -> None:
        with smtplib.SMTP(*bench.gateway.endpoints["mx"], timeout=30) as client:
            client.starttls(context=trusting(bench.authority.certificate))
            client.ehlo()
            expect(client.has_extn("requiretls"), client.esmtp_features)
            expect(client.docmd(mail)[0] == 250, "MAIL with REQUIRETLS")
            expect(client.rcpt("demand@good-verify.test")[0] == 250, "RCPT")
            expect(client.data("Subject: t\r\n\r\nhello\r\n")[0] == 250, "DATA")

        def lines() -> list[str]:
            return [line for line in bench.gateway.log_lines("to=<demand@") if "outcome=queued" not in line]
        wait_until(lambda: bool(lines()), 20, "the letter was tried")
        expect(field(lines()[0], "outcome") == "failed" and "550 5.7.30" in field(lines()[0], "reply"), lines()[0])
    return [("REQUIRETLS is neither offered nor taken in plain", in_plain),
            ("... and goes to no next hop that does not offer it", over_tls)]


def watched(bench: Bench) -> list:
    """The authorities of a next hop change on disk."""
    def lines(who: str) -> list[str]:
        return [line for line in bench.gateway.log_lines(f"to=<{who}@watched.test>") if "outcome=queued" not in line]

    def send(who: str) -> str:
        bench.send([f"{who}@watched.test"])
        wait_until(lambda: bool(lines(who)), 20, "the letter was tried")
        return lines(who)[0]

    def told(times: int) -> None:
        wait_until(lambda: len(bench.gateway.log_lines(f"{bench.watched} has changed and was read anew")) == times, 20,
                   f"the file was read anew\n{tail(bench.gateway.log)}")

    def check() -> None:
        line = send("before")
        expect("outcome=deferred" in line and BAD_TLS in line, line)
        bench.watched.write_bytes(bench.other.certificate.read_bytes())
        told(1)
        line = send("behind")
        expect("outcome=delivered" in line and field(line, "tls").startswith(CHAIN), line)
        bench.watched.write_bytes(bench.authority.certificate.read_bytes())
        told(2)    # the connection that is kept was verified by the other one
        line = send("again")
        expect("outcome=deferred" in line and BAD_TLS in line, line)
    return [("authorities that change on disk count at once, also for connections that are kept", check)]


def not_required(bench: Bench) -> list:
    """RFC 8689, the header field TLS-Required: No."""
    field_line = "TLS-Required: No\r\n"
    waived = {"selfsigned": UNVERIFIED, "expired": UNVERIFIED, "nostarttls": "in plain"}

    def delivered(server: str, expected: str) -> None:
        line = bench.outcome(f"{server}-waived")
        expect(field(line, "outcome") == "delivered", line)
        expect(field(line, "tls").startswith(expected) and "the message says TLS-Required: No" in line, line)

    def kept() -> None:
        bench.send(["kept@selfsigned-verify.test"], field_line)
        wait_until(lambda: any("outcome=deferred" in line for line in bench.gateway.log_lines("to=<kept@")), 20,
                   "the letter was tried")
        letter = re.search(r"letter id=(\S+)", bench.gateway.log_lines("to=<kept@")[-1])[1]
        run = subprocess.run([str(executable()), "queue", "show", letter, "--config", str(bench.gateway.config)],
                             capture_output=True, text=True, check=False, timeout=30)
        expect("tls        the message says TLS-Required: No\n" in run.stdout, run.stdout + run.stderr)

    def both() -> None:
        with smtplib.SMTP(*bench.gateway.endpoints["mx"], timeout=30) as client:
            client.starttls(context=trusting(bench.authority.certificate))
            client.ehlo()
            client.docmd("mail FROM:<> REQUIRETLS")
            client.rcpt("both@selfsigned-waived.test")
            expect(client.data(f"Subject: t\r\n{field_line}\r\nhello\r\n")[0] == 250, "DATA")
        wait_until(lambda: any("outcome=failed" in line and "5.7.10" in line
                               for line in bench.gateway.log_lines("to=<both@")), 20, "the letter failed")

    bench.send([f"user@{server}-waived.test" for server in waived], field_line)
    return [*((f"TLS-Required: No, {server}: {expected}", lambda server=server, expected=expected: delivered(server, expected))
              for server, expected in waived.items()),
            ("... under an administrator's own verify it counts for nothing", kept),
            ("... nor under REQUIRETLS", both)]


def trusting(authority: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority))
    context.check_hostname = False    # it is 127.0.0.1 here
    return context


def main() -> int:
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="postern-tls-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        bench = Bench(root).start()
        try:
            tally.play(postfix_table(bench))
            tally.play([("Postfix saw TLS wherever the log says so", lambda: check_log_of_servers(bench))])
            tally.play(dovecot_table(bench))
            tally.play(requiretls(bench))
            tally.play(not_required(bench))
            tally.play(watched(bench))
            tally.play(postfix_as_client(bench))
        finally:
            bench.close()
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
