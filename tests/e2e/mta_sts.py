# SPDX-License-Identifier: Apache-2.0
"""MTA-STS (RFC 8461) and TLS-RPT (RFC 8460): policies from a web server with a certificate of a test CA, MX hosts with good and
wrong certificates, and the reports that arrive."""

import email
import gzip
import json
import re
import smtplib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from authority import Authority
from dns_server import DnsServer
from gateway import Gateway, executable
from policy_host import PolicyHost
from process import expect, wait_until
from signed_dns import in_own_network
from sink import Options, Sink
from tally import Tally

RESOLVER, WEB, GATEWAY = "127.0.0.53", "127.0.3.1", "127.0.2.1"
GOOD, WRONG, PLAIN = "127.0.1.1", "127.0.1.2", "127.0.1.3"    # MX hosts, by the certificate that each shows

CONFIG = """
hostname = "gw.sender.example"
data_dir = "{data}"
listener = [
  {{ name = "mx", bind = "{address}:25", role = "mx", delivery = "queue" }},
  {{ name = "auto", bind = "{address}:26", role = "mx", delivery = "auto" }},
  {{ name = "through", bind = "{address}:27", role = "mx", delivery = "cut_through" }},
]
dns = {{ servers = ["{resolver}:53"] }}
relay.allow_without_auth = ["127.0.0.0/8"]
retry = {{ first = "60s" }}
[mta_sts]
ca = "{ca}"
[[tls_policy]]
domains = ["*"]
tls = "sts"
ca = "{ca}"
{more}
"""
REPORTS = '[tls_report]\nfrom = "tls@sender.example"\norganization = "Sender"\ncontact = "admin@sender.example"\n'


class Scene:
    """Everything around the gateway. Domains are made by add()."""

    def __init__(self, root: Path):
        self.root = root
        self.ca = Authority(root / "ca")
        self.dns = DnsServer(RESOLVER)
        self.web = PolicyHost(WEB, self.ca.context(*_hosts("mta-sts"))).start()
        good = self.ca.context(*_hosts("mx"), *_hosts("mx2"))
        wrong = self.ca.context("elsewhere.example")
        self.good = Sink(root / "good", GOOD, 25, Options(tls=good)).start()
        self.wrong = Sink(root / "wrong", WRONG, 25, Options(tls=wrong)).start()
        self.plain = Sink(root / "plain", PLAIN, 25, Options()).start()
        self.gateway: Gateway | None = None

    def start_gateway(self, more: str = REPORTS) -> Gateway:
        config = CONFIG.format(data=self.root / "gateway" / "data", address=GATEWAY, resolver=RESOLVER, more=more,
                               ca=self.ca.certificate)
        self.gateway = Gateway("gateway", self.root / "gateway", config).start()
        return self.gateway

    def add(self, label: str, mx: str, mode: str = "", listed: str = "mx") -> str:
        """A domain with one MX host at that address, and a policy of that mode which lists one host."""
        domain = f"{label}.example"
        records = self.dns.records
        records[domain, "MX"] = [f"10 mx.{domain}"]
        records[f"mx.{domain}", "A"] = [mx]
        if mode:
            records[f"_mta-sts.{domain}", "TXT"] = ["v=STSv1; id=1"]
            records[f"mta-sts.{domain}", "A"] = [WEB]
            self.web.policies[domain] = f"version: STSv1\r\nmode: {mode}\r\nmx: {listed}.{domain}\r\nmax_age: 86400\r\n"
        return domain

    def send(self, domain: str, outcome: str, *words: str, who: str = "user", port: int = 25, fields: bytes = b"") -> str:
        """A letter to the domain, and the log's line of what became of it."""
        recipient = f"{who}@{domain}"
        with smtplib.SMTP(GATEWAY, port, timeout=20) as client:
            client.sendmail("someone@sender.example", [recipient], b"Subject: sts\r\n" + fields + b"\r\nbody\r\n")
        needle = re.compile(rf"to=<{re.escape(recipient)}> .*outcome={outcome}\b")
        other = re.compile(rf"to=<{re.escape(recipient)}> .*outcome=(delivered|deferred|bounced|failed)\b")

        def line() -> str:
            found = [line for line in self.gateway.log_lines(recipient) if other.search(line)]
            return found[-1] if found else ""

        wait_until(lambda: bool(line()), 20, f"something became of the letter to {recipient}")
        expect(needle.search(line()) is not None, f"not {outcome}: {line()}")
        for word in words:
            expect(word in line(), f"no \"{word}\" in: {line()}")
        return line()

    def stop(self) -> None:
        if self.gateway is not None:
            self.gateway.stop()
        self.web.stop()
        self.dns.stop()
        for sink in (self.good, self.wrong, self.plain):
            sink.close()
            sink.stop()


