# SPDX-License-Identifier: Apache-2.0
"""Damage in the database's log: whatever it hit is named and kept for a person, all else is delivered once, the ledger is exact."""

import errno
import re
import sys
from collections.abc import Callable
from pathlib import Path

from damage import Damage, Letter
from fault_shim import SYNCS, WRITES, Shim, name_of
from process import HarnessError, expect, tail, wait_until
from queue_commands import Queue, expect_in
from spool_log import BLOCK, LENGTH_AT, flip, groups, key, overwrite
from tally import Tally, with_party

_SECTOR = 4096


# ---- what is hit is named, the rest is delivered ----

def a_flipped_bit_in_a_body(damage: Damage) -> None:
    letter = damage.start().fill(12)[7]
    log = damage.kill()
    group = damage.group_of(log, letter)
    flip(log, group.place_of(b"b", letter.id, 1500))
    octets = log.read_bytes()[group.start:group.end]
    damage.start_again()
    damage.check([letter])
    expect_in(f"its group in the log cannot be read, {log} at octet {group.start}", damage.named()[letter.id])
    expect(damage.aside(f"{log.name}.{group.start}") == octets, "the octets of the place as they were found")
    body = damage.aside(f"{letter.id}.eml")[-len(letter.body):]
    wrong = [at for at in range(len(body)) if body[at] != letter.body[at]]
    expect(len(wrong) == 1, f"the body is there with its wrong octet: {wrong}")
    damage.expect_envelope(letter)
    damage.told_once()


def a_flipped_bit_in_a_record(damage: Damage) -> None:
    damage.start().fill(6)
    damage.fill(1, 300_000)
    letters = damage.fill(5)
    log = damage.kill()
    # One with its body beside it in the log, and one whose body is a file.
    for letter in (letters[3], letters[6]):
        flip(log, damage.group_of(log, letter).place_of(b"e", letter.id, 40))
    damage.start_again()
    damage.check([letters[3], letters[6]])
    for letter in (letters[3], letters[6]):
        expect(damage.aside(f"{letter.id}.eml").endswith(letter.body), "the body is whole")
        expect(not (damage.data / "damaged" / f"{letter.id}.envelope").exists(), "an envelope that cannot be read is none")
    expect(not list((damage.data / "bodies").iterdir()), "no file is left behind")
    damage.told_once()


def zeros_over_a_few_sectors(damage: Damage) -> None:
    letters = damage.start().fill(60)
    log = damage.kill()
    expect(log.stat().st_size > 3 * BLOCK, f"{log} has several blocks")
    from_, to = BLOCK + 2 * _SECTOR, BLOCK + 5 * _SECTOR
    hit = {letter.id: damage.group_of(log, letter) for letter in letters}
    overwrite(log, from_, bytes(to - from_))
    # Behind the first zero nothing in the block can be told apart; what is whole in it is found by its checksum.
    lost = [letter for letter in letters if hit[letter.id].end > from_ and hit[letter.id].start < 2 * BLOCK]
    whole = [letter for letter in lost if hit[letter.id].start >= to]
    # Zeros tell nobody's name: of a letter whose key they took only the ledger knows.
    keys = {letter.id: hit[letter.id].place_of(b"e", letter.id) for letter in lost}
    named = [letter for letter in lost if not from_ - len(key(b"e", letter.id)) < keys[letter.id] < to]
    expect(len(whole) >= 3 and len(lost) - len(named) >= 3, f"{len(whole)} of {len(lost)} are whole, {len(named)} have names")
    damage.start_again()
    damage.check(lost, named)
    for letter in whole[:-1]:
        expect(damage.aside(f"{letter.id}.eml").endswith(letter.body), "what is whole of the block is saved whole")
    damage.told_once()


