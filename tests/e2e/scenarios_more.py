# SPDX-License-Identifier: Apache-2.0
"""Rules that the scenarios S1 to S9 do not reach: cut-over, submission, several next hops, hop count, reload."""

import time

import mailboxes
import ports
import swaks
from scenarios import Check, Failed, scenario
from topology import D, LATECOMER, OUTSIDE_DOMAIN, T

RELOAD_SECONDS = 30.0


@scenario("R5", "E and V -> U@D, cut over: straight to V as U@T, nothing in X")
def cut_over(check: Check) -> None:
    letter = check.from_outside()
    check.accepted(swaks.send(letter, [f"vera@{D}"], check.net.at_g(), ports.OUTSIDE))
    check.copies(letter, "V:vera")
    copy = mailboxes.first_copy(check.net.v_boxes, "vera", letter.marker)
    check.equal("delivered as U@T", f"vera@{T}".encode() in copy.split(b"\n\n")[0], True)
    letter = check.from_user_of_v()
    check.accepted(swaks.send(letter, [f"vera@{D}"], check.net.at_v(), ports.WORKSPACE))
    check.copies(letter, "V:vera")


@scenario("R3", "submission: a stranger gets 530 5.7.0, an address of the allowlist may send")
def submission(check: Check) -> None:
    letter = check.from_outside()
    sent = swaks.send(letter, [f"boris@{D}"], check.net.at_g("submission"), ports.STRANGER)
    check.refused(sent, "530 5.7.0")
    check.copies(letter)
    letter = check.from_user_of_v()
    check.accepted(swaks.send(letter, [f"sales@{OUTSIDE_DOMAIN}"], check.net.at_g("submission"), ports.WORKSPACE))
    check.copies(letter, "E:sales")


@scenario("R14", "recipients for two next hops: each gets one copy (unstored: 452 4.5.3, the client comes again)")
def two_next_hops(check: Check) -> None:
    letter = check.from_outside()
    recipients = [f"boris@{D}", f"vera@{D}"]
    sent = swaks.send(letter, recipients, check.net.at_g(), ports.OUTSIDE)
    if check.net.delivery == "cut_through":
        check.refused(sent, "452 4.5.3")
        check.equal("refused", [who for who, reply in sent.recipients.items() if reply.startswith("452")], recipients[1:])
        check.copies(letter, "X:boris")
        check.accepted(swaks.send(letter, recipients[1:], check.net.at_g(), ports.OUTSIDE))
    else:
        check.accepted(sent)
    check.copies(letter, "X:boris", "V:vera")


@scenario("R14a", "the same with V's Postfix as the client, which comes again by itself")
def two_next_hops_from_v(check: Check) -> None:
    letter = check.from_user_of_v()
    recipients = [f"boris@{D}", f"vera@{D}", f"zoya@{D}", f"gleb@{T}"]
    check.accepted(swaks.send(letter, recipients, check.net.at_v(), ports.WORKSPACE))
    check.copies(letter, "X:boris", "V:vera", "X:zoya", "V:gleb")


@scenario("R13", "more Received fields than max_hops: 554 5.4.6")
def hops(check: Check) -> None:
    letter = check.from_outside()
    fields = "".join(f"Received: from a{n} by b{n}; Thu, 1 Jan 2026 00:00:00 +0000\\n" for n in range(26))
    sent = swaks.send(letter, [f"ivan@{T}"], check.net.at_g(), ports.OUTSIDE, "--data",
                      f"{fields}X-Postern-Test: {letter.marker}\\nSubject: hops\\n\\nbody\\n")
    check.refused(sent, "554 5.4.6")
    check.copies(letter)


@scenario("R17", "the null sender stays null on the way to V and to X")
def null_sender(check: Check) -> None:
    letter = check.from_outside()
    for recipient, place in ((f"ivan@{T}", "V:ivan"), (f"boris@{T}", "X:boris")):
        letter = swaks.Letter(check.from_outside().marker, "<>")
        check.accepted(swaks.send(letter, [recipient], check.net.at_g(), ports.OUTSIDE))
        check.copies(letter, place)
        base = check.net.x.mail if place.startswith("X") else check.net.v_boxes
        copy = mailboxes.first_copy(base, place.partition(":")[2], letter.marker)
        check.equal("envelope sender", copy.startswith(b"Return-Path: <>"), True)


