# SPDX-License-Identifier: Apache-2.0
"""A web server with the MTA-STS policies of many domains, which takes reports as well."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FILE = "/.well-known/mta-sts.txt"


class PolicyHost:
    """`policies` maps a domain to its policy's text; others get 404. `posted` has what was sent by POST: host, path,
    type and body."""

    def __init__(self, address: str, tls: ssl.SSLContext, port: int = 443):
        self.policies: dict[str, str] = {}
        self.asked: list[str] = []
        self.posted: list[tuple[str, str, str, bytes]] = []
        self._where = (address, port)
        self._tls = tls
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> "PolicyHost":
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                domain = self.headers["Host"].partition(":")[0].removeprefix("mta-sts.")
                host.asked.append(domain)
                text = host.policies.get(domain) if self.path == FILE else None
                self._reply(404 if text is None else 200, (text or "").encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                host.posted.append((self.headers["Host"].partition(":")[0], self.path, self.headers["Content-Type"], body))
                self._reply(201, b"")

            def _reply(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer(self._where, Handler)
        self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
