# SPDX-License-Identifier: Apache-2.0
"""postern send beside swaks against the same scripted servers: statuses, commands, transcripts, octets; then what swaks has not:
BDAT, JSON, broken rules, MIME that Python's email package reads back; and against the gateway itself."""

import email
import email.policy
import json
import re
import ssl
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway import Gateway, executable
from pki import Authority
from ports import OUTSIDE, free_port
from process import expect, wait_until
from scripted import Script, Scripted
from send_bench import BOTH, PASSWORD, beside_swaks, run, send
from send_output import colours, output_for_programs, output_that_is_lost, password_prompt, secrets_stay
from sink import Options, Sink
from tally import Tally


def quit_refused() -> None:
    """27 by swaks' manual; its own ends with 0."""
    with Scripted(Script({"QUIT": "500 stay"})) as server:
        send(server, status=27)


def by_the_recipient() -> None:
    """Without --server: an address literal is its own host (RFC 5321 section 5.1)."""
    with Scripted(Script()) as server:
        for program in (["swaks"], [str(executable()), "send"]):
            words = ["--port", str(server.port), "--from", "ann@test", "--to", "bob@[127.0.0.1]", "--helo", "c.test"]
            done = subprocess.run([*program, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                  timeout=60)
            expect(done.returncode == 0, f"{program[0]}: {done.returncode}: {done.stdout}{done.stderr}")
            expect("RCPT TO:<bob@[127.0.0.1]>" in server.wait().lines, str(server.wait().lines))


def silence() -> None:
    """A server that says nothing counts as one that refuses, at each step. The time is for the replies before, too."""
    def at(step: str, status: int) -> None:
        with Scripted(Script({step: ""})) as server:
            text = send(server, "--timeout", "4s", status=status)
            expect("Timeout: no reply came within 4 s" in text, text)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(at, *one) for one in (("220", 21), ("MAIL", 23), ("RCPT", 24))]:
            done.result()


def no_connection() -> None:
    with Scripted(Script()) as server:
        pass
    for program in ("swaks", "send"):
        done = run(program, server)
        expect(done.returncode == 2, f"{program}: {done.returncode}, not 2: {done.stdout}{done.stderr}")


def proxy_headers() -> None:
    v1 = ["--proxy-family", "TCP4", "--proxy-source", "192.0.2.7", "--proxy-source-port", "40000", "--proxy-dest", "192.0.2.8",
          "--proxy-dest-port", "25"]
    v2 = ["--proxy-version", "2", *v1[:1], "AF_INET", *v1[2:]]
    for words, octets in ((v1, -1), (v2, 28)):
        heads = {}
        for program in ("swaks", "send"):
            with Scripted(Script(preamble=octets)) as server:
                done = run(program, server, *words)
                expect(done.returncode == 0, f"{program}: {done.stdout}{done.stderr}")
                heads[program] = server.wait().preamble
        expect(heads["swaks"] == heads["send"] != b"", str(heads))


