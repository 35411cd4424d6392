# SPDX-License-Identifier: Apache-2.0
"""Waves (R5): `postern wave set` while G runs, between X that forwards and V that has the mailboxes."""

import json
import subprocess
import time

import ports
import swaks
from gateway import executable
from process import HarnessError
from scenarios import Check, Failed, scenario
from topology import D, WAVE, WAVED

_USER = f"{WAVED[0]}@{D}"
_BOTH = (f"X:{WAVED[0]}", f"V:{WAVED[0]}")      # X keeps it and forwards a copy
_STRAIGHT = (f"V:{WAVED[0]}",)


def wave(check: Check, *words: str) -> dict:
    command = [str(executable()), "wave", *words, "--config", str(check.net.g.config), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise HarnessError(f"wave {' '.join(words)}: status {done.returncode}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def set_state(check: Check, state: str) -> dict:
    done = wave(check, "set", WAVE, state)
    check.equal("the gateway", done["gateway"], "reloaded")
    check.equal("running", wave(check, "list")["waves"][0]["running"], state)
    return done


def arrives(check: Check, *places: str) -> None:
    letter = check.from_outside()
    check.accepted(swaks.send(letter, [_USER], check.net.at_g(), ports.OUTSIDE))
    check.copies(letter, *places)


def back_to_dual(check: Check) -> None:
    """However a scenario ended: as the next one wants it."""
    state = wave(check, "list")["waves"][0]["state"]
    if state == "cutover":
        set_state(check, state := "rolled_back")
    if state == "rolled_back":
        set_state(check, "dual")


@scenario("W1", "a wave: dual goes to X, cutover straight to V, rolled back to X again; the config keeps its comments")
def there_and_back(check: Check) -> None:
    before = check.net.g.config.read_text()
    try:
        arrives(check, *_BOTH)
        preview = wave(check, "set", WAVE, "cutover", "--dry-run")
        check.equal("ways", preview["ways"], [{"from": "exchange", "to": "vk", "users": len(WAVED)}])
        check.equal("the config after a dry run", check.net.g.config.read_text(), before)
        set_state(check, "cutover")
        wanted = before.replace('state = "dual"   # of the wave', 'state = "cutover"   # of the wave')
        check.equal("the config", check.net.g.config.read_text(), wanted)
        arrives(check, *_STRAIGHT)
        letter = check.from_user_of_v()                  # S4's way is shorter now
        check.accepted(swaks.send(letter, [_USER], check.net.at_v(), ports.WORKSPACE))
        check.copies(letter, *_STRAIGHT)
        said = check.net.g.explain(ports.OUTSIDE, "nina@corp.com", _USER)
        [step] = [step for step in said["trace"] if step["stage"] == "cutover"]
        check.equal("reason", step["reason"], f"wave {WAVE}: cutover (wave.txt, line 1) (R5)")
        check.equal("letters of the wave in G's log", len(check.net.g.log_lines(f'told="{step["reason"]}"')) >= 2, True)
        set_state(check, "rolled_back")
        arrives(check, *_BOTH)
    finally:
        back_to_dual(check)
    check.equal("the config", check.net.g.config.read_text(), before)
    log = [line.split() for line in (check.net.g.root / "data" / "waves.log").read_text().splitlines()]
    check.equal("steps", [line[3:5] for line in log][:2], [["from=dual", "to=cutover"], ["from=cutover", "to=rolled_back"]])


@scenario("W2", "a wave that is cut over: what waits for X in the queue follows to V, though X is down", stored=True)
def the_queue_follows(check: Check) -> None:
    check.net.x.stop()
    stopped = True
    try:
        letter = check.from_outside()
        check.accepted(swaks.send(letter, [_USER], check.net.at_g(), ports.OUTSIDE))
        other = check.from_outside()                     # a user of no wave waits on
        check.accepted(swaks.send(other, [f"boris@{D}"], check.net.at_g(), ports.OUTSIDE))
        deadline = time.monotonic() + 20
        while not any("outcome=deferred" in line for line in check.net.g.log_lines(letter.marker)):
            if time.monotonic() > deadline:
                raise Failed("no attempt was made within 20 s")
            time.sleep(0.05)
        check.equal("in the queue for the wave", wave(check, "set", WAVE, "cutover", "--dry-run")["queue"],
                    {"messages": 1, "recipients": 1})
        check.equal("retried", set_state(check, "cutover")["retried"], 1)
        deadline = time.monotonic() + 20
        while dict(check.net.copies(letter.marker)) != {place: 1 for place in _STRAIGHT} or check.net.g.queued() != 1:
            if time.monotonic() > deadline:
                raise Failed(f"found {dict(check.net.copies(letter.marker))}, {check.net.g.queued()} wait at G")
            time.sleep(0.05)
        check.net.x.start()
        stopped = False
        check.copies(other, "X:boris")
        check.copies(letter, *_STRAIGHT)
    finally:
        if stopped:
            check.net.x.start()
        back_to_dual(check)
