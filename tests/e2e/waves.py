# SPDX-License-Identifier: Apache-2.0
"""`postern wave set` against a gateway that runs: the queue follows at once, a change by hand is seen, nothing is lost or
doubled under load. X and V are recording sinks; a next try is an hour away, so that only the command can bring it nearer.

    waves.py [REGEX]     all tests, or those whose name matches
"""

import json
import re
import smtplib
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from gateway import Gateway, executable
from ports import EXCHANGE, WORKSPACE, free_port
from process import HarnessError, expect, wait_until
from sink import Sink
from tally import Tally, with_party

CONFIG = """
hostname = "gw.company.ru"
data_dir = "{data}"

[[listener]]
name = "mx"
bind = "127.0.0.1:0"
delivery = "{delivery}"

[[next_hop]]
name = "exchange"
hosts = ["{x}:{x_port}"]
behaves = "exchange"

[[next_hop]]
name = "vk"
hosts = ["{v}:{v_port}"]

[[domain]]
name = "company.ru"
mailboxes = "vk"

[[route]]
domains = ["company.ru"]
via = "exchange"

[[wave]]
name = "pilot"
members = "file:{root}/pilot.txt"
state = "dual"

[retry]
first = "1h"
max = "1h"
"""

WAVED, OTHER = "anna@company.ru", "zoya@company.ru"


