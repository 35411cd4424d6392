# SPDX-License-Identifier: Apache-2.0
"""`postern verify` against the mail flow with real servers: a flow that is right passes everything; broken in one place at a
time, each finding has its code."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ports
from gateway import REPOSITORY
from process import expect, wait_until
from swaks import Letter, send
from tally import Tally
from topology import D, T, hop
from verify_flow import LEFT, MIGRANT, OUTSIDE_USER, SENDER, UNMIGRATED, Flow

LETTERS = ["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S7b", "S8", "S9-unknown", "S9-passes", "S9-hops", "R4", "R5"]
# Waiting ends with what is waited for: its limit costs nothing.
QUICK = ["--wait", "60s", "--settle", "1s", "--json"]


def healthy(net: Flow) -> None:
    done = net.verify(*QUICK)
    rows = done.rows()
    failed = {name: row for name, row in rows.items() if row["verdict"] == "failed"}
    expect(not failed and done.status == 0, f"status {done.status}: {failed}")
    untested = [name for name in LETTERS if rows[name]["verdict"] != "passed"]
    expect(not untested, f"not passed: {untested}")
    skipped = {name for name, row in rows.items() if row["verdict"] == "not tested"}
    expect(skipped == {"S10"}, f"not tested: {skipped}")
    path = next(path for path in rows["S4"]["paths"] if path.startswith("V:"))
    expect("workspace.company.ru -> gw.company.ru -> exchange.company.ru -> gw.company.ru -> workspace" in path, path)
    boxes = [f"x-{UNMIGRATED}", f"x-{MIGRANT}", f"v-{MIGRANT}", f"v-{SENDER}", f"v-{LEFT}", OUTSIDE_USER]
    left = {box: net.imap.count(box, "postern verify") for box in boxes}
    expect(not any(left.values()), f"letters are left behind: {left}")


def table_for_people(net: Flow) -> None:
    """--keep leaves the letter; mail of others stays unread; the table has its parts."""
    letter = Letter.from_("nina", "corp.com", "verify")
    done = net.verify("--only", "S2", "--keep", "--wait", "60s", "--settle", "1s")
    send(letter, [f"{MIGRANT}@{D}"], net.at_x(), ports.OUTSIDE)
    wait_until(lambda: net.imap.count(f"v-{MIGRANT}", letter.marker) == 1, 20, "a letter of somebody else's")
    expect(done.status == 0, done.text + done.errors)
    for part in ("X: exchange 127.0.0.5:", "T: tech.company.ru", "PASS       S2", "sent      nina@corp.com -> ivan@company.ru, at X ", "exchange.company.ru -> gw.company.ru",
                 "expected  X:ivan@company.ru 1, V:ivan@company.ru 1", "1 passed, 0 failed, 0 not tested"):
        expect(part in done.text, f"no {part!r} in {done.text}")
    run = done.text.partition("subjects hold ")[2].split()[0]
    expect(net.imap.count(f"v-{MIGRANT}", run) == 1, "--keep has deleted the letter")
    before = net.imap.unread(f"v-{MIGRANT}")
    again = net.verify("--only", "S2", "--wait", "60s", "--settle", "0s", "--json")
    expect(again.status == 0 and net.imap.unread(f"v-{MIGRANT}") == before, "somebody else's letter is read now, or gone")


@contextmanager
def broken(net: Flow, break_it: Callable[[Flow], None]) -> Iterator[None]:
    """X's configuration is as it was afterwards; the next one renews it."""
    services, main = net.x.services, dict(net.x.main)
    tables = {name: dict(net.x.tables(name)) for name in ("transport", "forwarding", "mailboxes")}
    refuse = dict(net.e.options.refuse)
    break_it(net)
    net.renew_x()
    try:
        yield
    finally:
        net.x.drop_queue()
        net.x.main = main
        for name, entries in tables.items():
            net.x.tables(name).clear()
            net.x.tables(name).update(entries)
        net.e.options.refuse = refuse
        net.x.services = services


def finds(net: Flow, row: str, code: str, break_it: Callable[[Flow], None], words: str = "",
          settle: str = "1s") -> None:
    with broken(net, break_it):
        done = net.verify("--only", row, "--wait", "60s", "--settle", settle, "--json")
        expect(done.status == 1, f"status {done.status}: {done.text}{done.errors}")
        expect(code in done.codes(row), f"wanted {code} in {done.rows()[row]}")
        expect(words in done.text, f"no {words!r} in {done.text}")


