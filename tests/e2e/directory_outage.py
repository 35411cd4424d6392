# SPDX-License-Identifier: Apache-2.0
"""The server that knows who exists is stopped, hangs and crashes under load: whoever cannot be told comes again (451 4.4.3),
and no letter is lost, doubled, refused or brought to the wrong server (R5, R8, R9, R15).

    directory_outage.py --directory ldap|sql|smtp

Two gateways ask one server. Whom it knows has left X (cut-over, R5). "strict" refuses unknown recipients (R8), "lenient" sends them
to X (R9). X and V are recording sinks, so that a letter at the wrong one is seen and not refused.
"""

import argparse
import contextlib
import json
import random
import smtplib
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import directories
import ports
from gateway import Gateway, executable
from patient_load import Letter, Load
from process import crash, expect, pause, resume, wait_until
from sink import Sink
from tally import Tally

D, T = "company.ru", "tech.company.ru"
MIGRATED = [f"moved{n}" for n in range(40)]
STAYING = [f"stays{n}" for n in range(20)]
UNKNOWN = [f"nobody{n}" for n in range(20)]
CLIENTS = 3    # of each gateway
GATEWAYS = {"strict": ("true", ""), "lenient": ("false", 'unknown_redirect = "exchange"')}

CONFIG = """\
hostname = "{name}.company.ru"
data_dir = "{data}"

[[listener]]
name = "mx"
bind = "{g}:0"

[[next_hop]]
name = "exchange"
hosts = ["{x}:{x_port}"]
behaves = "exchange"

[[next_hop]]
name = "vk"
hosts = ["{v}:{v_port}"]
behaves = "vk_workspace"

[[domain]]
name = "{d}"
aliases = ["{t}"]
mailboxes = "vk"
cutover = "{directory}"

[[route]]
domains = ["{d}"]
via = "exchange"

[recipients]
validate = {validate}
directory = "{directory}"
{redirect}

[relay]
allow_without_auth = ["{x}", "{v}"]

[retry]
first = "1s"
max = "1s"

{tables}"""


def wanted(gateway: str, recipient: str) -> tuple[str, str] | None:
    """Where the letter must come to, under which address; None: it must be refused."""
    user, _, domain = recipient.partition("@")
    if user.startswith("moved"):
        return "V", f"{user}@{T}"
    return None if domain == T and gateway == "strict" else ("X", f"{user}@{D}")


def choose(chance: random.Random) -> str:
    users = chance.choices((MIGRATED, STAYING, UNKNOWN), (60, 20, 20))[0]
    return f"{chance.choice(users)}@{chance.choice((D, T))}"


