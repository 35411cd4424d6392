# SPDX-License-Identifier: Apache-2.0
"""TLS of listeners: versions and ciphers one by one, which certificate a client gets, tickets, clients by their own
certificates, plain octets around STARTTLS, and renewal under load. Clients are openssl s_client, swaks, curl and smtplib."""

import os
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from pki import Authority, Pair
from gateway import Gateway, executable
from ports import OUTSIDE, free_port
from process import expect, wait_until
from sink import Sink
from tally import Tally
from tls_scan import Server, ciphers, groups, no_extras, old_hello, s_client, served_by, versions

ELSEWHERE = "someone@elsewhere.example"
LETTER = b"Subject: a letter\r\n\r\nIt is short.\r\n"

CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"
{listeners}
[[next_hop]]
name = "out"
hosts = ["{address}:{port}"]
behaves = "final"

[[domain]]
name = "company.ru"
mailboxes = "out"

[gateways]
external = ["out"]

[tls]
certificates = [{certificates}]

[relay]
allow_without_auth = ["{address}"]
allow_with_certificate = [
  {{ name = "printer", fingerprint = "{printer}" }},
  {{ name = "branch", host = "relay.branch.company.ru", ca = "{ca}" }},
  {{ name = "late", fingerprint = "{expired}" }},
]
"""

LISTENERS = {"mx": 'role = "mx"\ntls = "starttls"', "smtps": 'role = "mx"\ntls = "implicit"',
             "asking": 'role = "mx"\ntls = "starttls"\nask_certificate = true',
             "submission": 'role = "submission"\nauth = false\ntls = "implicit"\nask_certificate = true'}


class Bench:
    """The gateway with several certificates, clients with theirs, and a next hop that takes everything."""

    def __init__(self, root: Path):
        self.root = root
        self.ca = Authority(root / "pki")
        self.other_ca = Authority(root / "pki", "other")
        issue = self.ca.issue
        self.served = {"ecdsa": issue("gw-ecdsa", "DNS:gw.company.ru"), "rsa": issue("gw-rsa", "DNS:gw.company.ru", "rsa"),
                       "mail": issue("mail", "DNS:mail.company.ru"), "any": issue("any", "DNS:*.company.ru", "rsa")}
        self.printer = issue("printer", "DNS:printer")
        self.branch = issue("branch", "DNS:relay.branch.company.ru", "rsa")
        self.stranger = issue("stranger", "DNS:stranger.example")
        self.false_branch = self.other_ca.issue("false-branch", "DNS:relay.branch.company.ru")
        self.expired = issue("expired", "DNS:late", days=-1)
        port = free_port(OUTSIDE)
        self.sink = Sink(root / "sink", OUTSIDE, port).start()
        listeners = "".join(f'\n[[listener]]\nname = "{name}"\nbind = "127.0.0.1:0"\n{keys}\n' for name, keys in LISTENERS.items())
        config = CONFIG.format(data=root / "gateway" / "data", listeners=listeners, address=OUTSIDE, port=port, ca=self.ca.pair.cert,
                               certificates=", ".join(pair.toml() for pair in self.served.values()),
                               printer=self.printer.fingerprint(), expired=f"sha256:{self.expired.fingerprint()}")
        self.gateway = Gateway("gateway", root / "gateway", config).start()

    def close(self) -> None:
        self.gateway.stop()
        self.sink.stop()

    def server(self, listener: str = "smtps") -> Server:
        return Server(self.gateway.endpoints[listener], "implicit" not in LISTENERS[listener])

    def log(self) -> str:
        return self.gateway.log.read_text(errors="replace")

    def context(self, pair: Pair | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca.pair.cert))
        if pair is not None:
            context.load_cert_chain(pair.cert, pair.key)
        return context


# Certificates by name and by kind

def by_name(bench: Bench) -> None:
    for name, cn in (("gw.company.ru", "gw-ecdsa"), ("mail.company.ru", "mail"), ("MX7.company.ru", "any"),
                     ("a.b.company.ru", "gw-ecdsa"), ("elsewhere.example", "gw-ecdsa")):
        for listener in ("smtps", "mx"):
            got = served_by(s_client(bench.server(listener), "-brief", "-servername", name, "-sigalgs", "ECDSA+SHA256:RSA-PSS+SHA256"))
            expect(got == cn, f"{name} at {listener} got {got}, not {cn}")
    expect(served_by(s_client(bench.server(), "-brief", "-noservername")) in ("gw-ecdsa", "gw-rsa"), "the first is for clients without a name")


def by_kind(bench: Bench) -> None:
    for version in ("-tls1_2", "-tls1_3"):
        for algorithms, cn in (("ECDSA+SHA256", "gw-ecdsa"), ("RSA-PSS+SHA256:RSA+SHA256", "gw-rsa")):
            got = served_by(s_client(bench.server(), "-brief", version, "-servername", "gw.company.ru", "-sigalgs", algorithms))
            expect(got == cn, f"{algorithms} with {version} got {got}")


def resumption(bench: Bench) -> None:
    for version in ("-tls1_2", "-tls1_3"):
        ticket = str(bench.root / f"ticket{version}")
        first = s_client(bench.server(), version, "-ign_eof", "-sess_out", ticket)
        expect("New, TLS" in first, first[-400:])
        reloads = bench.log().count("reloaded ")
        os.kill(bench.gateway.pid, signal.SIGHUP)
        wait_until(lambda n=reloads: bench.log().count("reloaded ") > n, 20, "the config was reloaded")
        again = s_client(bench.server(), version, "-ign_eof", "-sess_in", ticket)
        expect("Reused, TLS" in again and "221 2.0.0" in again, f"{version}: {again[-600:]}")
        asked = s_client(bench.server("submission"), version, "-ign_eof", "-sess_in", ticket)
        expect("New, TLS" in asked, f"resumed where clients are asked for certificates: {asked[-400:]}")


# Clients

def swaks_and_curl(bench: Bench) -> None:
    address, port = bench.gateway.endpoints["mx"]
    done = subprocess.run(["swaks", "--server", address, "--port", str(port), "--from", "a@example.org", "--to", "swaks@company.ru",
                           "--tls", "--tls-verify", "--tls-ca-path", str(bench.ca.pair.cert), "--tls-sni", "mail.company.ru"],
                          capture_output=True, text=True, check=False, timeout=60)
    expect(done.returncode == 0 and "CN=mail" in done.stdout, done.stdout[-600:] + done.stderr)
    letter = bench.root / "letter"
    letter.write_bytes(LETTER)
    for scheme, listener in (("smtp", "mx"), ("smtps", "smtps")):
        address, port = bench.gateway.endpoints[listener]
        done = subprocess.run(["curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", str(bench.ca.pair.cert), "--resolve",
                               f"mx3.company.ru:{port}:{address}", f"{scheme}://mx3.company.ru:{port}/client.example", "--mail-from",
                               "a@example.org", "--mail-rcpt", "curl@company.ru", "--upload-file", str(letter)],
                              capture_output=True, text=True, check=False, timeout=60)
        expect(done.returncode == 0, f"curl {scheme}: {done.stderr}")
    expect(bench.sink.wait_for(3, 20), f"{bench.sink.count} of 3 letters arrived")
    for message in bench.sink.messages[:3]:
        head = message.octets().partition(b"\r\n\r\n")[0]
        expect(re.search(rb"with ESMTPS id \S+\r\n\t\(TLSv1\.[23] \S+\)", head) is not None, f"no version and cipher: {head!r}")


def relayed(bench: Bench, pair: Pair | None, listener: str = "asking") -> tuple[int, str]:
    """The reply to a recipient elsewhere, for a client with that certificate."""
    address, port = bench.gateway.endpoints[listener]
    if "implicit" in LISTENERS[listener]:
        context = bench.context(pair)
        context.check_hostname = False
        smtp = smtplib.SMTP_SSL(address, port, "client.example", timeout=30, context=context)
    else:
        smtp = smtplib.SMTP(address, port, "client.example", timeout=30)
        context = bench.context(pair)
        context.check_hostname = False
        smtp.starttls(context=context)
    try:
        smtp.ehlo()
        code, text = smtp.mail("a@company.ru")
        if code == 250:
            code, text = smtp.rcpt(ELSEWHERE)
        if code == 250:
            code, text = smtp.data(LETTER)
        return code, text.decode()
    finally:
        smtp.close()


def by_certificate(bench: Bench) -> None:
    for listener, refusal in (("asking", 550), ("submission", 530)):
        for pair, good in ((bench.printer, True), (bench.branch, True), (None, False), (bench.stranger, False),
                           (bench.false_branch, False), (bench.expired, False)):
            code, text = relayed(bench, pair, listener)
            expect(code == (250 if good else refusal), f"{pair.cert.stem if pair else 'nobody'} at {listener}: {code} {text}")
    expect(relayed(bench, bench.printer, "mx")[0] == 550, "a listener that does not ask takes nobody's certificate")
    for wanted in (r"auth=certificate:printer", r"auth=certificate:branch",
                   r"event=ignored .*stranger\.example, sha256:[0-9a-f]{64}: it is not in relay\.allow_with_certificate",
                   r"event=ignored .*as branch: unable to get local issuer certificate", r"event=ignored .*as late: it has expired"):
        wait_until(lambda wanted=wanted: re.search(wanted, bench.log()) is not None, 20, f"the log says {wanted}")

    def found() -> list:
        return [m for m in bench.sink.messages if m.recipients == [ELSEWHERE]]

    wait_until(lambda: len(found()) >= 4, 20, "four letters are relayed")
    expect(b" with ESMTPS id " in found()[0].octets(), "a certificate is no AUTH: ESMTPS, not ESMTPSA (RFC 3848)")


def explained(bench: Bench) -> None:
    for who, wanted in ((["--auth", "certificate:printer"], "authenticated as certificate:printer"), ([], "relaying denied")):
        done = subprocess.run([str(executable()), "explain", "--config", str(bench.gateway.config), "--client", "127.0.0.1", "--from",
                               "a@company.ru", "--to", ELSEWHERE, "--listener", "asking", *who],
                              capture_output=True, text=True, check=False, timeout=30)
        expect(wanted in done.stdout.lower(), f"explain {who}: {done.stdout}{done.stderr}")


# Plain octets around STARTTLS

def injections(bench: Bench) -> None:
    before = bench.sink.count
    inject = b"MAIL FROM:<evil@company.ru>\r\nRCPT TO:<victim@company.ru>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n"
    for what, octets in (("commands", inject), ("half a command", b"MAI"), ("a line end", b"\r\n"), ("a NUL", b"\0"),
                         ("a ClientHello", b"\x16\x03\x01\x00\x2f\x01")):
        for together in (True, False):
            with socket.create_connection(bench.gateway.endpoints["mx"], timeout=20) as plain:
                lines = plain.makefile("rb")
                lines.readline()
                plain.sendall(b"EHLO evil.example\r\n")
                while lines.readline()[3:4] == b"-":
                    pass
                if together:
                    plain.sendall(b"STARTTLS\r\n" + octets)
                    reply = lines.readline()
                    expect(reply.startswith(b"554 5.5.1 ") and lines.readline() == b"", f"{what}, same packet: {reply!r}")
                    continue
                plain.sendall(b"STARTTLS\r\n")
                expect(lines.readline().startswith(b"220 "), "no 220")
                try:
                    plain.sendall(octets + b"\0" * 64)
                    rest = lines.read()
                except ConnectionError:
                    rest = b""
                expect(not re.search(rb"^[2-5]\d\d[ -]", rest, re.M), f"{what}, next packet: {rest!r}")
    expect(bench.sink.count == before, "a letter that was injected went out")
    wait_until(lambda: "event=refused command=STARTTLS" in bench.log() and 'why="TLS handshake: ' in bench.log(), 20, "the log says so")


# Renewal

class Load:
    """Sessions that send letter after letter, some over one connection, some over many."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.done = threading.Event()
        self.sent = 0
        self.problems: list[str] = []
        self.threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(4)]
        for thread in self.threads:
            thread.start()

    def _run(self, number: int) -> None:
        smtp: smtplib.SMTP | None = None
        try:
            while not self.done.is_set():
                if smtp is None:
                    address, port = self.bench.gateway.endpoints["smtps"]
                    context = self.bench.context()
                    context.check_hostname = False
                    smtp = smtplib.SMTP_SSL(address, port, "load.example", timeout=30, context=context)
                smtp.sendmail("a@example.org", f"load{number}@company.ru", LETTER)
                self.sent += 1
                if number % 2 == 0:
                    smtp.quit()
                    smtp = None
        except (OSError, smtplib.SMTPException) as error:
            self.problems.append(repr(error))

    def stop(self) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join(30)