def refused_recipients(net: Flow) -> None:
    """No right to relay, and a recipient filter."""
    def break_it(flow: Flow) -> None:
        known = {f"{user}@{D}": "x" for user in (UNMIGRATED, MIGRANT, SENDER)}
        flow.x.main |= {"mynetworks": f"{ports.EXCHANGE}/32", "relay_recipient_maps": flow.x.table("known", known),
                        "smtpd_reject_unlisted_recipient": "yes"}
    with broken(net, break_it):
        done = net.verify("--only", "probe-relay,probe-unknown", "--json")
        expect(done.status == 1 and done.codes("probe-relay") == ["x-relay-refused"], done.text)
        expect(done.codes("probe-unknown") == ["x-recipient-filter"], done.text)
        expect("VK_receiver" in done.text and "Internal Relay" in done.text, done.text)


def route_missing(net: Flow) -> None:
    def break_it(flow: Flow) -> None:
        flow.x.tables("transport").pop(T)
        flow.e.options.refuse = {f"{MIGRANT}@{T}": "550 5.4.4 no way to it"}
    finds(net, "S2", "x-forwarding", break_it, "send connector", settle="3s")


def forwarded_elsewhere(net: Flow) -> None:
    def break_it(flow: Flow) -> None:
        wrong = f"{MIGRANT}@tehc.company.ru"
        flow.x.tables("forwarding")[f"{MIGRANT}@{D}"] = f"{MIGRANT}@{D}, {wrong}"
        flow.e.options.refuse = {wrong: "550 5.1.1 no such user"}
    finds(net, "S2", "x-forwarding-address", break_it, "tehc.company.ru")


def two_copies(net: Flow) -> None:
    def break_it(flow: Flow) -> None:
        flow.x.tables("forwarding")[f"{MIGRANT}@{D}"] = f"{MIGRANT}@{D}, {MIGRANT}@{T}, {MIGRANT}+again@{T}"
    finds(net, "S2", "copy-twice", break_it, "V:ivan@company.ru has 2", settle="5s")


def a_circle(net: Flow) -> None:
    """S9: X and G send an unknown user to each other, and G does not know X's address."""
    def break_it(flow: Flow) -> None:
        flow.x.tables("transport")[f"nobody-verify@{D}"] = f"astray:{hop(flow.at_g())}"
    finds(net, "S9-unknown", "g-loop", break_it, "5.4.6")


def another_trace_key(net: Flow) -> None:
    """The running gateway is not the one of the config: it does not know its own letters, and takes one that has circled,
    which is deleted where it comes."""
    config = net.root / "another.toml"
    config.write_text(net.g.config.read_text().replace("[routing]\n", '[routing]\ntrace_key = "a key of another gateway, 32 octets"\n'))
    done = net.verify("--only", "S9-passes,S9-hops", *QUICK, config=config)
    expect(done.status == 1 and done.codes("S9-passes") == ["g-loop-guard"], done.text)
    expect(done.rows()["S9-hops"]["verdict"] == "passed", done.text)
    net.settle()
    expect(net.imap.count(f"v-{MIGRANT}", done.run()) == 0 and not done.errors, done.errors)


def small_size_and_expired_certificate(net: Flow) -> None:
    pair = net.authority.issue("expired", f"IP:{ports.EXCHANGE}", days=-1)

    def break_it(flow: Flow) -> None:
        flow.x.services += "tlsmgr unix - - n 1000? 1 tlsmgr\n"
        flow.x.main |= {"message_size_limit": str(10 << 20), "smtpd_tls_security_level": "may", "smtpd_tls_cert_file": str(pair.cert),
                        "smtpd_tls_key_file": str(pair.key)}
    with broken(net, break_it):
        done = net.verify("--only", "probe-size-x,probe-tls-x", "--json")
        expect(done.status == 1 and done.codes("probe-size-x") == ["x-size-small"] and "10 MiB" in done.text, done.text)
        expect(done.codes("probe-tls-x") == ["tls-certificate-expired"], done.text)


def too_many_connections(net: Flow) -> None:
    def break_it(flow: Flow) -> None:
        flow.x.main |= {"smtpd_client_connection_count_limit": "5", "smtpd_client_event_limit_exceptions": ""}
    finds(net, "probe-connections-x", "x-connections-refused", break_it, "5 granted")


def mx_elsewhere(net: Flow) -> None:
    net.dns.records[(T, "MX")] = ["10 exchange.company.ru"]
    done = net.verify("--only", "probe-mx", "--json")
    expect(done.codes("probe-mx-alias") == ["mx-alias"], done.text)
    net.dns.records[(T, "MX")] = ["10 gw.company.ru"]