def a_wrong_length(damage: Damage) -> None:
    letters = damage.start().fill(30)
    log = damage.kill()
    of = {letter.id: damage.group_of(log, letter) for letter in letters}
    block = [letter for letter in letters if of[letter.id].start // BLOCK == 1]
    expect(len(block) > 6, f"{len(block)} groups begin in the second block")
    lost = block[3:]
    flip(log, of[lost[0].id].start + LENGTH_AT, 3)
    start, end = of[lost[0].id].start, max(of[lost[-1].id].end, 2 * BLOCK)
    octets = log.read_bytes()[start:end]
    damage.start_again()
    damage.check(lost)
    expect(damage.aside(f"{log.name}.{start}") == octets, "the octets of the place as they were found")
    # The last one may go on in the next block: of that it is not known whose it is.
    for letter in lost[:-1]:
        expect(damage.aside(f"{letter.id}.eml").endswith(letter.body), f"{letter.sender} is saved whole")
        damage.expect_envelope(letter)
    damage.told_once()


def a_torn_end(damage: Damage) -> None:
    damage.start().fill(10)
    log = damage.kill()
    last = groups(log)[-1]
    octets = log.read_bytes()
    expect(last.start // BLOCK == last.end // BLOCK, "the last group is in one block")
    # The beginning of another write, as a crash leaves it.
    log.write_bytes(octets + octets[last.start:(last.start + last.end) // 2])
    damage.start_again()
    damage.check([])
    expect(not list((damage.data / "damaged").iterdir()), "nothing is moved aside")
    damage.told_once()


def a_letter_that_was_tried(damage: Damage) -> None:
    Queue.start(damage)    # nobody listens: it is tried at once
    letters = damage.fill(1)
    log = next(path for path in (damage.data / "db").glob("*.log") if path.stat().st_size > 0)
    wait_until(lambda: log.read_bytes().count(key(b"e", letters[0].id)) > 1, 20, "the letter's record is written again")
    damage.fill(5)
    damage.kill()
    letter = letters[0]
    flip(log, damage.group_of(log, letter).place_of(b"b", letter.id, 1000))
    damage.start_again()
    # Its next try is an hour away; that it has no body is seen when it is read.
    wait_until(lambda: damage.run("retry", "--all", status=None) and not damage.ids(), 20, "nothing waits any more")
    damage.check([letter])
    expect(len(damage.aside(f"{letter.id}.eml")) > len(letter.body), "what is left of the body is kept")
    damage.expect_envelope(letter)


# ---- bodies in a segment ----

def _with_a_segment(damage: Damage) -> tuple[list[Letter], Path, Path]:
    """Letters of which the 4th to the 7th are in a segment, their log, and that."""
    damage.start().fill(3)
    damage.fill(4, 100_000)
    letters = damage.fill(3)
    log = damage.kill()
    [segment] = (damage.data / "segments").glob("*.segment")
    return letters, log, segment


def _place_in(segment: Path, letter: Letter) -> int:
    """Of the 50,000th octet of its body."""
    return segment.read_bytes().index(letter.body[50_000:50_064])


def a_flipped_bit_in_a_segment(damage: Damage) -> None:
    letters, _, segment = _with_a_segment(damage)
    flip(segment, _place_in(segment, letters[4]))
    damage.start_again()
    damage.check([letters[4]])
    damage.expect_envelope(letters[4])
    body = damage.aside(f"{letters[4].id}.eml")[-len(letters[4].body):]
    wrong = [at for at in range(len(body)) if body[at] != letters[4].body[at]]
    expect(wrong == [50_000], f"the body is there with its wrong octet: {wrong}")
    damage.told_once()


def a_log_that_has_lost_what_a_segment_has(damage: Damage) -> None:
    letters, log, _ = _with_a_segment(damage)
    for letter in (letters[3], letters[5]):
        flip(log, damage.group_of(log, letter).place_of(b"e", letter.id, 40))
    damage.start_again()
    damage.check([])
    expect(len(damage.gateway.log_lines("cannot be read and are now in")) > 0, "the damage itself is told")
    damage.told_once()


def a_torn_segment(damage: Damage) -> None:
    letters, _, segment = _with_a_segment(damage)
    octets = segment.read_bytes()
    # The beginning of another frame, as a crash leaves it.
    begin = octets.rindex(b"PSF1")
    expect(begin > _place_in(segment, letters[5]), "it is the last frame's")
    segment.write_bytes(octets + octets[begin:begin + 60_000])
    damage.start_again()
    damage.check([])
    expect(not list((damage.data / "damaged").iterdir()), "nothing is moved aside")
    damage.told_once()


def a_frame_that_cannot_be_told_apart(damage: Damage) -> None:
    letters, _, segment = _with_a_segment(damage)
    octets = segment.read_bytes()
    at = octets.rindex(b"PSF1", 0, _place_in(segment, letters[4]))
    overwrite(segment, at, bytes(48))
    before = segment.read_bytes()
    damage.start_again()
    # The database has all that is in the segment, and where.
    damage.check([])
    expect(damage.gateway.log_lines(f"{segment} is damaged at octet {at}"), "the damage is told")
    expect(damage.aside(segment.name) == before, "the segment is kept as it was")
    damage.told_once()


def a_group_that_is_damaged_in_both(damage: Damage) -> None:
    letters, log, segment = _with_a_segment(damage)
    letter = letters[4]
    flip(log, damage.group_of(log, letter).place_of(b"e", letter.id, 40))
    batch = segment.read_bytes().index(key(b"e", letter.id))
    flip(segment, batch + 40)
    damage.start_again()
    damage.check([letter])
    expect(damage.aside(f"{letter.id}.eml").endswith(letter.body), "its body is whole")
    damage.told_once()


# ---- a log that cannot be mended ----

def damaged_is_a_file(damage: Damage) -> None:
    letter = damage.start().fill(5)[2]
    log = damage.kill()
    flip(log, damage.group_of(log, letter).place_of(b"b", letter.id, 900))
    before = log.read_bytes()
    folder = damage.data / "damaged"
    folder.rmdir()
    folder.write_text("somebody's file\n")
    said = damage.refused()
    expect_in(f"{folder}: ", said)
    expect(re.search("Not a directory|File exists", said) is not None, f"the reason is told: {said}")
    expect(folder.read_text() == "somebody's file\n" and log.read_bytes() == before, "nothing was touched")
    folder.unlink()
    damage.start_again()
    damage.check([letter])


def no_room_to_mend(damage: Damage) -> None:
    _cannot_write(damage, WRITES, errno.ENOSPC, "No space left on device")


def a_sync_that_fails_while_mending(damage: Damage) -> None:
    _cannot_write(damage, SYNCS, errno.EIO, "Input/output error")


def _cannot_write(damage: Damage, calls: int, error: int, reason: str) -> None:
    letter = damage.start().fill(9)[4]
    log = damage.kill()
    group = damage.group_of(log, letter)
    flip(log, group.place_of(b"b", letter.id, 1800))
    before = log.read_bytes()
    shim = Shim(damage.root / "shim", damage.data, damage.chance)
    damage.gateway.launcher = shim.launcher
    # Of the octets that are saved, and of the log that is written anew.
    for folder in ("damaged", "db"):
        shim.fail(calls, error, 0, once=False, folder=folder)
        said = damage.refused()
        expect_in(f"{log} is damaged and cannot be mended: ", said)
        expect_in(reason, said)
        expect(not damage.named(), "nobody is told lost while the log is as it was")
        expect(log.read_bytes() == before, f"the log is as it was after {name_of(error)} in {folder}")
    # Any call: whatever was begun is done again by the next start.
    for after in range(12):
        shim.fail(calls, error, after, once=True)
        try:
            damage.gateway.start()
        except HarnessError:
            expect(shim.hits() == 1, f"it starts where nothing fails: {tail(damage.gateway.log)}")
        damage.gateway.kill()
    damage.gateway.launcher = []
    damage.start_again()
    damage.check([letter], counted=False)
    octets = damage.aside(f"{log.name}.{group.start}")
    expect(octets == before[group.start:group.end], "the octets of the place as they were found")
    if "could not be moved aside" not in damage.named()[letter.id]:
        damage.expect_envelope(letter)


TESTS: list[Callable[[Damage], None]] = [
    a_flipped_bit_in_a_body, a_flipped_bit_in_a_record, zeros_over_a_few_sectors, a_wrong_length, a_torn_end,
    a_letter_that_was_tried, a_flipped_bit_in_a_segment, a_log_that_has_lost_what_a_segment_has, a_torn_segment,
    a_frame_that_cannot_be_told_apart, a_group_that_is_damaged_in_both, damaged_is_a_file, no_room_to_mend, a_sync_that_fails_while_mending,
]


def main() -> int:
    tally = Tally()
    tally.in_folders((with_party(Damage, test) for test in TESTS), "postern-damage-")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
