# SPDX-License-Identifier: Apache-2.0
"""Where clients come from: a real haproxy in front (PROXY versions 1 and 2, plain, STARTTLS and TLS passed through), headers of
hosts that are no balancer, swaks --xclient; limits per client; clients that drip; the numbers of all that."""

import re
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gateway import executable
from pki import insecure
from process import expect, wait_until
from proxy_bench import BALANCER, FILTER, LETTER, OURS, STRANGER, Bench, connect
from tally import Tally


def relay(smtp: smtplib.SMTP, recipient: str = "someone@example.org") -> int:
    """The code of the first refusal, or of the reply to the message."""
    smtp.ehlo_or_helo_if_needed()
    for command in ("MAIL FROM:<a@corp.example>", f"RCPT TO:<{recipient}>", "DATA"):
        code, _ = smtp.docmd(command)
        if code >= 400:
            return code
    smtp.send(LETTER + b".\r\n")
    return smtp.getreply()[0]


def through(bench: Bench, side: str, tls: str) -> None:
    """The allowlist goes by the true address, and so do the log and Received."""
    server = bench.sides[side]
    for client, code in ((OURS, 250), (STRANGER, 550)):
        before = bench.sink.count
        with connect(server, client, tls == "implicit") as smtp:
            if tls == "starttls":
                smtp.starttls(context=insecure())
            said = relay(smtp)
            expect(said == code, f"{client} through {side}: {said}, not {code}")
        if code == 250:
            expect(bench.sink.wait_for(before + 1, 20), "the letter has not come to the next hop")
            head = bench.sink.messages[-1].octets().decode(errors="replace")
            expect(f"[{client}]" in head, f"Received does not name {client}: {head[:300]}")
        line = f"client={client} proxy={BALANCER} listener={'mxs' if tls == 'implicit' else 'mx'} event=proxied"
        wait_until(lambda l=line: l in bench.log(), 20, f"the log names {client} and the balancer")


def health_checks_are_quiet(bench: Bench) -> None:
    before = bench.number('postern_sessions_total{listener="mx"}')
    wait_until(lambda: bench.number('postern_sessions_total{listener="mx"}') > before + 1, 20, "haproxy looks again")
    with connect(bench.sides["v2"], OURS) as smtp:
        expect(smtp.noop()[0] == 250, "the server is not up for haproxy")
    told = [line for line in bench.log().splitlines() if f"client={BALANCER} " in line and "command=(PROXY)" not in line]
    expect(not told, f"health checks are in the log: {told[:2]}")


def raw(server: tuple[str, int], client: str, octets: bytes) -> bytes:
    """Everything that the server says until it closes."""
    with socket.create_connection(server, timeout=30, source_address=(client, 0)) as link:
        link.sendall(octets)
        said = b""
        try:
            while block := link.recv(4096):
                said += block
        except ConnectionResetError:
            pass
        return said


def spoofed(bench: Bench) -> None:
    """A header of somebody who is no balancer is not believed; a balancer without one is not served."""
    server = bench.gateway.endpoints["mx"]
    v1 = f"PROXY TCP4 {OURS} 127.0.0.1 50000 25\r\n".encode()
    v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(OURS) + socket.inet_aton("127.0.0.1") + b"\xc3\x50\0\x19"
    rest = b"EHLO x\r\nMAIL FROM:<a@corp.example>\r\nRCPT TO:<someone@example.org>\r\nQUIT\r\n"
    for header in (v1, v2):
        said = raw(server, STRANGER, header + rest)
        expect(b"421 4.7.0 " in said and b"\n250 " not in said, f"a spoofed header: {said}")
    with connect(server, STRANGER) as smtp:
        code, text = smtp.docmd(v1.decode().strip())
        expect(code == 421, f"a header behind the greeting: {code} {text}")
    expect(f"client={OURS} proxy=" not in "".join(l for l in bench.log().splitlines() if STRANGER in l), "it was believed")
    try:
        with connect(bench.sides["none"], OURS) as smtp:
            code = smtp.ehlo()[0]
            expect(False, f"a balancer without a header is served: {code}")
    except smtplib.SMTPResponseException as refused:
        expect(refused.smtp_code == 421, f"a balancer without a header: {refused}")
    except smtplib.SMTPServerDisconnected:
        pass
    wait_until(lambda: "event=ended command=(PROXY)" in bench.log(), 20, "the log says so")
    with connect(server, OURS) as smtp:
        expect(relay(smtp) == 250, "who connects directly is an ordinary client")