def serial_served(bench: Bench) -> bytes:
    context = bench.context()
    context.check_hostname = False
    with socket.create_connection(bench.gateway.endpoints["smtps"], timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname="mail.company.ru") as secure:
            return secure.getpeercert(binary_form=True) or b""


def renewal(bench: Bench) -> None:
    """The certificate is replaced twice under load, the config reloaded meanwhile; nobody loses a session."""
    load = Load(bench)
    try:
        for turn in range(2):
            before = serial_served(bench)
            bench.ca.issue(f"renewed{turn}", "DNS:mail.company.ru").move_to(bench.served["mail"])
            if turn == 1:
                os.kill(bench.gateway.pid, signal.SIGHUP)
            wait_until(lambda b=before: serial_served(bench) != b, 20, "the renewed certificate is served")
        wait_until(lambda: load.sent > 50, 20, "letters go on")
    finally:
        load.stop()
    expect(not load.problems, f"sessions were lost: {load.problems}")
    wait_until(lambda: "certificates were renewed: " in bench.log(), 20, "the log says so")


def broken_renewal(bench: Bench) -> None:
    """A certificate without its key: told once, and the old one goes on; then the key comes."""
    before = serial_served(bench)
    fresh = bench.ca.issue("fresh", "DNS:mail.company.ru")
    fresh.cert.rename(bench.served["mail"].cert)
    wait_until(lambda: "stay in use until the files change again" in bench.log(), 20, "the log tells of the misfit")
    expect(serial_served(bench) == before, "the old certificate is gone")
    reloads = bench.log().count("is not taken: the config of before goes on")
    os.kill(bench.gateway.pid, signal.SIGHUP)
    wait_until(lambda: bench.log().count("is not taken: the config of before goes on") > reloads, 20, "SIGHUP is refused")
    expect(serial_served(bench) == before, "the old certificate is gone behind SIGHUP")
    fresh.key.rename(bench.served["mail"].key)
    wait_until(lambda: serial_served(bench) != before, 20, "the new certificate is served")
    expect(bench.log().count("stay in use until") == 1, "the misfit is told more than once")