def wrong_password(net: Flow) -> None:
    """A mailbox that cannot be looked into is a failure, and the row says why."""
    wrong = net.root / "wrong"
    wrong.write_text("another password\n")
    test = net.root / "wrong.toml"
    login = f'new = {{ user = "v-{MIGRANT}", password_file = "'
    test.write_text(net.test.read_text().replace(f"{login}{net.imap.password_file}", f"{login}{wrong}"))
    done = net.verify("--only", "S2", *QUICK, test=test)
    row = done.rows()["S2"]
    expect(done.status == 1 and done.codes("S2") == ["v-imap"], row)
    expect(f"refuses the login of v-{MIGRANT}" in row["troubles"][0]["what"] and "another password" not in done.text, row)
    expect(f"letters may be left in a mailbox: V:{MIGRANT}@{D}" in done.errors, done.errors)


def in_another_folder(net: Flow) -> None:
    """The letter lies where the test's file does not look: the row says where, and it is deleted there too."""
    net.imap.make_folder(f"v-{MIGRANT}", "Archive")
    test = net.root / "archive.toml"
    test.write_text(net.test.read_text().replace('tls = "implicit", ', 'tls = "implicit", folders = ["Archive"], '))
    done = net.verify("--only", "R4", *QUICK, test=test)
    expect(done.codes("R4") == ["copy-in-other-folder"], done.text)
    expect('has it in \\"INBOX\\"' in done.text, done.text)
    expect(net.imap.count(f"v-{MIGRANT}", done.run()) == 0, "it is still there")


def interrupted(net: Flow) -> None:
    """SIGTERM ends the waiting: the letter is deleted where it has come, and the report says that nothing was tested.
    Ctrl-C does the same, but is ignored where a shell has started the tests in the background."""
    with broken(net, lambda flow: flow.x.tables("transport").pop(T)):
        kept = net.imap.count(f"x-{MIGRANT}", "postern verify")
        command = net.command("--only", "S2", "--wait", "10m", "--json")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
            try:
                wait_until(lambda: net.imap.count(f"x-{MIGRANT}", "postern verify") == kept + 1, 30, "the letter in X")
                run.terminate()
                text = run.communicate(timeout=30)[0]
            finally:
                run.kill()
        expect(run.returncode == 130, f"status {run.returncode}: {text}")
        row = next(row for row in json.loads(text)["rows"] if row["name"] == "S2")
        expect(row["verdict"] == "not tested" and "interrupted" in row["why"], text)
        expect(net.imap.count(f"x-{MIGRANT}", "postern verify") == kept, "it is still there")


def wrong_files(net: Flow) -> None:
    """2 with a place for a wrong file, 2 for wrong words, 69 when nobody answers, 0 for the example."""
    example = net.verify("--example")
    documented = (REPOSITORY / "docs" / "examples" / "verify.toml").read_text()
    expect(example.status == 0 and example.text == documented, "the documented file is not what --example prints")
    net.write_test('domian = "company.ru"\n')
    done = net.verify("--no-letters")
    expect(done.status == 2 and f"{net.test}:1:" in done.errors and 'write "domain"' in done.errors, done.errors)
    net.write_test()
    done = net.verify("--only", "probe-rely")
    expect(done.status == 2 and "probe-relay" in done.errors, done.errors)
    copy = net.root / "nowhere.toml"
    dead = ports.free_port(ports.EXCHANGE)
    copy.write_text(net.test.read_text().replace(f'smtp = "{ports.EXCHANGE}:{net.x.port}"', f'smtp = "{ports.EXCHANGE}:{dead}"'))
    done = net.verify("--only", "probe-size-x", "--json", test=copy)
    expect(done.status == 69 and done.codes("probe-size-x") == ["x-unreachable"], done.text)


CASES = [healthy, table_for_people, wrong_password, in_another_folder, wrong_files, mx_elsewhere, refused_recipients,
         route_missing, forwarded_elsewhere, two_copies, a_circle, another_trace_key, small_size_and_expired_certificate, too_many_connections, interrupted]


def main() -> int:
    tally = Tally()
    net = Flow()
    try:
        if tally.check("the topology", net.start):
            tally.play({case.__name__: lambda case=case: case(net) for case in CASES})
    finally:
        tally.note("all parties end", "\n".join(net.stop()) or None)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