class Site:
    def __init__(self, root: Path, delivery: str = "queue"):
        self.root = root
        x_port, v_port = free_port(EXCHANGE), free_port(WORKSPACE)
        (root / "pilot.txt").write_text(f"# who begins\n{WAVED}\n")
        self.gateway = Gateway("gateway", root, CONFIG.format(
            data=root / "data", root=root, delivery=delivery, x=EXCHANGE, x_port=x_port, v=WORKSPACE, v_port=v_port))
        self.x = Sink(root / "x", EXCHANGE, x_port)
        self.v = Sink(root / "v", WORKSPACE, v_port)
        self._up: list[Sink] = []

    def up(self, *sinks: Sink) -> None:
        for sink in sinks:
            sink.start()
            self._up.append(sink)

    def close(self) -> None:
        self.gateway.stop()
        for sink in self._up:
            sink.stop()

    def run(self, *words: str, status: int = 0) -> str:
        command = [str(executable()), *words, "--config", str(self.gateway.config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != status:
            raise HarnessError(f"{' '.join(words)}: status {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def set(self, state: str) -> dict:
        return json.loads(self.run("wave", "set", "pilot", state, "--json"))

    def state(self) -> tuple[str, str | None]:
        [wave] = json.loads(self.run("wave", "list", "--json"))["waves"]
        return wave["state"], wave["running"]

    def queued(self) -> list[dict]:
        said = subprocess.run([str(executable()), "queue", "list", "--json", "--config", str(self.gateway.config)],
                              capture_output=True, text=True, check=False, timeout=60)
        return [json.loads(line) for line in said.stdout.splitlines()]

    def send(self, *recipients: str, subject: str = "wave") -> None:
        with smtplib.SMTP(*self.gateway.endpoints["mx"], timeout=30) as client:
            client.sendmail("nina@corp.com", recipients, f"Subject: {subject}\r\n\r\nbody\r\n".encode())

    def deferred(self, count: int) -> None:
        wait_until(lambda: sum(m["state"] == "deferred" for m in self.queued()) == count, 20, f"{count} were tried")


def recipients(sink: Sink) -> list[str]:
    return sorted(address for message in sink.messages for address in message.recipients)


def the_queue_follows_there_and_back(site: Site) -> None:
    """Cut over while X is down, rolled back while V is down; who is in no wave waits on."""
    site.gateway.start()
    site.send(WAVED)
    site.deferred(1)
    site.send(OTHER)
    site.up(site.v)
    done = site.set("cutover")
    expect(done["retried"] == 1 and done["gateway"] == "reloaded", done)
    expect(site.v.wait_for(1, 20), "the letter has not followed to V")
    expect(recipients(site.v) == [WAVED], recipients(site.v))
    wait_until(lambda: len(site.queued()) == 1, 20, "the other letter waits on")
    site.v.close()
    site.send(WAVED, subject="back")
    site.deferred(2)
    site.up(site.x)
    done = site.set("rolled_back")
    expect(done["retried"] == 1, done)
    expect(site.x.wait_for(1, 20), "the letter has not come back to X")
    wait_until(lambda: len(site.queued()) == 1, 20, "the other letter waits on")
    expect(recipients(site.x) == [WAVED], recipients(site.x))
    expect(recipients(site.v) == [WAVED], recipients(site.v))


def the_queue_follows_whom_a_directory_knows(site: Site) -> None:
    """Members that nobody can list: each recipient in the queue is asked about."""
    config = site.gateway.config
    config.write_text(config.read_text().replace('members = "file:', 'members = "any:file:'))
    site.gateway.start()
    site.send(WAVED)
    site.deferred(1)
    site.send(OTHER)
    site.up(site.v)
    expect("members cannot be listed" in site.run("wave", "set", "pilot", "cutover", "--dry-run"), "a dry run says so")
    done = site.set("cutover")
    expect(done["retried"] == 1 and done["members"] is None, done)
    expect(site.v.wait_for(1, 20), "the letter has not followed to V")
    wait_until(lambda: len(site.queued()) == 1, 20, "the other letter waits on")
    expect(recipients(site.v) == [WAVED], recipients(site.v))


def a_letter_on_hold_stays_held(site: Site) -> None:
    site.gateway.start()
    site.send(WAVED)
    site.deferred(1)
    site.run("queue", "hold", "--all")
    site.up(site.v)
    expect(json.loads(site.run("wave", "set", "pilot", "cutover", "--dry-run", "--json"))["queue"]["messages"] == 1, "one waits")
    expect(site.set("cutover")["retried"] == 0, "what is held was tried")
    site.run("queue", "release", "--all")
    site.run("queue", "retry", "--all")
    expect(site.v.wait_for(1, 20), "released, it goes the new way")


def without_a_gateway_the_change_waits_for_its_start(site: Site) -> None:
    said = site.run("wave", "set", "pilot", "cutover")
    expect("postern is not running" in said and "when it starts" in said, said)
    expect(site.state() == ("cutover", None), site.state())
    site.up(site.v)
    site.gateway.start()
    expect(site.state() == ("cutover", "cutover"), site.state())
    site.send(WAVED)
    expect(site.v.wait_for(1, 20), "it goes straight to V")


def a_change_by_hand_is_seen_and_told(site: Site) -> None:
    site.gateway.start()
    config = site.gateway.config
    config.write_text(config.read_text().replace('state = "dual"', 'state = "cutover"'))
    expect(site.state() == ("cutover", "dual"), site.state())
    expect("still has it as dual" in site.run("wave", "list"), "list says that the gateway lags")
    said = site.run("wave", "set", "pilot", "cutover")
    expect("is cutover already" in said and "the gateway has taken the change" in said, said)
    expect(site.state() == ("cutover", "cutover"), site.state())
    expect(not (site.root / "data" / "waves.log").exists(), "what the command did not change it does not log")


def nothing_is_lost_or_doubled_under_load(site: Site) -> None:
    """Letters come all the while as the wave goes there and back: each is in one place, once (R15)."""
    site.up(site.x, site.v)
    site.gateway.start()
    sent: list[str] = []
    failed: list[str] = []
    over = threading.Event()

    def load(number: int) -> None:
        count = 0
        while not over.is_set():
            subject = f"w{number}-{count}"
            try:
                site.send(WAVED, subject=subject)
                sent.append(subject)
            except (OSError, smtplib.SMTPException) as error:
                failed.append(f"{subject}: {error}")
            count += 1

    threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        for state in ("cutover", "rolled_back", "dual") * 5:
            before = len(sent)
            site.set(state)
            wait_until(lambda before=before: len(sent) > before + 20, 30, "letters come")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    expect(not failed, failed[:3])
    wait_until(lambda: site.x.count + site.v.count >= len(sent) and not site.queued(), 30, "all have arrived")
    found = Counter(re.search(rb"Subject: (\S+)", message.octets())[1].decode()
                    for sink in (site.x, site.v) for message in sink.messages)
    expect(found == Counter(sent), f"{len(sent)} sent; lost {set(sent) - set(found)}, doubled {found - Counter(sent)}")
    expect(site.x.count > 0 and site.v.count > 0, "both ways were gone")
    print(f"     {len(sent)} letters over 15 changes: {site.x.count} to X, {site.v.count} to V")


TESTS: list[Callable[[Site], None]] = [
    the_queue_follows_there_and_back, the_queue_follows_whom_a_directory_knows, a_letter_on_hold_stays_held, without_a_gateway_the_change_waits_for_its_start,
    a_change_by_hand_is_seen_and_told, nothing_is_lost_or_doubled_under_load,
]


def main() -> int:
    def site_of(test: Callable[[Site], None]) -> Callable[[Path], Site]:
        mode = "auto" if test is nothing_is_lost_or_doubled_under_load else "queue"
        return lambda root: Site(root, mode)

    tally = Tally()
    tally.in_folders((with_party(site_of(test), test) for test in TESTS), "postern-waves-")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