def checked(bench: Bench) -> None:
    """What `postern check` says of certificates that run out."""
    config = bench.root / "check.toml"
    text = bench.gateway.config.read_text()
    for days, code in ((90, None), (20, "certificate-expires"), (-1, "certificate-expired")):
        pair = bench.ca.issue(f"days{days}", "DNS:gw.company.ru", days=days)
        config.write_text(re.sub(r"^certificates = .*$", f"certificates = [{pair.toml()}]", text, flags=re.M))
        done = subprocess.run([str(executable()), "check", "--config", str(config)], capture_output=True, text=True, check=False, timeout=30)
        said = done.stdout + done.stderr
        expect((code or "certificate") in said if code else "certificate-" not in said, f"{days} days: {said}")
        expect(done.returncode == (1 if code else 0), f"{days} days: status {done.returncode}: {said}")


def stuck_file(bench: Bench) -> None:
    """A file on a disk that does not answer (here a pipe) holds up neither clients nor the end. The last case: it stops the gateway."""
    pipe, cert = bench.root / "pipe", bench.served["any"].cert
    before = serial_served(bench)
    os.mkfifo(pipe)
    pipe.rename(cert)
    writers: list[int] = []

    def is_being_read() -> bool:
        try:
            writers.append(os.open(cert, os.O_WRONLY | os.O_NONBLOCK))  # from now on the read waits for this end
        except OSError:
            return False
        return True

    wait_until(is_being_read, 20, "the gateway reads the file again")
    try:
        expect(serial_served(bench) == before, "another certificate, or none, is served meanwhile")
        bench.gateway.stop()
        expect("still being read: left behind at the stop" in bench.log(), "the log does not say so")
    finally:
        os.close(writers.pop())
    expect("stopped; recipients: " in bench.log(), "the log has not its last line")


