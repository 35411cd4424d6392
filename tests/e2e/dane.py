# SPDX-License-Identifier: Apache-2.0
"""DANE (RFC 7672) with a signed zone, a validating resolver and Postfix: postern as the client, and Postfix as its client."""

import hashlib
import smtplib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gateway import Gateway
from postfix import Postfix
from process import HarnessError, expect, wait_until
from signed_dns import RESOLVER, SignedDns, in_own_network, run, use_as_system_resolver
from tally import Tally

SIGNED, PLAIN = "signed.example", "plain.example"
GATEWAY, SUBMITTER = "127.0.2.1", "127.0.2.9"
# Clients that are not on loopback: these are looked up. The second has no name, the third one that is another's.
NAMED, NAMELESS, IMPOSTOR = "192.0.2.7", "192.0.2.8", "192.0.2.9"
REVERSE = "2.0.192.in-addr.arpa"
# Postfix's listeners, by the certificate that each shows.
GOOD, EXPIRED, WITHOUT_TLS = "127.0.1.1", "127.0.1.2", "127.0.1.3"

# What a Postfix needs for TLS beside the services that each has.
TLSMGR = "tlsmgr unix - - n 1000? 1 tlsmgr\n"

CONFIG = """
hostname = "gw.signed.example"
data_dir = "{data}"
listener = [{{ name = "mx", bind = "{gateway}:25", role = "mx", tls = "starttls", delivery = "queue" }}]
tls = {{ certificates = [{{ cert = "{certs}/gateway.pem", key = "{certs}/gateway.key" }}] }}
dns = {{ servers = ["{resolver}"] }}
relay.allow_without_auth = ["{gateway}", "192.0.2.0/24"]
next_hop = [{{ name = "own", hosts = ["{good}:25"] }}]
domain = [
  {{ name = "to-gateway.signed.example", mailboxes = "own" }},
  {{ name = "to-gateway-wrong.signed.example", mailboxes = "own" }},
]
[[tls_policy]]
domains = ["only-none.signed.example", "only-311.signed.example", "only.plain.example"]
tls = "dane-only"
[[tls_policy]]
domains = ["*"]
tls = "dane"
"""

# Domain, records of its MX host, its address, and what must become of a letter: words of its line in the log.
DELIVERED = ("outcome=delivered",)
DANE = (*DELIVERED, "verified by dane")
MAY = (*DELIVERED, "not verified")
DEFERRED = ("outcome=deferred",)
GARBAGE = "ab" * 32


class Certificates:
    """A test CA; a server's certificate that it has issued, one that has expired, and the gateway's own."""

    def __init__(self, root: Path):
        self.root = root
        root.mkdir()
        self._make("ca", "/CN=Test CA", "-x509", "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE")
        self._issue("good", "DNS:h201.signed.example,DNS:domain-name.signed.example", "20991231235959Z")
        self._issue("expired", "DNS:other.example", "20200101000000Z")
        self._issue("gateway", "DNS:elsewhere.example", "20991231235959Z")

    def _make(self, name: str, subject: str, *more: str) -> None:
        run(self.root, "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
            "-keyout", f"{name}.key", "-out", f"{name}.pem" if "-x509" in more else f"{name}.csr", *more)

    def _issue(self, name: str, names: str, end: str) -> None:
        self._make(name, f"/CN={name}")
        (self.root / "index").write_text("")
        (self.root / "ca.conf").write_text(
            "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=any\n"
            f"unique_subject=no\nrand_serial=yes\n[any]\ncommonName=supplied\n[ext]\nsubjectAltName={names}\n")
        run(self.root, "openssl", "ca", "-batch", "-notext", "-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key",
            "-in", f"{name}.csr", "-out", f"{name}.crt", "-startdate", "20190101000000Z", "-enddate", end,
            "-extensions", "ext")
        chain = (self.root / f"{name}.crt").read_text() + (self.root / "ca.pem").read_text()
        (self.root / f"{name}.pem").write_text(chain)

    def _der(self, file: str, key: bool) -> bytes:
        source = ["openssl", "x509", "-in", file, *(["-noout", "-pubkey"] if key else ["-outform", "DER"])]
        made = subprocess.run(source, cwd=self.root, capture_output=True, check=True).stdout
        if not key:
            return made
        return subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=made, capture_output=True,
                              check=True).stdout

    def tlsa(self, usage: int, selector: int, matching: int, name: str) -> str:
        octets = self._der("ca.pem" if usage in (0, 2) else f"{name}.crt", selector == 1)
        digest = [octets.hex(), hashlib.sha256(octets).hexdigest(), hashlib.sha512(octets).hexdigest()][matching]
        return f"{usage} {selector} {matching} {digest}"