LABELS = ("enforce", "wrong", "waived", "strict", "stranger", "second", "testing", "lost", "off", "bare", "kept", "renewed", "reports", "nothing")


def _hosts(prefix: str) -> list[str]:
    return [f"{prefix}.{label}.example" for label in LABELS]


def enforced(scene: Scene) -> None:
    scene.start_gateway()
    domain = scene.add("enforce", GOOD, "enforce")
    line = scene.send(domain, "delivered", "encrypted", "verified")
    expect("not verified" not in line, f"the certificate was not verified: {line}")
    scene.send(domain, "delivered", who="again")
    shown = scene.gateway.explain(GATEWAY, "someone@sender.example", f"user@{domain}")["tls"]
    expect(len(shown) == 1 and (shown[0]["level"], shown[0]["demand"], shown[0]["verified_by"]) == ("sts", "verify", "chain")
           and re.search(r"MTA-STS policy 1 of enforce\.example: enforce, fetched \d+ s ago, for 23 h more", shown[0]["why"]),
           f"explain shows {shown}")
    expect(scene.web.asked.count(domain) == 1, f"the policy was fetched {scene.web.asked.count(domain)} times")
    scene.send(scene.add("wrong", WRONG, "enforce"), "deferred", "4.7.5")
    scene.send(scene.add("stranger", GOOD, "enforce", listed="other"), "deferred", "4.7.5", "MTA-STS")
    scene.send(scene.add("bare", PLAIN, "enforce"), "deferred", "4.7.4", "no TLS")
    expect(scene.wrong.count == 0 and scene.plain.count == 0, "a letter went where the policy forbids it")


def another_host(scene: Scene) -> None:
    """What the policy does not list is passed over for what it does."""
    scene.start_gateway()
    domain = scene.add("second", WRONG, "enforce", listed="mx2")
    scene.dns.records[domain, "MX"].append(f"20 mx2.{domain}")
    scene.dns.records[f"mx2.{domain}", "A"] = [GOOD]
    scene.send(domain, "delivered", GOOD)


def not_enforced(scene: Scene) -> None:
    scene.start_gateway()
    scene.send(scene.add("testing", WRONG, "testing"), "delivered", "encrypted")
    scene.send(scene.add("off", WRONG, "none"), "delivered", "encrypted, not verified")
    scene.send(scene.add("nothing", PLAIN), "delivered")
    lost = scene.add("lost", WRONG, "enforce")
    del scene.web.policies[lost]
    scene.send(lost, "delivered", "encrypted, not verified")
    expect("nothing.example" not in scene.web.asked, "a domain without a record was asked by HTTPS")


def not_required(scene: Scene) -> None:
    """TLS-Required: No (RFC 8689): the sender asks that the policy of the recipient's domain be ignored."""
    strict = scene.add("strict", WRONG, "enforce")
    scene.start_gateway(f'[[tls_policy]]\ndomains = ["{strict}"]\ntls = "sts"\nca = "{scene.ca.certificate}"\n'
                        'honour_tls_required_no = false\n')
    field = b"tls-required:\r\n NO (please)\r\n"
    domain = scene.add("waived", WRONG, "enforce")
    for who in ("one", "two"):    # after which the domain counts as out of order
        scene.send(domain, "deferred", "4.7.5", who=who)
    said = "encrypted, not verified", "the message says TLS-Required: No"
    scene.send(domain, "delivered", *said, who="stored", fields=field)
    expect(field in scene.wrong.messages[-1].octets(), f"the field is not passed on: {scene.wrong.messages[-1].octets()}")
    scene.send(domain, "delivered", *said, who="auto", port=26, fields=field)
    scene.send(domain, "deferred", "4.7.5", who="both", fields=field + field)
    scene.send(strict, "deferred", "4.7.5", who="strict", fields=field)
    with smtplib.SMTP(GATEWAY, 27, timeout=20) as client:    # the next hop is asked before the header comes
        client.ehlo()
        client.mail("someone@sender.example")
        code, text = client.rcpt(f"through@{domain}")
    expect((code, text[:5]) == (451, b"4.7.5"), f"cut through: {code} {text}")
    expect(scene.wrong.count == 2, f"{scene.wrong.count} letters arrived, not 2")


def kept(scene: Scene) -> None:
    """A policy that was fetched once is in force when its web server, and DNS for it, are away, also behind a restart."""
    scene.start_gateway()
    domain = scene.add("kept", GOOD, "enforce")
    scene.send(domain, "delivered", "verified")
    scene.gateway.stop()
    scene.web.stop()
    scene.dns.broken.add(f"_mta-sts.{domain}")
    scene.dns.records[f"mx.{domain}", "A"] = [WRONG]
    scene.start_gateway()
    scene.send(domain, "deferred", "4.7.5", who="later")
    expect(scene.wrong.count == 0, "the policy was forgotten")
    scene.send(scene.add("lost", WRONG, "enforce"), "delivered", "encrypted, not verified")