class Outage:
    """The parties, and what was seen of them."""

    def __init__(self, root: Path, kind: str):
        self.x = Sink(root / "x", ports.EXCHANGE, ports.free_port(ports.EXCHANGE))
        self.v = Sink(root / "v", ports.WORKSPACE, ports.free_port(ports.WORKSPACE))
        # Those of the probes are asked about during an outage for the first time: no cache has them.
        self.fresh = iter(range(100))
        users = [*MIGRATED, *(f"moved-fresh{n}" for n in range(100))]
        self.directory: directories.DirectoryServer = directories.find(kind)(root / "directory", D, users)
        # A hang is an answer that does not come: a second is enough to know.
        tables = self.directory.tables().replace('known_for = "1s"\n', 'known_for = "1s"\ntimeout = "1s"\n', 1)
        self.gateways = {}
        for name, (validate, redirect) in GATEWAYS.items():
            self.gateways[name] = Gateway(name, root / name, CONFIG.format(
                name=name, data=root / name / "data", g=ports.GATEWAY, x=self.x.address, x_port=self.x.port,
                v=self.v.address, v_port=self.v.port, d=D, t=T, validate=validate, redirect=redirect,
                directory=self.directory.setting(), tables=tables))
        self.started: list[Callable[[], None]] = []

    def start(self) -> "Outage":
        for party in (self.x, self.v, self.directory, *self.gateways.values()):
            party.start()
            self.started.append(party.stop)
        self.load = Load({name: gateway.endpoints["mx"] for name, gateway in self.gateways.items()}, choose, CLIENTS)
        return self

    def stop(self) -> None:
        for stop in reversed(self.started):
            stop()

    def probe(self, recipients: list[str]) -> dict[tuple[str, str], int]:
        """What each gateway says to RCPT."""
        codes = {}
        for name, gateway in self.gateways.items():
            with smtplib.SMTP(*gateway.endpoints["mx"], timeout=30) as session:
                session.ehlo("probe.example")
                session.mail("probe@client.example")
                for recipient in recipients:
                    codes[name, recipient] = session.rcpt(recipient)[0]
        return codes

    def fresh_recipients(self) -> list[str]:
        number = next(self.fresh)
        return [f"moved-fresh{number}@{D}", f"moved-fresh{number}@{T}", f"nobody-fresh{number}@{D}",
                f"nobody-fresh{number}@{T}"]

    def accept_more(self, count: int) -> None:
        before = self.load.count("accepted")
        wait_until(lambda: self.load.count("accepted") >= before + count, 20, f"{count} recipients more are taken")

    def queue(self, name: str, command: str) -> str:
        line = [str(executable()), "queue", command, "--json", "--config", str(self.gateways[name].config)]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=30).stdout

    def waits_for_the_directory(self, name: str) -> bool:
        """The last try of a stored letter ended with: nobody could be asked."""
        return '"last_reply":"451 4.4.3' in self.queue(name, "list")

    def seen_of_queues(self) -> str:
        """For whoever must find out why a wait was in vain."""
        counts = f"{self.load.count('accepted')} accepted, {self.load.count('deferred')} deferred"
        return "\n".join([counts, *(f"{name}: {self.queue(name, 'stats')}{self.queue(name, 'list')[:1000]}" for name in GATEWAYS)])

    def rests(self, name: str) -> bool:
        """No delivery runs: none is left that was decided while the directory could be asked."""
        return all(lane["running"] == 0 for lane in json.loads(self.queue(name, "stats"))["lanes"])


def outage(parties: Outage, begin: Callable[[], None], end: Callable[[], None]) -> None:
    """What must be seen from outside: 451 to all whose way the directory decides, while it is away, and right ways after it."""
    parties.accept_more(40)
    recipients = parties.fresh_recipients()
    try:
        begin()
        codes = parties.probe(recipients)
        wrong = {key: code for key, code in codes.items() if code != 451}
        expect(not wrong, f"while it is away all must be 451, and these are not: {wrong}")
        before = parties.load.count("deferred")
        wait_until(lambda: parties.load.count("deferred") >= before + 20, 20, "the clients are told 4xx")
    finally:
        end()
    right = {(name, to): 250 if wanted(name, to) else 550 for name in GATEWAYS for to in recipients}
    said: list[dict] = []

    def decided() -> bool:
        said.append(parties.probe(recipients))
        return 451 not in said[-1].values()

    wait_until(decided, 20, "it is asked again")
    expect(said[-1] == right, f"after it: {said[-1]}, not {right}")
    parties.accept_more(40)


def stopped(parties: Outage) -> None:
    """With letters that wait for V: their tries ask again, and wait for the directory, too."""
    parties.v.close()
    wait_until(lambda: all(gateway.queued() > 10 for gateway in parties.gateways.values()), 20, "letters for V wait")
    count = parties.v.count
    everybody = [f"{user}@{domain}" for user in MIGRATED for domain in (D, T)]

    def begin() -> None:
        parties.directory.stop()
        wait_until(lambda: set(parties.probe(everybody).values()) == {451}, 20, "no answer of before counts any more")
        # Who was told 250 to RCPT before may still send; and that goes on to V.
        before = parties.load.turns()
        wait_until(lambda: all(now > then for now, then in zip(parties.load.turns(), before)), 30, "transactions from before end")
        for name in GATEWAYS:
            wait_until(lambda name=name: parties.rests(name), 20, "deliveries that began before have ended")
        parties.v.open()
        wait_until(lambda: all(map(parties.waits_for_the_directory, GATEWAYS)), 20,
                   "a try of a stored letter finds nobody to ask")
        expect(parties.v.count == count, "letters came to V while nobody could say that they are V's")

    try:
        outage(parties, begin, parties.directory.start)
    finally:
        parties.v.open()    # also for those that come after a failure


def hanging(parties: Outage) -> None:
    outage(parties, lambda: pause(parties.directory.process), lambda: resume(parties.directory.process))


