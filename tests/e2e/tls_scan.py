# SPDX-License-Identifier: Apache-2.0
"""What a TLS server of SMTP speaks, found out by openssl s_client: one version, cipher and group after the other."""

import re
import socket
import subprocess
import threading
from dataclasses import dataclass

from process import expect

# Mozilla's "intermediate" ciphers (Server Side TLS 5.7), TLS 1.3 and 1.2.
INTERMEDIATE = {
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305",
}


@dataclass(frozen=True)
class Server:
    endpoint: tuple[str, int]
    starttls: bool = False    # TLS begins with STARTTLS, not with the first octet


def s_client(server: Server, *arguments: str, talk: bytes = b"QUIT\r\n") -> str:
    """What openssl s_client prints of one connection, with `talk` said inside it."""
    address, port = server.endpoint
    start = ["-starttls", "smtp"] if server.starttls else []
    done = subprocess.run(["openssl", "s_client", "-connect", f"{address}:{port}", *start, *arguments], input=talk,
                          capture_output=True, check=False, timeout=30)
    return (done.stdout + done.stderr).decode(errors="replace")


def agreed(printed: str) -> tuple[str, str] | None:
    """Version and cipher; none: no handshake."""
    version = re.search(r"^Protocol version: (\S+)", printed, re.M)
    cipher = re.search(r"^Ciphersuite: (\S+)", printed, re.M)
    return (version[1], cipher[1]) if version and cipher else None


def served_by(printed: str) -> str:
    found = re.search(r"^Peer certificate: CN = (\S+)", printed, re.M)
    return found[1] if found else f"nobody: {printed[-300:]}"


def versions(server: Server) -> None:
    for option, good in (("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
        printed = s_client(server, "-brief", option, "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        expect((agreed(printed) is not None) == good, f"{option}: {printed[-300:]}")


def old_hello(server: Server) -> None:
    """SSL 3.0, which openssl does not speak any more: its ClientHello by hand, and the alert that answers it."""
    body = b"\x03\x00" + bytes(32) + b"\x00" + b"\x00\x04\x00\x2f\x00\x0a" + b"\x01\x00"
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    with socket.create_connection(server.endpoint, timeout=20) as plain:
        plain.sendall(b"\x16\x03\x00" + len(hello).to_bytes(2, "big") + hello)
        answer = plain.recv(100)
    expect(answer[:1] == b"\x15" and answer[6:7] in (b"\x46", b"\x28"), f"SSL 3.0 was answered {answer!r}")


def ciphers(server: Server) -> None:
    listing = subprocess.run(["openssl", "ciphers", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], capture_output=True, text=True, check=True)
    names = listing.stdout.strip().split(":")
    expect(len(names) > 100, f"openssl knows {len(names)} ciphers only")

    good: set[str] = set()
    for option, version in (("-ciphersuites", "-tls1_3"), ("-cipher", "-tls1_2")):
        left = [name for name in names if name.startswith("TLS_") == (version == "-tls1_3")]
        # All that are left at once, until none of them is taken: what the server chose is not offered again.
        while left:
            offer = ":".join(left) + ("" if version == "-tls1_3" else ":@SECLEVEL=0")
            chosen = agreed(s_client(server, "-brief", version, option, offer))
            if chosen is None:
                break
            expect(chosen[1] in left, f"{chosen[1]} was chosen, and not offered")
            left.remove(chosen[1])
            good.add(chosen[1])
    expect(good == INTERMEDIATE, f"too many: {good - INTERMEDIATE}, missing: {INTERMEDIATE - good}")


def groups(server: Server) -> None:
    for group, good in (("X25519", True), ("P-256", True), ("P-384", True), ("P-521", False), ("X448", False),
                        ("brainpoolP256r1", False), ("secp256k1", False)):
        version = "-tls1_2" if "brain" in group or "k1" in group else "-tls1_3"
        printed = s_client(server, "-brief", version, "-groups", group, "-cipher", "ECDHE")
        expect((agreed(printed) is not None) == good, f"{group}: {printed[-300:]}")


def renegotiated(server: Server) -> str:
    """What openssl s_client prints when it is told to negotiate anew, behind the greeting, which it would take for the
    answer. Its input stays open: at its end s_client would leave, whether the server has answered or not."""
    address, port = server.endpoint
    with subprocess.Popen(["openssl", "s_client", "-connect", f"{address}:{port}", "-tls1_2"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        last = threading.Timer(20, client.kill)
        last.start()
        try:
            printed = b""
            while b"\n220 " not in printed and (more := client.stdout.read1()):
                printed += more
            client.stdin.write(b"R\n")
            client.stdin.flush()
            return (printed + client.stdout.read()).decode(errors="replace")
        finally:
            last.cancel()
            client.kill()


def no_extras(server: Server) -> None:
    printed = renegotiated(server)
    expect("RENEGOTIATING" in printed and "no renegotiation" in printed
           and printed.count("221 2.0.0") == 0, f"renegotiation: {printed[-500:]}")
    printed = s_client(server, "-tls1_2", "-comp")
    expect("Compression: NONE" in printed and "Secure Renegotiation IS supported" in printed, printed[-600:])
    printed = s_client(server, "-tls1_3", "-ign_eof")
    expect("Max Early Data: 0" in printed, f"early data: {printed[-500:]}")