def _reports_of(domain: str, scene: Scene) -> dict:
    run = subprocess.run([str(executable()), "tls-report", "--config", str(scene.gateway.config)], capture_output=True,
                         text=True, check=False, timeout=30)
    expect(run.returncode == 0, f"tls-report ended with {run.returncode}: {run.stderr}")
    reports = [json.loads(line) for line in run.stdout.splitlines()]
    found = [report for report in reports if report["policies"][0]["policy"]["policy-domain"] == domain]
    expect(len(found) == 1, f"{len(found)} reports for {domain}")
    return found[0]


def _counts(report: dict) -> tuple[int, int]:
    summary = report["policies"][0]["summary"]
    return summary["total-successful-session-count"], summary["total-failure-session-count"]


def reports(scene: Scene) -> None:
    scene.start_gateway()
    testing, good = scene.add("testing", WRONG, "testing"), scene.add("enforce", GOOD, "enforce")
    scene.add("reports", WRONG, "enforce")    # whose own policy does not keep a report from it
    scene.dns.records[f"_smtp._tls.{testing}", "TXT"] = ["v=TLSRPTv1; rua=mailto:tls@reports.example"]
    scene.dns.records[f"_smtp._tls.{good}", "TXT"] = [f"v=TLSRPTv1; rua=https://mta-sts.{good}/report"]
    scene.send(testing, "delivered")
    scene.send(good, "delivered", "verified")
    expect(_counts(_reports_of(testing, scene)) == (0, 1), f"counted: {_reports_of(testing, scene)}")
    # A restart forgets nothing.
    scene.gateway.stop()
    scene.start_gateway()
    expect(_counts(_reports_of(testing, scene)) == (0, 1), f"after a restart: {_reports_of(testing, scene)}")
    run = subprocess.run([str(executable()), "tls-report", "--send", "--config", str(scene.gateway.config)],
                         capture_output=True, text=True, check=False, timeout=60)
    expect(run.stdout.startswith("2 sent"), f"tls-report --send says {run.stdout}{run.stderr}")
    expect(scene.wrong.wait_for(2, 20), "the report did not arrive")
    received = scene.wrong.messages[-1]
    expect(received.sender == "" and received.recipients == ["tls@reports.example"], f"its envelope is {received}")
    letter = email.message_from_bytes(received.octets())
    expect(letter.get_content_type() == "multipart/report" and letter.get_param("report-type") == "tlsrpt",
           f"it is {letter['Content-Type']}")
    expect(letter["TLS-Report-Domain"] == testing and letter["TLS-Report-Submitter"] == "gw.sender.example",
           f"its header is {letter.items()}")
    part = letter.get_payload()[1]
    expect(part.get_content_type() == "application/tlsrpt+gzip", f"its second part is {part.get_content_type()}")
    report = json.loads(gzip.decompress(part.get_payload(decode=True)))
    expect(_counts(report) == (0, 1) and report["organization-name"] == "Sender"
           and report["contact-info"] == "admin@sender.example", f"the report is {report}")
    policy, failure = report["policies"][0]["policy"], report["policies"][0]["failure-details"][0]
    expect(policy["policy-type"] == "sts" and "mode: testing" in policy["policy-string"]
           and policy["mx-host"] == [f"mx.{testing}"], f"the policy is {policy}")
    expect(failure["result-type"] == "certificate-host-mismatch" and failure["receiving-ip"] == WRONG
           and failure["receiving-mx-hostname"] == f"mx.{testing}", f"the failure is {failure}")
    host, path, kind, body = scene.web.posted[0]
    expect((host, path, kind) == (f"mta-sts.{good}", "/report", "application/tlsrpt+gzip"), f"posted: {host} {path} {kind}")
    expect(_counts(json.loads(gzip.decompress(body))) == (1, 0), "the posted report counts otherwise")


CASES = {
    "enforce: what fits is delivered, what does not is deferred": enforced,
    "enforce: a host that is not listed is passed over": another_host,
    "testing, none, and no policy: delivered": not_enforced,
    "TLS-Required: No is delivered, unless the config does not honour it": not_required,
    "a policy is kept while nobody can be asked": kept,
    "the reports of a day, by mail and by HTTPS": reports,
}


def in_a_scene(folder: Path, case: Callable[[Scene], None]) -> None:
    scene = Scene(folder)
    try:
        case(scene)
    finally:
        scene.stop()


def main() -> int:
    in_own_network()
    tally = Tally()
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory(prefix="postern-sts-") as folder:
            tally.check(name, lambda case=case, folder=folder: in_a_scene(Path(folder), case))
    return tally.end()


sys.exit(main())
