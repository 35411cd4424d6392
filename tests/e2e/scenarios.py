# SPDX-License-Identifier: Apache-2.0
"""The scenarios of docs/mail-flow.md, each with the places where copies must be. A copy anywhere else is a failure."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import mailboxes
import ports
import swaks
from process import HarnessError
from swaks import Letter, Sent
from topology import CIRCLED, D, OUTSIDE_DOMAIN, T, Topology


class Failed(Exception):
    """What was found in place of what must be."""


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    run: Callable[["Check"], None]
    stored: bool = False      # makes sense only where letters are stored


SCENARIOS: list[Scenario] = []


def scenario(name: str, title: str, stored: bool = False):
    def register(function: Callable[["Check"], None]) -> Callable[["Check"], None]:
        SCENARIOS.append(Scenario(name, title, function, stored))
        return function
    return register


class Check:
    """One scenario's view of the topology. It remembers the letters, so that a failure can show their log lines."""

    def __init__(self, net: Topology, name: str):
        self.net = net
        self.name = name
        self.letters: list[Letter] = []

    def letter(self, user: str, domain: str) -> Letter:
        letter = Letter.from_(user, domain, self.name)
        self.letters.append(letter)
        return letter

    def from_outside(self) -> Letter:
        return self.letter("nina", OUTSIDE_DOMAIN)

    def from_user_of_v(self) -> Letter:
        return self.letter("olga", D)

    def copies(self, letter: Letter, *places: str) -> None:
        """Waits until nothing is on its way, then wants exactly these copies, and no other anywhere."""
        self.net.settle()
        found, wanted = self.net.copies(letter.marker), Counter(places)
        if found != wanted:
            raise Failed(f"copies wanted: {show(wanted)}; found: {show(found)}")

    def accepted(self, sent: Sent) -> None:
        if not sent.accepted():
            raise Failed(f"refused: {sent.refusals()}")

    def refused(self, sent: Sent, reply: str) -> None:
        if not any(line.startswith(reply) for line in sent.refusals()):
            raise Failed(f"wanted {reply}, got {sent.refusals() or sent.replies}")

    def equal(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            raise Failed(f"{what}: wanted {wanted}, found {found}")


def show(copies: Counter[str]) -> str:
    return ", ".join(f"{count} in {place}" for place, count in sorted(copies.items())) or "none"


def execute(net: Topology, item: Scenario) -> tuple[bool, str]:
    """(passed, what to print below the line on failure)"""
    check = Check(net, item.name)
    try:
        item.run(check)
        return True, ""
    except (Failed, HarnessError, OSError, LookupError) as error:
        report = [f"     {line}" for line in str(error).splitlines()]
    for letter in check.letters:
        report.append(f"     letter {letter.marker}:")
        lines = [*(line for gateway in net.gateways for line in gateway.log_lines(letter.marker)),
                 *net.x.log_lines(letter.marker), *net.v.log_lines(letter.marker)]
        report += [f"       {line}" for line in lines] or ["       no log mentions it"]
    for server in (net.x, net.v):
        if server.queued():
            report.append(f"     queue of {server.name}: {server.queue_listing()}")
            server.drop_queue()
    return False, "\n".join(report)


@scenario("S1", "E -> U@D, not migrated: stays in X, G and V see nothing")
def stays_in_x(check: Check) -> None:
    letter = check.from_outside()
    check.accepted(swaks.send(letter, [f"boris@{D}"], check.net.at_x(), ports.OUTSIDE))
    check.copies(letter, "X:boris")
    check.equal("lines in G's log", check.net.g.log_lines(letter.marker), [])
    check.equal("lines in V's log", check.net.v.log_lines(letter.marker), [])


@scenario("S2", "E -> U@D, migrated: kept in X, X's copy goes by G to V")
def copied_to_v(check: Check) -> None:
    letter = check.from_outside()
    check.accepted(swaks.send(letter, [f"ivan@{D}"], check.net.at_x(), ports.OUTSIDE))
    check.copies(letter, "X:ivan", "V:ivan")


@scenario("S3", "a user of V -> U@D, not migrated: kept in X, nothing comes back to V")
def v_to_x(check: Check) -> None:
    letter = check.from_user_of_v()
    check.accepted(swaks.send(letter, [f"boris@{D}"], check.net.at_v(), ports.WORKSPACE))
    check.copies(letter, "X:boris")


@scenario("S4", "a user of V -> U@D, migrated: one copy in X, one in V, no loop")
def v_to_both(check: Check) -> None:
    letter = check.from_user_of_v()
    check.accepted(swaks.send(letter, [f"ivan@{D}"], check.net.at_v(), ports.WORKSPACE))
    check.copies(letter, "X:ivan", "V:ivan")
    copy = mailboxes.first_copy(check.net.v_boxes, "ivan", letter.marker)
    check.equal("trace fields of G in V's copy", copy.count(b"\nPostern-Trace:"), 2)


@scenario("S5", "a user of V -> E by way of X: X keeps nothing, E gets no trace field")
def v_to_outside(check: Check) -> None:
    letter = check.from_user_of_v()
    check.accepted(swaks.send(letter, [f"sales@{OUTSIDE_DOMAIN}"], check.net.at_v(), ports.WORKSPACE))
    check.copies(letter, "E:sales")
    copy = next(m.octets() for m in check.net.e.messages if letter.marker.encode() in m.octets())
    check.equal("trace fields in E's copy", copy.count(b"Postern-Trace:"), 0)
    by_x = b"by exchange.company.ru"
    check.equal("passed X", by_x in copy, True)


@scenario("S6", "X -> U@D that X does not know (Internal Relay): to V, not back to X")
def internal_relay(check: Check) -> None:
    letter = check.from_outside()
    check.accepted(swaks.send(letter, [f"gleb@{D}"], check.net.at_x(), ports.OUTSIDE))
    check.copies(letter, "V:gleb")


@scenario("S6a", "X -> U@D by the mx listener: X is known by its address (R7)")
def internal_relay_by_address(check: Check) -> None:
    letter = check.from_outside()
    check.accepted(swaks.send(letter, [f"gleb@{D}"], check.net.at_g("mx"), ports.EXCHANGE))
    check.copies(letter, "V:gleb")


@scenario("S7", "E -> U@T unknown in V: redirected to X as U@D")
def redirected_from_outside(check: Check) -> None:
    letter = check.from_outside()
    check.accepted(swaks.send(letter, [f"boris@{T}"], check.net.at_g(), ports.OUTSIDE))
    check.copies(letter, "X:boris")
    copy = mailboxes.first_copy(check.net.x.mail, "boris", letter.marker)
    check.equal("delivered as U@D", f"Delivered-To: boris@{D}".encode() in copy, True)


@scenario("S7a", "V -> U@T and U@D unknown in V: redirected to X")
def redirected_from_v(check: Check) -> None:
    letter = check.from_user_of_v()
    sent = swaks.send(letter, [f"boris@{T}", f"zoya@{D}"], check.net.at_g(), ports.WORKSPACE)
    check.accepted(sent)
    check.copies(letter, "X:boris", "X:zoya")


@scenario("S7b", "X -> U@D and U@T unknown in V: 550 5.1.1, X makes the bounce")
def unknown_everywhere(check: Check) -> None:
    for recipient in (f"nobody@{D}", f"nobody@{T}"):
        letter = check.from_outside()
        sent = swaks.send(letter, [recipient], check.net.at_g("exchange"), ports.EXCHANGE)
        check.refused(sent, "550 5.1.1")
        check.copies(letter)
    letter = check.from_outside()
    check.accepted(swaks.send(letter, [f"nobody@{D}"], check.net.at_x(), ports.OUTSIDE))
    check.copies(letter, "E:nina bounce 5.1.1")


@scenario("S8", "a stranger -> E: 550 5.7.1, and the tricks likewise")
def stranger(check: Check) -> None:
    letter = check.from_outside()
    for recipient in (f"sales@{OUTSIDE_DOMAIN}", f"sales%{OUTSIDE_DOMAIN}@[127.0.0.1]", f"@{D}:sales@{OUTSIDE_DOMAIN}"):
        sent = swaks.send(letter, [recipient], check.net.at_g(), ports.STRANGER)
        check.refused(sent, "550 5.7.1")
    check.copies(letter)


@scenario("S9", "X and G2 send D to each other, G2 does not know X: 5.4.6 within two passes")
def circle(check: Check) -> None:
    letter = check.from_outside()
    first = check.net.g_blind.endpoints["mx"]
    check.accepted(swaks.send(letter, [f"{CIRCLED}@{D}"], first, ports.OUTSIDE))
    check.copies(letter, "E:nina bounce 5.4.6")
    lines = [line for line in check.net.x.log_lines(letter.marker) if f"to=<{CIRCLED}@" in line]
    verdicts = ["sent" if "status=sent" in line else "bounced" for line in lines]
    check.equal("what X's connector was answered", verdicts, ["sent", "bounced"])