def swaks(bench: Bench, listener: str, *more: str) -> tuple[int, str]:
    address, port = bench.gateway.endpoints[listener]
    done = subprocess.run(["swaks", "--server", address, "--port", str(port), "--local-interface", FILTER, "--helo", "c.example", "--from",
                           "a@corp.example", "--to", "someone@example.org", "--timeout", "30", *more], capture_output=True, text=True,
                          errors="replace", check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def xclient(bench: Bench) -> None:
    status, said = swaks(bench, "mx", "--xclient-addr", OURS, "--xclient-name", "ours.example")
    expect(status == 0, said[-800:])
    expect("220 gw.company.ru" in said.partition("XCLIENT NAME ADDR")[2], "no greeting behind XCLIENT")
    status, said = swaks(bench, "mx", "--xclient-addr", STRANGER)
    expect(status != 0 and "550 5.7.1" in said, said[-800:])
    status, said = swaks(bench, "mx")
    expect(status != 0 and "550 5.7.1" in said, said[-800:])
    status, said = swaks(bench, "mxs", "--tls-on-connect", "--xclient-addr", OURS)
    expect(status != 0, f"XCLIENT where it is not allowed: {said[-800:]}")
    status, said = swaks(bench, "submission", "--tls", "--xclient", "LOGIN=ann@company.ru")
    expect(status == 0, said[-800:])
    wait_until(lambda: "auth=ann@company.ru" in bench.log(), 20, "the log has the login that XCLIENT told")
    with connect(bench.gateway.endpoints["mx"], STRANGER) as smtp:
        smtp.ehlo()
        expect(not smtp.has_extn("xclient"), "XCLIENT is announced to anybody")
        expect(smtp.docmd(f"XCLIENT ADDR={OURS}")[0] == 550, "XCLIENT of a stranger")


def xforward(bench: Bench) -> None:
    with connect(bench.gateway.endpoints["mx"], FILTER) as smtp:
        smtp.ehlo()
        # Postfix tells it in two commands.
        for attributes in ("NAME=far.example ADDR=192.0.2.77 PORT=4711", "PROTO=ESMTP HELO=far.example IDENT=ABC123 SOURCE=REMOTE"):
            expect(smtp.docmd(f"XFORWARD {attributes}")[0] == 250, f"XFORWARD {attributes}")
        expect(relay(smtp, "u@company.ru") == 250, "a letter behind XFORWARD")
    wanted = (r'event=forwarded letter=\w+ why="NAME=far\.example ADDR=192\.0\.2\.77 PORT=4711 PROTO=ESMTP HELO=far\.example '
              r'IDENT=ABC123 SOURCE=REMOTE"')
    wait_until(lambda: re.search(wanted, bench.log()), 20, "the log has both of them in one line")


def numbers(bench: Bench) -> None:
    expect(bench.number('postern_messages_total{outcome="accepted"}') >= 5, "messages")
    expect(bench.number('postern_recipients_total{outcome="refused"}') >= 5, "recipients")
    expect(bench.number('postern_deliveries_total{hop="out",outcome="delivered"}') >= 5, "deliveries")
    expect(bench.number('postern_tls_handshakes_total{version="TLSv1.3"}') >= 4, "handshakes")
    expect(bench.number('postern_sessions_refused_total{reason="proxy_header"}') >= 1, "connections without a header")
    expect(bench.number('postern_hop_hosts{hop="out",state="well"}') == 1, "hosts")
    expires = bench.number(f'postern_certificate_expiry_seconds{{file="{bench.root}/cert.pem"}}')
    expect(3600 < expires - time.time() < 3 * 86400, f"the certificate ends at {expires}")
    page = bench.page()
    for secret in (OURS, STRANGER, BALANCER, "someone@", "corp.example"):
        expect(secret not in page, f"{secret} is in the numbers")
    told = subprocess.run([str(executable()), "stats", "--config", str(bench.gateway.config)], capture_output=True, text=True,
                          check=False, timeout=30)
    names = set(re.findall(r"^# TYPE (\S+)", page, re.M))
    expect(told.returncode == 0 and set(re.findall(r"^# TYPE (\S+)", told.stdout, re.M)) == names and len(names) > 10,
           f"postern stats: {told.stdout[-300:]}{told.stderr}")


LIMITS = """
connections_per_client = "5 in 1h"
messages_per_client = "3 in 1h"
recipients_per_client = "6 in 1h"
"""


def greeting(server: tuple[str, int], client: str) -> bytes:
    with socket.create_connection(server, timeout=30, source_address=(client, 0)) as link:
        return link.recv(512)


def flood(bench: Bench) -> None:
    """A client that comes too often gets 421, directly and through the balancer; everybody else is served."""
    for server, bad, good in ((bench.gateway.endpoints["submission"], "127.0.5.1", "127.0.5.2"), (bench.sides["v1"], "127.0.5.3", "127.0.5.4")):
        said = [greeting(server, bad)[:9] for _ in range(8)]
        expect(said == [b"220 gw.co"] * 5 + [b"421 4.7.0"] * 3, f"5 connections are allowed: {said}")
        expect(greeting(server, good).startswith(b"220 "), "another client is not served")
    for _ in range(8):
        expect(greeting(bench.gateway.endpoints["submission"], OURS).startswith(b"220 "), "a server of ours is limited")
    expect(bench.number('postern_sessions_refused_total{reason="connections_per_client"}') == 6, "they are counted")

    def told() -> list[str]:
        return [line for line in bench.log().splitlines() if "limits.connections_per_client" in line]

    wait_until(lambda: len(told()) >= 2, 20, "a line for each of the two clients")
    expect(len(told()) == 2, f"one line a client and minute: {told()}")


def too_many(bench: Bench) -> None:
    with connect(bench.sides["v2"], "127.0.5.5") as smtp:
        smtp.ehlo()
        said = []
        for _ in range(5):
            said.append(smtp.docmd("MAIL FROM:<a@corp.example>")[0])
            smtp.rset()
        expect(said == [250, 250, 250, 450, 450], f"3 messages are allowed: {said}")
    with connect(bench.sides["v2"], "127.0.5.6") as smtp:
        smtp.ehlo()
        smtp.docmd("MAIL FROM:<a@corp.example>")
        said = [smtp.docmd(f"RCPT TO:<u{i}@company.ru>")[0] for i in range(8)]
        expect(said == [250] * 6 + [450] * 2, f"6 recipients are allowed: {said}")
    with connect(bench.sides["v2"], "127.0.5.7") as smtp:
        expect(relay(smtp, "u@company.ru") == 250, "another client is limited too")
    with connect(bench.sides["v2"], OURS) as smtp:
        smtp.ehlo()
        for i in range(8):
            expect(smtp.docmd("MAIL FROM:<a@corp.example>")[0] == 250, "a server of ours is limited")
            smtp.rset()
    expect(bench.number('postern_limited_total{limit="messages"}') == 2, "messages are counted")
    expect(bench.number('postern_limited_total{limit="recipients"}') == 2, "recipients are counted")


SLOW = """
command_timeout = "1s"
data_timeout = "1s"
data_rate = 100000
proxy_timeout = "1s"
session_lifetime = "3s"
"""


def drip(link: socket.socket, octets: bytes) -> bytes:
    """Sends an octet now and then until the server has said something."""
    ended = threading.Event()

    def send() -> None:
        try:
            while not ended.wait(0.1):
                link.sendall(octets)
        except OSError:
            pass
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        return link.recv(512)
    except ConnectionResetError:
        return b""
    finally:
        ended.set()
        sender.join()


def slow_command(bench: Bench) -> None:
    with socket.create_connection(bench.gateway.endpoints["mx"], timeout=30, source_address=(STRANGER, 0)) as link:
        link.recv(512)
        said = drip(link, b"N")
        expect(said.startswith(b"421 4.4.2 "), f"a command that drips: {said}")


def slow_message(bench: Bench) -> None:
    with connect(bench.gateway.endpoints["mx"], STRANGER) as smtp:
        smtp.ehlo()
        smtp.docmd("MAIL FROM:<a@corp.example>")
        smtp.docmd("RCPT TO:<u@company.ru>")
        smtp.docmd("DATA")
        said = drip(smtp.sock, b"x")
        expect(said.startswith(b"421 4.4.2 "), f"a message that drips: {said}")


def slow_header(bench: Bench) -> None:
    with socket.create_connection(bench.gateway.endpoints["mx"], timeout=30, source_address=(BALANCER, 0)) as link:
        link.sendall(b"PROXY TCP4 ")
        said = drip(link, b"1")
        expect(said.startswith(b"421 4.7.0 "), f"a header that drips: {said}")


def long_session(bench: Bench) -> None:
    with connect(bench.gateway.endpoints["mx"], STRANGER) as smtp:
        smtp.ehlo()
        code, said = 250, b""
        while code == 250:
            for command in ("MAIL FROM:<a@corp.example>", "RCPT TO:<u@company.ru>", "RSET"):
                if code == 250:
                    code, said = smtp.docmd(command)
            threading.Event().wait(0.05)    # at the pace of a client, which may say RSET only so often
        expect(code == 421 and b"lasted too long" in said, f"a session without end: {code} {said}")
    for reason in ("command", "data_rate", "lifetime"):
        wait_until(lambda r=reason: bench.number(f'postern_sessions_timed_out_total{{reason="{r}"}}') >= 1, 20, f"{reason} is counted")


def cases_of(bench: Bench, kind: str) -> dict[str, Callable[[], None]]:
    if kind == "proxy":
        out: dict[str, Callable[[], None]] = {}
        for side, tls in (("v1", "none"), ("v2", "none"), ("v1", "starttls"), ("v2", "starttls"), ("v1s", "implicit"), ("v2s", "implicit")):
            out[f"haproxy {side[:2]}, TLS {tls}: the allowlist goes by the true address"] = lambda s=side, t=tls: through(bench, s, t)
        return out | {"health checks are served quietly": lambda: health_checks_are_quiet(bench),
                      "a spoofed header, and a missing one": lambda: spoofed(bench),
                      "swaks --xclient": lambda: xclient(bench), "XFORWARD is in the log": lambda: xforward(bench),
                      "the numbers, by HTTP and by postern stats": lambda: numbers(bench)}
    if kind == "limits":
        return {"a flood gets 421 while another client is served": lambda: flood(bench),
                "messages and recipients beyond a rate get 450": lambda: too_many(bench)}
    return {"a command that drips": lambda: slow_command(bench), "a message that drips": lambda: slow_message(bench),
            "a PROXY header that drips": lambda: slow_header(bench), "a session without end": lambda: long_session(bench)}


def main() -> int:
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="postern-proxy-") as folder:
        for kind, limits in (("proxy", "proxy_timeout = \"2s\""), ("limits", LIMITS), ("slow", SLOW)):
            bench = Bench(Path(folder) / kind, limits)
            try:
                tally.play(cases_of(bench, kind))
            finally:
                bench.close()
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