def main() -> int:
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="postern-tls-") as folder:
        bench = Bench(Path(folder))
        try:
            tally.play({
                "TLS 1.2 and 1.3, and nothing older": lambda: [versions(bench.server(name)) for name in ("smtps", "mx")],
                "SSL 3.0 is refused": lambda: old_hello(bench.server()),
                "of all ciphers, Mozilla's intermediate": lambda: ciphers(bench.server()),
                "of all groups, X25519, P-256 and P-384": lambda: groups(bench.server()),
                "no renegotiation, compression or early data": lambda: no_extras(bench.server()),
                "the server name chooses the certificate": lambda: by_name(bench),
                "the client's algorithms choose between ECDSA and RSA": lambda: by_kind(bench),
                "tickets are good behind a reload, and at no other kind of listener": lambda: resumption(bench),
                "swaks and curl verify, and Received says ESMTPS": lambda: swaks_and_curl(bench),
                "clients relay by their certificates": lambda: by_certificate(bench),
                "explain knows them": lambda: explained(bench),
                "whoever speaks plain around STARTTLS is refused": lambda: injections(bench),
                "certificates are renewed under load": lambda: renewal(bench),
                "a renewal that does not fit waits": lambda: broken_renewal(bench),
                "check tells when certificates run out": lambda: checked(bench),
                "a file that does not answer holds up nobody, and not the end": lambda: stuck_file(bench),
            })
        finally:
            bench.close()
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