@scenario("R9r", "the directory is read again when it changes: from then on V has the mailbox")
def directory_reload(check: Check) -> None:
    letter = check.from_outside()
    exchange = check.net.at_g("exchange")
    check.refused(swaks.send(letter, [f"{LATECOMER}@{D}"], exchange, ports.EXCHANGE), "550 5.1.1")
    check.net.directory.add(LATECOMER)
    deadline = time.monotonic() + RELOAD_SECONDS
    while not (sent := swaks.send(letter, [f"{LATECOMER}@{D}"], exchange, ports.EXCHANGE)).accepted():
        check.refused(sent, "550 5.1.1")
        if time.monotonic() > deadline:
            raise Failed(f"still 550 5.1.1 {RELOAD_SECONDS:.0f} s after the file changed")
    check.copies(letter, f"V:{LATECOMER}")


@scenario("R5r", "the cut-over file is read again when it changes; each letter meanwhile arrives once")
def cutover_reload(check: Check) -> None:
    listed = check.net.g.root / "cutover.txt"
    before = listed.read_text()
    user, in_x, in_v = f"roman@{D}", {"X:roman": 1, "V:roman": 1}, {"V:roman": 1}
    for text, wanted in ((before + f"{user}\n", in_v), (before, in_x)):
        listed.write_text(text)
        deadline = time.monotonic() + RELOAD_SECONDS
        while True:
            letter = check.from_outside()
            check.accepted(swaks.send(letter, [user], check.net.at_g(), ports.OUTSIDE))
            check.net.settle()
            found = dict(check.net.copies(letter.marker))
            if found == wanted:
                break
            if found not in (in_x, in_v) or time.monotonic() > deadline:
                raise Failed(f"wanted {wanted}, found {found}")


@scenario("S10", "V is down: queued, delivered once when it returns; V's own mail for X likewise")
def down_and_back(check: Check) -> None:
    if check.net.delivery == "cut_through":
        return not_stored(check)
    for party, recipient, place in ((check.net.v, f"ivan@{T}", "V:ivan"), (check.net.x, f"boris@{D}", "X:boris")):
        party.stop()
        try:
            letter = check.from_outside()
            check.accepted(swaks.send(letter, [recipient], check.net.at_g(), ports.OUTSIDE))
            deadline = time.monotonic() + 20
            # Its lines of the log need not be written at one time.
            while not (any("outcome=deferred" in line for line in check.net.g.log_lines(letter.marker))
                       and check.net.g.queued() == 1):
                if time.monotonic() > deadline:
                    raise Failed(f"no attempt was made within 20 s, or {check.net.g.queued()} wait at G, not 1")
                time.sleep(0.05)
        finally:
            party.start()
        check.copies(letter, place)


def not_stored(check: Check) -> None:
    """Without a store the sender keeps the letter: 4xx, and once V is back it goes through."""
    letter = check.from_outside()
    check.net.v.stop()
    try:
        check.refused(swaks.send(letter, [f"ivan@{T}"], check.net.at_g(), ports.OUTSIDE), "451 4.4.1")
    finally:
        check.net.v.start()
    check.accepted(swaks.send(letter, [f"ivan@{T}"], check.net.at_g(), ports.OUTSIDE))
    check.copies(letter, "V:ivan")


@scenario("S10b", "V stays down: the sender gets a bounce after the lifetime, the null sender none", stored=True)
def given_up(check: Check) -> None:
    mx = check.net.g_hasty.endpoints["mx"]
    letter = check.from_outside()
    check.accepted(swaks.send(letter, [f"ivan@{T}"], mx, ports.OUTSIDE))
    check.copies(letter, "E:nina bounce 4.4.1")
    letter = swaks.Letter(check.from_outside().marker, "<>")
    check.accepted(swaks.send(letter, [f"ivan@{T}"], mx, ports.OUTSIDE))
    check.copies(letter)
