# SPDX-License-Identifier: Apache-2.0
"""Letters, and swaks to send them."""

import re
import secrets
import subprocess
from dataclasses import dataclass

_REPLY = re.compile(r"^<(?:-|\*\*|~~)\s+(\d{3}) (.*)$", re.M)
_RCPT = re.compile(r"^ -> RCPT TO:<([^>]*)>.*\n(?:<(?:-|\*\*)\s+\d{3}-.*\n)*<(?:-|\*\*)\s+(\d{3} .*)$", re.M)


@dataclass(frozen=True)
class Letter:
    """`marker` is in a header field of the letter and, as a tag, in its envelope sender: all logs can be asked for it."""
    marker: str
    sender: str

    @staticmethod
    def from_(user: str, domain: str, scenario: str) -> "Letter":
        marker = f"{scenario.lower()}-{secrets.token_hex(4)}"
        return Letter(marker, f"{user}+{marker}@{domain}")


@dataclass(frozen=True)
class Sent:
    """What the server said. `replies` are the last lines of all its replies, `recipients` those to RCPT alone."""
    replies: list[str]
    recipients: dict[str, str]
    transcript: str

    def refusals(self) -> list[str]:
        return [reply for reply in self.replies if reply[0] in "45"]

    def accepted(self) -> bool:
        return not self.refusals()


def send(letter: Letter, recipients: list[str], server: tuple[str, int], client: str, *extra: str) -> Sent:
    """One transaction from the given client address."""
    address, port = server
    command = ["swaks", "--server", address, "--port", str(port), "--local-interface", client, "--helo", "client.example",
               "--from", letter.sender, "--to", ",".join(recipients), "--timeout", "60",
               "--header-X-Postern-Test", letter.marker, "--header", f"Subject: {letter.marker}",
               "--body", f"The letter {letter.marker}.", *extra]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=120)
    transcript = run.stdout + run.stderr
    replies = [f"{code} {text}" for code, text in _REPLY.findall(transcript)]
    if not replies:
        replies = [f"421 swaks ended with status {run.returncode}: {transcript[-300:]}"]
    return Sent(replies, dict(_RCPT.findall(transcript)), transcript)