def crashed(parties: Outage) -> None:
    outage(parties, lambda: crash(parties.directory.process), parties.directory.start)


def arrivals(sinks: dict[str, Sink]) -> Counter[tuple[str, str, str]]:
    """(marker, server, recipient) of each copy."""
    found: Counter[tuple[str, str, str]] = Counter()
    for server, sink in sinks.items():
        for message in list(sink.messages):
            marker = message.sender.partition("@")[0]
            if not message.octets().endswith(f"\r\n\r\n{marker} is the body.\r\n".encode()):
                found[marker, server, "not as it was sent"] += 1
            for recipient in message.recipients:
                found[marker, server, recipient] += 1
    return found


def everything_came(parties: Outage) -> None:
    by_gateway = parties.load.end(30)
    expect(not parties.load.problems, f"clients could not go on: {parties.load.problems[:3]}")
    open_ = [letter.marker for letters in by_gateway.values() for letter in letters if letter.open]
    expect(not open_, f"{len(open_)} letters have no final reply, such as {open_[:3]}")
    wait_until(lambda: not any(gateway.queued() for gateway in parties.gateways.values()), 30, "the queues are empty")
    for name, letters in by_gateway.items():
        refusals(name, letters)
        ledger(parties.gateways[name], letters)
    due = Counter((letter.marker, *wanted(name, to))
                  for name, letters in by_gateway.items() for letter in letters for to in letter.taken)
    came = arrivals({"X": parties.x, "V": parties.v})
    expect(came == due, f"missing: {list((due - came).items())[:5]}, too much: {list((came - due).items())[:5]}")
    again = [letter for letters in by_gateway.values() for letter in letters if letter.tries > 1 and letter.taken]
    expect(len(again) > 20, f"only {len(again)} letters were taken at a later try")
    print(f"     {len(due)} copies due and there, {len(again)} letters taken at a later try, "
          f"{parties.load.count('deferred')} replies 4xx")


def refusals(name: str, letters: list[Letter]) -> None:
    wrong = {(letter.marker, to, said) for letter in letters for to, said in letter.refused.items() if wanted(name, to)}
    expect(not wrong, f"{name}: refused for good: {list(wrong)[:3]}")
    wrong = {(letter.marker, to) for letter in letters for to in letter.taken if not wanted(name, to)}
    expect(not wrong, f"{name}: unknown, and taken as if they were known: {list(wrong)[:3]}")
    refused = sum(len(letter.refused) for letter in letters)
    expect((refused > 10) == (name == "strict"), f"{name}: {refused} recipients were refused")


def ledger(gateway: Gateway, letters: list[Letter]) -> None:
    """Accepted = delivered, by the gateway's own log; nothing bounced, nothing dropped."""
    accepted = Counter((f"<{letter.sender}>", f"<{to}>") for letter in letters for to in letter.taken)
    outcomes: dict[str, Counter] = {}
    for line in gateway.log_lines(" letter "):
        values = dict(word.partition("=")[::2] for word in line.split())
        outcomes.setdefault(values["outcome"], Counter())[values["from"], values["to"]] += 1
    expect(outcomes["delivered"] == accepted,
           f"{gateway.name}: {accepted.total()} accepted, {outcomes['delivered'].total()} delivered")
    odd = set(outcomes) - {"delivered", "queued", "deferred", "refused", "abandoned"}    # abandoned: the probes
    expect(not odd, f"{gateway.name}: letters ended as {odd}")
    expect(not gateway.log_lines(" report "), f"{gateway.name}: somebody was sent a report")


@contextlib.contextmanager
def running(kind: str) -> Iterator[Outage]:
    with tempfile.TemporaryDirectory(prefix="postern-outage-") as root:
        Path(root).chmod(0o755)    # the servers are not root
        parties = Outage(Path(root), kind)
        try:
            yield parties.start()
        finally:
            parties.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", choices=("ldap", "sql", "smtp"), default="ldap")
    kind = parser.parse_args().directory
    tally = Tally()
    with running(kind) as parties:
        for test in (stopped, hanging, crashed, everything_came):
            if not tally.check(f"{kind} {test.__name__}", lambda test=test: test(parties)):
                print(parties.seen_of_queues(), flush=True)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