def cases(certs: Certificates) -> dict[str, tuple[str, list[str], tuple[str, ...]]]:
    """By the label of domain and host: the host's address, its TLSA records, and words of the log's line."""
    good = {numbers: certs.tlsa(*(int(n) for n in numbers), "good") for numbers in ("311", "310", "300", "312", "201", "111")}
    return {
        "d311": (GOOD, [good["311"]], DANE),
        "d300": (GOOD, [good["300"]], DANE),
        "d310": (GOOD, [good["310"]], DANE),
        "d312": (GOOD, [good["312"]], DANE),
        "d201": (GOOD, [good["201"]], DANE),
        "domain-name": (GOOD, [good["201"]], DANE),                        # the certificate is for the domain
        "other-name": (GOOD, [good["201"]], (*DEFERRED, "4.7.5")),         # usage 2 asks for the name
        "rollover": (GOOD, [f"3 1 1 {GARBAGE}", good["311"]], DANE),
        "expired": (EXPIRED, [certs.tlsa(3, 1, 1, "expired")], DANE),      # usage 3 asks for no date
        "wrong": (GOOD, [f"3 1 1 {GARBAGE}"], (*DEFERRED, "4.7.5")),
        "bogus": (GOOD, [good["311"]], (*DEFERRED, "4.7.5", "TLSA")),
        "no-starttls": (WITHOUT_TLS, [good["311"]], (*DEFERRED, "4.7.")),
        "unusable": (GOOD, [good["111"]], MAY),                            # encrypted all the same
        "unusable-plain": (WITHOUT_TLS, [good["111"]], (*DEFERRED, "4.7.")),
        "none": (GOOD, [], MAY),
        "only-311": (GOOD, [good["311"]], DANE),
        "only-none": (GOOD, [], (*DEFERRED, "4.7.5")),
    }


def zone_records(certs: Certificates) -> str:
    lines = []
    for label, (address, records, _) in cases(certs).items():
        host = {"d201": "h201"}.get(label, f"mx-{label}")
        lines += [f"{label} IN MX 10 {host}", f"{host} IN A {address}"]
        lines += [f"_25._tcp.{host} IN TLSA {record}" for record in records]
    lines += ["alias IN MX 10 alias-host", "alias-host IN CNAME mx-d311"]
    for label, record in (("to-gateway", certs.tlsa(3, 1, 1, "gateway")), ("to-gateway-wrong", f"3 1 1 {GARBAGE}")):
        lines += [f"{label} IN MX 10 mx-{label}", f"mx-{label} IN A {GATEWAY}", f"_25._tcp.mx-{label} IN TLSA {record}"]
    return "\n".join(lines)