def tls_contexts(root: Path) -> tuple[Authority, ssl.SSLContext, ssl.SSLContext]:
    authority = Authority(root)
    contexts = []
    for stem, days in (("good", 30), ("old", -1)):
        pair = authority.issue(stem, "DNS:mx.test", days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        contexts.append(context)
    return authority, contexts[0], contexts[1]


def tls(root: Path) -> None:
    authority, good, old = tls_contexts(root)
    verify = ["--tls-ca-path", str(authority.pair.cert), "--tls-verify-name", "mx.test"]
    for script, words in ((Script(tls=good), ["-tls"]), (Script(tls=good, implicit=True), ["-tlsc"])):
        with Scripted(script) as server:
            text = send(server, *words, *verify)
            expect(server.wait().tls and "=== TLS started with cipher TLSv1.3:" in text, text)
            expect(" ~> MAIL FROM:<ann@test>" in text and "<~  250 2.1.0 fine" in text, text)
            expect(re.search(r"for mx\.test, by .*, verified", text) is not None, text)
            swaks = run("swaks", server, *words)
            expect(swaks.returncode == 0, swaks.stdout)
            text = send(server, *words, "--tls-verify", "--tls-ca-path", str(authority.pair.cert), status=29)
            expect("127.0.0.1" in text, f"an address is no name of the certificate: {text}")
            send(server, *words, "--tls-protocol", "tlsv1_2")
            text = send(server, *words, "--tls-get-peer-cert", str(root / "peer.pem"))
            expect((root / "peer.pem").read_text() in (root / "good.pem").read_text(), "another certificate")
    with Scripted(Script(tls=old)) as server:
        text = send(server, "-tls", *verify, status=29)
        expect("expired" in text, text)
        record = json.loads(send(server, "-tls", "--json"))
        expect(record["tls"]["verified"] is False and record["tls"]["names"] == ["mx.test"], record["tls"])
    with Scripted(Script({"STARTTLS": "454 4.7.0 not now"}, tls=good)) as server:
        send(server, "-tls", status=29)
        send(server, "-tlsos", status=29)
        send(server, "-tlso")


def own_certificate(root: Path) -> None:
    authority, good, _ = tls_contexts(root)
    good.load_verify_locations(authority.pair.cert)
    good.verify_mode = ssl.CERT_REQUIRED
    own = authority.issue("client", "DNS:client.test")
    words = ["-tls", "--tls-cert", str(own.cert), "--tls-key", str(own.key)]
    for program in ("swaks", "send"):
        with Scripted(Script(tls=good)) as server:
            done = run(program, server, *words)
            text = done.stdout + done.stderr
            shown = re.search(r'=== TLS local DN="/?CN=client"', text)
            expect(done.returncode == 0 and shown is not None, f"{program}: {text[-600:]}")


def letters(root: Path) -> None:
    """Read back by a parser that has nothing of ours."""
    name = "отчёт за декабрь, окончательный вариант номер два.pdf"
    octets = bytes(range(256)) * 20
    (root / name).write_bytes(octets)
    (root / "plain.txt").write_text("до свидания\n.\nпривет\n")
    subject = ("Проверка связи: " + "очень длинная " * 8).strip()
    with Scripted(Script()) as server:
        send(server, "--h-Subject", subject, "--header", 'From: "Анна Иванова" <ann@test>',
             "--attach-body", "текст %TO_ADDRESS%", "--attach-type", "text/html", "--attach-body", "<p>текст",
             "--attach", f"@{root / name}", "--attach-type", "text/plain", "--attach", f"@{root / 'plain.txt'}",
             "--attach-name", 'a "quoted" name.txt', "--attach", "-", input="from input")
        message = email.message_from_bytes(server.wait().message, policy=email.policy.default)
    expect(message["subject"] == subject, message["subject"])
    expect(message["from"].addresses[0].display_name == "Анна Иванова", str(message["from"]))
    expect(message.get_content_type() == "multipart/mixed" and not message.defects, f"{message.defects}")
    bodies, pdf, text, last = message.iter_parts()
    expect([part.get_content().strip() for part in bodies.iter_parts()] == ["текст bob@test", "<p>текст"], "bodies")
    expect(pdf.get_filename() == name and pdf.get_content() == octets, f"{pdf.get_filename()}")
    expect(text.get_content() == (root / "plain.txt").read_text(), text.get_content())
    expect(last.get_filename() == 'a "quoted" name.txt' and last.get_content().strip() == "from input", str(last))
    expect(not any(part.defects for part in message.walk()), "a part is no MIME")
    (root / "other.eml").write_text("Subject: other\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                                    "Content-Transfer-Encoding: 8bit\n\nдо свидания\n")
    with Scripted(Script()) as server:
        send(server, "--attach-type", "message/rfc822", "--attach", f"@{root / 'other.eml'}")
        message = email.message_from_bytes(server.wait().message, policy=email.policy.default)
    within = list(message.iter_parts())[-1]
    expect(message["content-transfer-encoding"] == within["content-transfer-encoding"] == "8bit", "8bit on both (RFC 2045 6.4)")
    expect(within.get_content().get_content().strip() == "до свидания", f"the letter within: {within}")


def octets_of_data(root: Path) -> None:
    (root / "letter.eml").write_bytes(b"From x\nSubject: %FROM_ADDRESS%\r\n\n.dot\nend\\n of it\n.\n")
    with Scripted(Script()) as server:
        for words, wanted in (
                (["--data", f"@{root / 'letter.eml'}"], b"Subject: ann@test\r\n\r\n..dot\r\nend\\n of it\r\n"),
                (["--data", "Subject: x\\n\\n.a\\n%NEWLINE%b"], b"Subject: x\r\n\r\n..a\r\n\r\nb\r\n"),
                (["--data", "A: b\r\n\r\nx\ny\r\n.", "--no-data-fixup"], b"A: b\r\n\r\nx\ny\r\n")):
            send(server, *words)
            expect(server.wait().message == wanted, f"{words}: {server.wait().message!r}")
    for words in (["--data", "Subject: x\\n\\n.a\\n%FROM_ADDRESS%\\n", "--add-header", "X: 1\\nY: 2"],
                  ["--header", "Subject: y", "--h-To", "z", "--body", "one\\ntwo"]):
        heard = {}
        for program in ("swaks", "send"):
            with Scripted(Script()) as server:
                run(program, server, *words)
                heard[program] = re.sub(rb"(Date|Subject: test|Message-Id|X-Mailer).*\r\n", b"", server.wait().message)
        expect(heard["swaks"].rstrip() == heard["send"].rstrip(), str(heard))


def extensions() -> None:
    keywords = ["PIPELINING", "8BITMIME", "CHUNKING", "BINARYMIME", "SMTPUTF8", "DSN", "REQUIRETLS"]
    with Scripted(Script(keywords=keywords)) as server:
        send(server, "--chunk-size", "100", "--body", "x" * 500)
        heard = server.wait()
        expect(len(heard.chunks) > 5 and all(len(chunk) == 100 for chunk in heard.chunks[:-1]), str(heard.lines))
        expect(b"x" * 500 + b"\r\n" in b"".join(heard.chunks) and heard.lines[-2].endswith(" LAST"), str(heard.lines))
        send(server, "--chunking", "--pipeline", "--violate", "bare-lf")
        expect("MAIL FROM:<ann@test> BODY=BINARYMIME" in server.wait().lines, str(server.wait().lines))
        send(server, "--smtputf8", "--requiretls", "--dsn", "success,ret=hdrs,envid=a b", "--h-Subject", "да")
        heard = server.wait()
        expect("MAIL FROM:<ann@test> BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=HDRS ENVID=a+20b" in heard.lines, str(heard.lines))
        expect("RCPT TO:<bob@test> NOTIFY=SUCCESS" in heard.lines, str(heard.lines))
        expect("Subject: да\r\n".encode() in heard.message, "UTF-8 in fields is what SMTPUTF8 is for")
        send(server, "--pipeline", "--to", "a@test,b@test")
        once = next(one for one in server.wait().reads if one.startswith(b"MAIL"))
        expect(once.count(b"\r\n") == 4 and once.endswith(b"DATA\r\n"), f"not in one write: {once!r}")
    with Scripted(Script()) as server:
        for word in (["--chunking"], ["--smtputf8"], ["--requiretls"], ["--dsn", "never"]):
            send(server, *word, status=30)


def violations() -> None:
    def heard(*names: str, status: int = 0, **script) -> tuple[bytes, list[str], str]:
        with Scripted(Script(**script)) as server:
            text = send(server, *[word for name in names for word in ("--violate", name)], status=status)
            connection = server.wait()
            return b"".join(connection.reads), connection.lines, text

    octets, _, text = heard("bare-lf", "bare-cr", "nul", "long-line", "8bit-unasked", "no-dot-stuffing")
    for wanted in (b"alone\nand", b"CR\rwithin", b"NUL\0within", b"x" * 5000, "да".encode(), b"\r\n.this line"):
        expect(wanted in octets, f"{wanted[:20]!r} is not there")
    expect("Violation bare-lf: the server took it (250)" in text and "a CR\\rwithin" in text, text[-600:])
    expect(heard("unbracketed")[1][1] == "MAIL FROM:ann@test", "brackets")
    expect(heard("space-after-colon")[1][1] == "MAIL FROM: <ann@test>", "no space")
    expect(heard("size-lie", "unknown-parameter")[1][1] == "MAIL FROM:<ann@test> SIZE=1 XPOSTERN=1", "parameters")
    expect(heard("no-helo")[1][0].startswith("MAIL"), "EHLO")
    expect(heard("pregreeting")[1][:2] == ["EHLO client.test"] * 2, "nothing before the greeting")
    expect(b"MAIL FROM:<ann@test>\r\nRCPT TO:<bob@test>\r\nDATA\r\n" in heard("pipelining-unasked", keywords=[])[0], "one by one")
    verbs = [line.split(" ")[0] for line in heard("rcpt-first", "nested-mail", "nul-command", "long-command")[1]]
    expect(verbs == ["EHLO", "NOOP", "NOOP", "RCPT", "MAIL", "MAIL", "RCPT", "DATA", "QUIT"], str(verbs))
    expect(heard("no-end")[1][-1] == "DATA" and heard("no-quit")[1][-1] == "DATA", "QUIT")
    expect("BDAT five LAST" in heard("bdat-size", status=26)[1], "BDAT")
    heard("data-after-bdat", status=25, replies={"DATA": "503 5.5.1 in the middle of BDAT"})
    for name, end in (("smuggle-lf", b"\n.\n"), ("smuggle-lf-crlf", b"\n.\r\n"), ("smuggle-cr", b"\r.\r")):
        text = heard(name)[2]
        expect("nothing was smuggled" in text, text)
        text = heard(name, status=40, end=end)[2]
        expect("took commands out of the message" in text, text)
    for refusal in ("421 4.3.2 going down", "500 5.5.2 what"):
        text = heard("smuggle-lf", status=27, replies={"QUIT": refusal})[2]
        expect("took commands out of the message" not in text, text)


def starttls_injection(root: Path) -> None:
    _, good, _ = tls_contexts(root)
    with Scripted(Script()) as server:
        text = send(server, "-tlso", "--violate", "starttls-injection")
        expect("starttls-injection: not tried" in text, text)
    with Scripted(Script(tls=good)) as server:
        text = send(server, "-tls", "--violate", "starttls-injection")
        expect("the server dropped it" in text, text)
    with Scripted(Script(tls=good, keeps_plain=True)) as server:
        text = send(server, "-tls", "--violate", "starttls-injection", status=40)
        expect("within TLS what came in plain" in text, text)


GATEWAY = """
hostname = "gw.company.ru"
data_dir = "{root}/data"
listener = [
  {{ name = "mx", bind = "127.0.0.1:0", role = "mx", tls = "starttls", proxy_protocol = ["127.0.0.1"] }},
  {{ name = "plain", bind = "127.0.0.1:0", role = "mx", tls = "starttls" }},
  {{ name = "submission", bind = "127.0.0.1:0", role = "submission", tls = "starttls" }},
]
next_hop = [{{ name = "out", hosts = ["{address}:{port}"] }}]
domain = [{{ name = "company.ru", mailboxes = "out" }}]
gateways.external = ["out"]
tls.certificates = [{{ cert = "{cert}", key = "{key}" }}]
auth = {{ accounts = "file:{root}/accounts", failure_delay = "0s" }}
"""


class Bench:
    def __init__(self, root: Path):
        authority = Authority(root)
        pair = authority.issue("gw", "DNS:gw.company.ru")
        made = subprocess.run([str(executable()), "passwd", "--scram", "--file", str(root / "accounts"), "ann@company.ru"],
                              input=PASSWORD + "\n", capture_output=True, text=True, check=False, timeout=30)
        expect(made.returncode == 0, made.stderr)
        port = free_port(OUTSIDE)
        self.ca = str(authority.pair.cert)
        self.sink = Sink(root / "sink", OUTSIDE, port, Options(chunking=True)).start()
        config = GATEWAY.format(root=root, address=OUTSIDE, port=port, cert=pair.cert, key=pair.key)
        self.gateway = Gateway("G", root, config).start()

    def close(self) -> None:
        self.gateway.stop()
        self.sink.stop()


def to_the_gateway(bench: Bench) -> None:
    server = bench.gateway.endpoints["submission"]
    words = ["--from", "ann@company.ru", "--to", "someone@example.org", "--auth-user", "ann@company.ru", "--auth-password", PASSWORD,
             "-tls", "--tls-ca-path", bench.ca, "--tls-verify-name", "gw.company.ru"]
    for mechanism in ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"):
        text = send(server, *words, "--auth", mechanism)
        proofs = [line for line in text.splitlines() if re.match(r"<~  334 dj1|(?: ~> )Yz", line)]
        expect(not proofs, f"a password can be guessed from {proofs}")
        expect(f"AUTH {mechanism}" in text and "<~  235" in text and PASSWORD not in text, text)
    text = send(server, *words, "--chunking", "--pipeline")
    expect("AUTH SCRAM-SHA-256-PLUS" in text, "the strongest comes first")
    expect(bench.sink.wait_for(5, 20), "five letters were taken, and have not come")
    send(server, *words[:4], "-tls", "--auth", "PLAIN", *words[4:7], "wrong password", status=28)


def gateway_keeps_the_rules(bench: Bench) -> None:
    server = bench.gateway.endpoints["plain"]
    words = ["--to", "user@company.ru"]
    for name in ("smuggle-lf", "smuggle-lf-crlf", "smuggle-cr"):
        text = run("send", server, *words, "--violate", name)
        expect(text.returncode in (0, 26), f"{name}: status {text.returncode}: {text.stdout[-600:]}")
    text = send(server, *words, "-tls", "--violate", "starttls-injection", status=29)
    expect("Violation starttls-injection: the server refused it (554)" in text, text)
    for name in ("rcpt-first", "data-first", "nested-mail"):
        expect(f"Violation {name}: the server refused it (503)" in send(server, *words, "--violate", name), name)
    send(server, *words, "--violate", "unknown-parameter", status=23)
    send(server, *words, "--violate", "bdat-size", status=26)


def behind_a_balancer(bench: Bench) -> None:
    server = bench.gateway.endpoints["mx"]
    send(server, "--to", "user@company.ru", "--proxy-version", "2", "--proxy-family", "AF_INET", "--proxy-source", "192.0.2.7",
         "--proxy-source-port", "40000", "--proxy-dest", "192.0.2.8", "--proxy-dest-port", "25", "-tls")
    wait_until(lambda: bench.gateway.log_lines("client=192.0.2.7"), 20, "the log names the client of the header")


def main() -> int:
    tally = Tally()
    tally.play({f"as swaks: {title} ({status})": lambda s=script, w=words, c=status: beside_swaks(s, w, c)
                for title, script, words, status in BOTH})
    with tempfile.TemporaryDirectory(prefix="postern-send-") as folder:
        root = Path(folder)
        tally.play({"as swaks: no connection (2)": no_connection,
                    "QUIT refused (27)": quit_refused,
                    "as swaks: the recipient's own host": by_the_recipient,
                    "a server that says nothing": silence,
                    "as swaks: PROXY headers, octet for octet": proxy_headers,
                    "TLS, verified and not": lambda: tls(root / "tls"),
                    "as swaks: a certificate of our own": lambda: own_certificate(root / "own"),
                    "letters that another reader understands": lambda: letters(root),
                    "the octets of --data": lambda: octets_of_data(root),
                    "BDAT, SMTPUTF8, DSN, REQUIRETLS, pipelining": extensions,
                    "rules broken on purpose": violations,
                    "a command in plain behind STARTTLS": lambda: starttls_injection(root / "tls"),
                    "the password is shown nowhere": lambda: secrets_stay(root),
                    "JSON, silence, dumps": output_for_programs,
                    "output that cannot be written": output_that_is_lost,
                    "a password that is asked for": password_prompt,
                    "colours on a terminal": colours})
        (root / "gateway").mkdir()
        bench = Bench(root / "gateway")
        try:
            tally.play({"the gateway: TLS, every login, BDAT": lambda: to_the_gateway(bench),
                        "the gateway keeps the rules": lambda: gateway_keeps_the_rules(bench),
                        "the gateway behind a balancer": lambda: behind_a_balancer(bench)})
        finally:
            bench.close()
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
