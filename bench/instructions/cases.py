# SPDX-License-Identifier: Apache-2.0
"""The dialogues whose instructions are counted: one kept session each, letter after letter, to next hops that take all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from client import ADDRESS, Session, text

# A company as in docs/examples/coexistence.toml, with every stage, at addresses of loopback; a listener for each delivery.
_CONFIG = """\
hostname = "gw.company.example"
data_dir = "{root}/data"
{listeners}
[relay]
allow_without_auth = ["127.0.0.1", "127.0.0.5", "127.0.1.10", "127.0.2.20"]
[[next_hop]]
name = "exchange"
hosts = ["{exchange}"]
behaves = "exchange"
tls = "none"
max_messages = 1000000
[[next_hop]]
name = "vk"
hosts = ["{vk}"]
behaves = "vk_workspace"
tls = "none"
max_messages = 1000000
[[next_hop]]
name = "dlp"
hosts = ["{dlp}"]
tls = "none"
max_messages = 1000000
[[domain]]
name = "company.example"
aliases = ["tech.company.example"]
mailboxes = "vk"
cutover = "{root}/cutover.txt"
[[route]]
domains = ["company.example"]
via = "exchange"
[recipients]
validate = false
unknown_redirect = "exchange"
directory = "file:{root}/mailboxes.txt"
[gateways]
external = ["dlp"]
[tls]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
[limits]
threads = 1
messages_per_session = 1000000
sessions_per_client = 100
[routing]
trace_key = "a key for benchmarks, of 32 octets"
[log]
file = "{root}/letters.log"
"""

_LISTENER = """\
[[listener]]
name = "{delivery}"
bind = "{address}:0"
delivery = "{delivery}"
tls = "starttls"
"""

DELIVERIES = ("cut_through", "queue")
SENDER = "olga@client.example"
_USER = "ivan@tech.company.example"
# By the alias and by the company's name, in the directory and not, cut over and not, and outside.
_TEN = [_USER, "anna@tech.company.example", "ivan@company.example", "boris@company.example", "cut1@company.example",
        "cut2@company.example", "nobody@tech.company.example", "dirk@outside.example", "eva@outside.example", "list@company.example"]


# Each next hop at an address of its own: by it the gateway knows whose mail comes in (R7), and is proved not to loop.
HOPS = {"exchange": "127.0.0.5", "vk": "127.0.1.10", "dlp": "127.0.2.20"}


def write_config(root: Path, ports: dict[str, int], certificate: tuple[Path, Path]) -> str:
    """The gateway's config, with the ports of HOPS; the files that it names are written."""
    people = [f"user{number}@company.example" for number in range(1000)] + ["ivan@company.example", "anna@company.example"]
    root.mkdir(parents=True)
    (root / "mailboxes.txt").write_text("\n".join([*people, "cut1@company.example", "cut2@company.example"]) + "\n")
    (root / "cutover.txt").write_text("cut1@company.example\ncut2@company.example\n")
    listeners = "".join(_LISTENER.format(delivery=delivery, address=ADDRESS) for delivery in DELIVERIES)
    return _CONFIG.format(root=root, listeners=listeners, cert=certificate[0], key=certificate[1],
                          **{name: f"{HOPS[name]}:{port}" for name, port in ports.items()})


@dataclass(frozen=True)
class Case:
    name: str
    listener: str
    send: Callable[[Session], None]
    copies: int = 1     # letters that arrive at next hops for each that is sent
    tls: bool = False


def _one(session: Session) -> None:
    session.letter(SENDER, [_USER], text(1024))


def _in_lockstep(session: Session) -> None:
    session.letter(SENDER, [_USER], text(1024), pipelining=False)


def _in_chunks(session: Session) -> None:
    session.letter_in_chunks(SENDER, [_USER], text(1024))


def _to_ten(session: Session) -> None:
    session.letter(SENDER, _TEN, text(1024))


# None with `delivery = "auto"`: there the commit and the delivery race, and what is spared depends on who is first.
CASES = (
    Case("DATA, cut_through", "cut_through", _one),
    Case("BDAT, cut_through", "cut_through", _in_chunks),
    Case("DATA, cut_through, TLS from the client", "cut_through", _one, tls=True),
    Case("DATA, queue", "queue", _one),
    Case("DATA, queue, without pipelining", "queue", _in_lockstep),
    Case("ten recipients, three next hops, queue", "queue", _to_ten, copies=3),
)
