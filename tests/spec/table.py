#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the specification as a table: one row for each class of mail in each config, and the scenarios step by step.

Usage: table.py FOLDER

FOLDER gets worlds/N.toml (with mailboxes.txt and cutover.txt beside it) and rows.tsv, which spec_test.cc asks the real
pipeline about. A path has a number and its rows are consecutive; the other rows have path 0.
"""

import pathlib
import sys
from dataclasses import replace

import classes
import paths
from oracle import NONE, UP, decide, is_traced
from worlds import all_worlds, every_setting, toml, write_lists

COLUMNS = ("rules", "world", "who", "client", "listener", "identity", "recipient", "kind", "stage", "hop", "out", "code",
           "status", "path", "received", "trace", "message", "traced")
# Asked in every config; the others only where a config is about them.
COMMON = {"E", "X by address", "X by listener", "X by listener, the DLP's address", "V", "DLP", "service",
          "authenticated on submission", "unauthenticated on submission"}


def row(world_number, world, who, letter, decision, rules=(), path=0, received=1, trace="fresh", refused=False):
    values = (" ".join(sorted(set(rules) | decision.rules)), world_number, who, letter.client, letter.listener,
              letter.identity, letter.recipient, decision.kind, decision.stage, decision.hop, decision.out, decision.code,
              decision.status, path, received, trace, "554 5.4.6" if refused else "250 2.1.5",
              "yes" if is_traced(world, letter, decision) else "no")
    return "\t".join(str(value) for value in values) + "\n"


def single_rows(worlds):
    products = set(every_setting())
    for number, world in enumerate(worlds):
        outage = world.directory != UP or world.cutover != UP
        every_origin = number == 0 or not (world in products or outage)
        for who, letter in classes.letters():
            if every_origin or who in COMMON:
                yield row(number, world, who, letter, decide(world, letter))


def followed(worlds):
    """The scenarios in each config of the product, and in those where the guide's settings differ."""
    by_listener = paths.Site(x_client="10.0.9.9", x_listener="exchange")
    for world in every_setting():
        for site in (paths.Site(), by_listener, replace(by_listener, x_strips=True)):
            yield from ((rules, walk) for rules, walk in paths.scenarios(world, site) if walk.stays)
    example = replace(worlds[0], external=("exchange",))
    for world in (example, replace(example, cutover=NONE), replace(example, internal=("dlp",))):
        yield from paths.scenarios(world)
    yield from paths.loops()


def path_rows(worlds):
    numbers = {world: number for number, world in enumerate(worlds)}
    for path, (rules, walk) in enumerate(followed(worlds), start=1):
        if walk.world not in numbers:
            numbers[walk.world] = len(worlds)
            worlds.append(walk.world)
        for step, stay in enumerate(walk.stays, start=1):
            named = set(rules.split()) | ({"R13"} if stay.refused else set())
            yield row(numbers[walk.world], walk.world, f"path {path}, stay {step}", stay.letter, stay.decision, named, path,
                      stay.received, stay.trace if step > 1 else "fresh", stay.refused)


def main():
    folder = pathlib.Path(sys.argv[1])
    (folder / "worlds").mkdir(parents=True)
    write_lists(folder)
    worlds = all_worlds()
    with open(folder / "rows.tsv", "w", encoding="utf-8") as out:
        out.write("\t".join(COLUMNS) + "\n")
        out.writelines(single_rows(worlds))
        out.writelines(path_rows(worlds))
    for number, world in enumerate(worlds):
        (folder / "worlds" / f"{number}.toml").write_text(
            f"# OUR_ADDRESS_VALIDATE={world.environment}\n# {world}\n" + toml(world, folder), encoding="utf-8")


if __name__ == "__main__":
    main()
