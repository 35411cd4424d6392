# SPDX-License-Identifier: Apache-2.0
"""postern between a client and a recording sink, and what may be added to a message on the way."""

import re
import shutil
import tempfile
from pathlib import Path

import ports
from gateway import Gateway
from sink import Options, Sink

_FIELD = re.compile(rb"(Received|Postern-Trace):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", re.I)

_CONFIG = """\
hostname = "gw.company.ru"
data_dir = "{root}/data"

[[listener]]
name = "mx"
bind = "{g}:0"
role = "mx"
delivery = "{delivery}"
max_message_size = "100MiB"

[relay]
allow_without_auth = ["{g}"]

[[next_hop]]
name = "plain"
hosts = ["{a}:{plain}"]
behaves = "relay"

[[next_hop]]
name = "chunks"
hosts = ["{a}:{chunks}"]
behaves = "relay"

[[next_hop]]
name = "vk"
hosts = ["{a}:{vk}"]
behaves = "vk_workspace"

[[domain]]
name = "company.ru"
mailboxes = "vk"

[[route]]
domains = ["plain.example"]
via = "plain"

[[route]]
domains = ["chunks.example"]
via = "chunks"

[routing]
trace_key = "a key for tests, of thirty-two octets"
"""

# Where a letter for each of these goes; V's mail carries a trace field, other domains' mail none (R13).
RECIPIENTS = {"plain": "recipient@plain.example", "chunks": "recipient@chunks.example", "vk": "recipient@company.ru"}


class Bench:
    """G with three next hops that are sinks: one that lacks CHUNKING, one that has it, one that stands in for V."""

    def __init__(self, rate: int = 0, keep_messages: bool = True, delivery: str = "cut_through"):
        self.root = Path(tempfile.mkdtemp(prefix="postern-octets-"))
        options = {"plain": Options(rate=rate), "chunks": Options(chunking=True, rate=rate), "vk": Options(rate=rate)}
        self.sinks = {name: Sink(self.root / name, ports.WORKSPACE, ports.free_port(ports.WORKSPACE), option, keep_messages)
                      for name, option in options.items()}
        config = _CONFIG.format(root=self.root, delivery=delivery, g=ports.GATEWAY, a=ports.WORKSPACE,
                                **{name: sink.port for name, sink in self.sinks.items()})
        self.gateway = Gateway("G", self.root, config)

    def __enter__(self) -> "Bench":
        for sink in self.sinks.values():
            sink.start()
        self.gateway.start()
        return self

    def __exit__(self, *_) -> None:
        try:
            self.gateway.stop()
        finally:
            for sink in self.sinks.values():
                sink.stop()
            shutil.rmtree(self.root, ignore_errors=True)

    @property
    def server(self) -> tuple[str, int]:
        return self.gateway.endpoints["mx"]


def difference(sent: bytes, arrived: bytes, traced: bool) -> str | None:
    """None if what arrived is what was sent below exactly one Received field, and one trace field where it belongs (R16);
    otherwise what is different."""
    wanted = ["postern-trace", "received"] if traced else ["received"]
    added, rest = [], arrived
    for _ in wanted:
        field = _FIELD.match(rest)
        if field is None:
            break
        added.append(field.group(1).decode().lower())
        rest = rest[field.end():]
    if sorted(added) != wanted:
        return f"fields on top: {added}, wanted {wanted}; it begins with {arrived[:200]!r}"
    if rest == sent:
        return None
    at = next((n for n, pair in enumerate(zip(sent, rest)) if pair[0] != pair[1]), min(len(sent), len(rest)))
    return (f"{len(rest)} octets in place of {len(sent)}, the first difference at {at}: "
            f"sent {sent[at:at + 40]!r}, arrived {rest[at:at + 40]!r}")
