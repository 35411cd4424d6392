# SPDX-License-Identifier: Apache-2.0
"""Messages that a relay is likely to damage, as octets with CRLF line ends."""

import random

_HEADER = (b"From: <sender@client.example>\r\nTo: <recipient@plain.example>\r\n"
           b"Date: Thu, 1 Jan 2026 12:00:00 +0000\r\nMessage-ID: <octets@client.example>\r\n"
           b"Subject: folded\r\n\tsubject  with  spaces\r\n")

MEGABYTE = 1 << 20


def _message(*lines: bytes) -> bytes:
    return _HEADER + b"\r\n" + b"".join(line + b"\r\n" for line in lines)


def eight_bit() -> bytes:
    """Every octet from 128 on, alone and in runs; the octets of no valid UTF-8."""
    high = bytes(range(128, 256))
    return _message("Привет".encode(), high, high[::-1], *(bytes([octet]) for octet in high))


def dots() -> bytes:
    """Lines that look like the end of the message once a dot is lost or added."""
    return _message(b".", b"..", b"...", b". ", b".x", b"..x", b"x.", b"", b".", b"", b"." * 500, b".")


def long_lines() -> bytes:
    """Lines of 998 octets, the most that RFC 5322 allows, and of the lengths around it, some beginning with a dot."""
    return _message(b"a" * 998, b"." + b"b" * 997, b"c" * 997, b"d" * 996, *(b"e" * 998 for _ in range(200)))


def empty_body() -> bytes:
    return _HEADER + b"\r\n"


def header_alone() -> bytes:
    return _HEADER


def short() -> bytes:
    return _message(b"A letter of one kilobyte.", b"x" * 76, b"y" * 500)


def of_size(octets: int) -> bytes:
    """Repeats a block of lines with varied lengths, so that the ends of lines fall anywhere in a buffer."""
    source = random.Random(5321)
    block = b"".join(bytes(source.choices(b"abcdefghij .", k=source.randrange(0, 120))) + b"\r\n" for _ in range(2000))
    start = _message()
    body = block * ((octets - len(start)) // len(block) + 1)
    body = body[:octets - len(start) - 2]
    # The cut may have left half a line end.
    return start + body.rstrip(b"\r\n") + b"z" * (len(body) - len(body.rstrip(b"\r\n"))) + b"\r\n"


def is_sound(octets: bytes) -> bool:
    """No bare CR or LF: postern refuses those."""
    rest = octets.replace(b"\r\n", b"")
    return b"\r" not in rest and b"\n" not in rest