def forge(text: str) -> str:
    """Another hash in the TLSA record of "bogus" than the one that was signed."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("_25._tcp.mx-bogus.") and "\tTLSA\t" in line:
            lines[index] = line[:-4] + ("0000" if line[-4:] != "0000" else "1111")
            return "\n".join(lines) + "\n"
    raise HarnessError("the signed zone has no TLSA record to forge")


def servers(root: Path, certs: Path) -> Postfix:
    """One Postfix with a listener for each certificate; it throws away what it takes."""
    postfix = Postfix("mx", root, GOOD, 25)
    postfix.main |= {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": f"{certs}/good.pem",
                     "smtpd_tls_key_file": f"{certs}/good.key", "smtpd_tls_loglevel": "1", "mynetworks": "127.0.0.0/8",
                     "default_transport": "discard", "relay_transport": "discard"}
    postfix.services = TLSMGR + (
        f"{EXPIRED}:25 inet n - n - - smtpd -o smtpd_tls_cert_file={certs}/expired.pem"
        f" -o smtpd_tls_key_file={certs}/expired.key\n"
        f"{WITHOUT_TLS}:25 inet n - n - - smtpd -o smtpd_tls_security_level=none\n")
    return postfix


def submitter(root: Path) -> Postfix:
    """A Postfix that sends under DANE or not at all."""
    postfix = Postfix("client", root, SUBMITTER, 25)
    postfix.main |= {"smtp_tls_security_level": "dane-only", "smtp_dns_support_level": "dnssec", "smtp_host_lookup": "dns",
                     "smtp_tls_loglevel": "1", "mynetworks": "127.0.0.0/8", "relay_domains": SIGNED,
                     "parent_domain_matches_subdomains": "relay_domains", "smtp_bind_address": SUBMITTER}
    postfix.services = TLSMGR
    return postfix


def send(server: tuple[str, int], recipient: str, source: str, fields: bytes = b"") -> None:
    with smtplib.SMTP(*server, local_hostname="client.example", timeout=20, source_address=(source, 0)) as client:
        client.sendmail("nina@client.example", [recipient], b"Subject: dane\r\n" + fields + b"\r\nbody\r\n")


def outcome(gateway: Gateway, recipient: str) -> str:
    """The first line of the log that says what became of a letter."""
    lines = [line for line in gateway.log_lines(f"to=<{recipient}>")
             if "outcome=delivered" in line or "outcome=deferred" in line or "outcome=bounced" in line]
    return lines[0] if lines else ""


def arrives_as(gateway: Gateway, recipient: str, words: tuple[str, ...], fields: bytes = b"") -> None:
    send((GATEWAY, 25), recipient, GATEWAY, fields)
    wait_until(lambda: bool(outcome(gateway, recipient)), 20, f"an outcome for {recipient}\n"
               + "\n".join(gateway.log_lines(recipient)))
    line = outcome(gateway, recipient)
    expect(all(word in line for word in words), f"wanted {words}: {line}")


def postfix_says(client: Postfix, recipient: str, *words: str) -> None:
    send((SUBMITTER, 25), recipient, SUBMITTER)

    def said() -> str:
        lines = [line for line in client.log_lines(recipient) if "status=" in line]
        return lines[0] if lines else ""

    wait_until(lambda: bool(said()), 20, f"Postfix has tried {recipient}\n" + "\n".join(client.log_lines(recipient)))
    text = client.log.read_text(errors="replace")
    expect(all(word in said() or word in text for word in words), f"wanted {words}: {said()}\n{text[-1500:]}")
    expect(words[0] in said(), f"wanted {words[0]}: {said()}")


def from_postfix(tally: Tally, client: Postfix) -> None:
    tally.check("Postfix with dane-only delivers to postern's listener", lambda: postfix_says(
        client, f"u@to-gateway.{SIGNED}", "status=sent", f"Verified TLS connection established to mx-to-gateway.{SIGNED}"))
    tally.check("Postfix with dane-only refuses a listener whose TLSA record is another's", lambda: postfix_says(
        client, f"u@to-gateway-wrong.{SIGNED}", "status=deferred", "no matching DANE TLSA records"))


def clients_have_names(gateway: Gateway) -> None:
    for client, name in ((NAMED, f"client_name=client.{PLAIN}"), (NAMELESS, None), (IMPOSTOR, None)):
        recipient = f"from-{client}@none.{SIGNED}"
        send((GATEWAY, 25), recipient, client)
        wait_until(lambda: bool(gateway.log_lines(recipient)), 20, f"a line for {recipient}")
        line = gateway.log_lines(recipient)[0]
        expect(f"client={client} " in line, f"another client: {line}")
        expect(name in line if name else "client_name=" not in line, f"wanted {name}: {line}")


def explain_shows_dns(gateway: Gateway) -> None:
    for recipient, wanted in ((f"u@d311.{SIGNED}", [("MX", True), ("A/AAAA", True), ("TLSA", True)]),
                              (f"u@plain.{PLAIN}", [("MX", False), ("A/AAAA", False)])):
        found = gateway.explain(GATEWAY, "nina@client.example", recipient)["dns"]
        expect([(one["type"], one["secure"]) for one in found] == wanted, f"{recipient}: {found}")
        expect(all(one["records"] for one in found), f"{recipient}: {found}")


def explain_shows_tls(gateway: Gateway) -> None:
    for recipient, demand, verified_by in ((f"u@d311.{SIGNED}", "verify", "dane"), (f"u@plain.{PLAIN}", "may", None)):
        found = gateway.explain(GATEWAY, "nina@client.example", recipient)["tls"]
        expect([(one["level"], one["demand"], one["verified_by"]) for one in found] == [("dane", demand, verified_by)],
               f"{recipient}: {found}")


def play(root: Path, tally: Tally) -> None:
    certs = Certificates(root / "certs")
    plain = f"plain IN MX 10 mx\nmx IN A {GOOD}\nonly IN MX 10 mx\n_25._tcp.mx IN TLSA 3 1 1 {GARBAGE}"
    plain += f"\nclient IN A {NAMED}"
    pointers = f"7 IN PTR client.{PLAIN}.\n9 IN PTR client.{PLAIN}."
    dns = SignedDns(root / "dns", {SIGNED: zone_records(certs)}, {PLAIN: plain, REVERSE: pointers}, forge)
    mx, client = servers(root / "mx", certs.root), submitter(root / "client")
    gateway = Gateway("gateway", root / "gateway", CONFIG.format(
        data=root / "gateway" / "data", gateway=GATEWAY, certs=certs.root, resolver=RESOLVER, good=GOOD))
    try:
        dns.start()
        use_as_system_resolver(root)
        mx.start()
        client.start()
        gateway.start()
        for label, (_, records, words) in cases(certs).items():
            kinds = ", ".join(record[:5] for record in records) or "no TLSA"
            tally.check(f"{label} ({kinds}): {' '.join(words)}",
                        lambda label=label, words=words: arrives_as(gateway, f"u@{label}.{SIGNED}", words))
        tally.check("an MX host that is an alias", lambda: arrives_as(gateway, f"u@alias.{SIGNED}", DANE))
        tally.check("a zone that is not signed: its TLSA record does not count",
                    lambda: arrives_as(gateway, f"u@plain.{PLAIN}", MAY))
        tally.check("a zone that is not signed, dane-only",
                    lambda: arrives_as(gateway, f"u@only.{PLAIN}", (*DEFERRED, "4.7.5")))
        # RFC 8689: the sender asks that the recipient's policy be ignored; not that of the gateway's administrator.
        for label, words in (("wrong", MAY), ("bogus", MAY), ("no-starttls", (*DELIVERED, "in plain")),
                             ("only-none", (*DEFERRED, "4.7.5"))):
            if words[0] in DELIVERED:
                words = (*words, "the message says TLS-Required: No")
            tally.check(f"TLS-Required: No, {label}: {' '.join(words)}", lambda label=label, words=words: arrives_as(
                gateway, f"waived@{label}.{SIGNED}", words, b"TLS-Required: No\r\n"))
        from_postfix(tally, client)
        tally.check("clients are called what DNS confirms", lambda: clients_have_names(gateway))
        tally.check("explain shows what was resolved", lambda: explain_shows_dns(gateway))
        tally.check("explain shows what TLS a delivery demands", lambda: explain_shows_tls(gateway))
    finally:
        gateway.stop()
        client.stop()
        mx.stop()
        dns.stop()


def main() -> int:
    in_own_network(NAMED, NAMELESS, IMPOSTOR)
    tally = Tally()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="postern-dane-") as folder:
        Path(folder).chmod(0o755)
        play(Path(folder), tally)
    print(f"in {time.monotonic() - started:.1f} s")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
