# SPDX-License-Identifier: Apache-2.0
"""TLS handshakes a second, full and resumed, at postern and at Debian's Postfix in turn: connections that begin with TLS, made by
several `openssl s_time`, which takes as much processor time as the server does. What the server itself spends is in the second
column; the third is the part of that in OpenSSL (libcrypto and libssl), by perf."""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from measure import Account
from report import machine, versions
from systems import ADDRESS, postern, postfix
from tunnels import make_certificate

from gateway import Gateway
from ports import free_port
from postfix import Postfix
from process import HarnessError

# What s_time is told; a ticket of TLS 1.3 is one that it does not wait for.
KINDS = {"full, TLS 1.3": ["-new", "-tls1_3"], "full, TLS 1.2": ["-new", "-tls1_2"], "resumed, TLS 1.2": ["-reuse", "-tls1_2"]}


class Server:
    def __init__(self, name: str, root: Path):
        self.name = name
        self.account = Account(f"tls-{name}")
        with self.account.entered():
            if name == "postfix":
                self.server: Postfix | Gateway = postfix(root, free_port(ADDRESS), tls=True)
                self.server.main |= {"smtpd_tls_wrappermode": "yes", "smtpd_tls_security_level": "encrypt"}
                self.server.stop()
                self.server.start()
                self.port = self.server.port
            else:
                self.server = postern(root, "queue", {}, tls=True, listener_tls="implicit")
                self.port = self.server.endpoints["mx"][1]

    def stop(self) -> None:
        self.server.stop()
        self.account.close()


def connections(server: Server, kind: str, seconds: int, clients: int) -> int:
    command = ["openssl", "s_time", "-connect", f"{ADDRESS}:{server.port}", "-time", str(seconds), *KINDS[kind]]
    running = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
               for _ in range(clients)]
    total = 0
    for process in running:
        said = process.communicate(timeout=seconds + 60)[0]
        made = re.search(r"(\d+) connections in (\d+) real seconds", said)
        if not made:
            raise HarnessError(f"{server.name}: s_time: {said[-300:]}")
        shown = "".join(re.findall(r"^[rt*]{3,}$", said, re.M))
        if "resumed" in kind and shown.count("r") < len(shown) * 0.9:
            raise HarnessError(f"{server.name}: sessions are not resumed: {shown[:60]}")
        total += int(made[1])
    return total


def openssl_share(server: Server, kind: str, clients: int) -> float | None:
    """Of the server's processor time; none where perf may not look."""
    with tempfile.NamedTemporaryFile(suffix=".perf") as data:
        pids = ",".join(map(str, server.account.pids()))
        watching = subprocess.Popen(["perf", "record", "-q", "-o", data.name, "-F", "997", "-p", pids, "--inherit"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        connections(server, kind, 3, clients)
        watching.send_signal(2)
        watching.wait(30)
        shown = subprocess.run(["perf", "report", "-i", data.name, "--stdio", "-q", "--sort", "dso"], capture_output=True, text=True,
                               check=False, timeout=60).stdout
    shares = {name: float(share) for share, name in re.findall(r"^\s*([\d.]+)%\s+(\S+)", shown, re.M)}
    found = [share for name, share in shares.items() if name.startswith(("libcrypto", "libssl"))]
    return sum(found) / 100 if found else None


def measure(servers: list[Server], options: argparse.Namespace) -> list[str]:
    lines = ["| handshake | server | a second | CPU ms each | in OpenSSL |", "|---|---|---|---|---|"]
    for kind in KINDS:
        rates: dict[str, list[float]] = {server.name: [] for server in servers}
        spent: dict[str, list[float]] = {server.name: [] for server in servers}
        for number in range(options.pairs):
            for server in servers if number % 2 == 0 else servers[::-1]:
                before = server.account.usage()
                made = connections(server, kind, options.seconds, options.clients)
                server.account.settle()
                rates[server.name].append(made / options.seconds)
                spent[server.name].append((server.account.usage() - before).cpu / made * 1000)
        for server in servers:
            share = openssl_share(server, kind, options.clients)
            lines.append(f"| {kind} | {server.name} | {median(rates[server.name]):.0f} | {median(spent[server.name]):.3f} | "
                         f"{'not known' if share is None else f'{share:.0%}'} |")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/dev bench handshakes", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of a run (5)")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each server for each kind (3)")
    parser.add_argument("--clients", type=int, default=4, help="s_time processes at a time (4)")
    parser.add_argument("--dir", type=Path, default=None, help="where the servers live (the temporary directory)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="postern-bench-", dir=options.dir))
    folder.chmod(0o755)
    make_certificate(folder)
    servers: list[Server] = []
    try:
        for name in ("postfix", "postern"):
            servers.append(Server(name, folder / name))
        print("\n".join([*measure(servers, options), "", f"{machine()}; {versions()}; ECDSA P-256; medians of {options.pairs} runs of "
                         f"{options.seconds} s with {options.clients} clients, interleaved."]))
        return 0
    except (HarnessError, subprocess.SubprocessError) as error:
        print(f"bench handshakes: {error}", file=sys.stderr)
        return 1
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
