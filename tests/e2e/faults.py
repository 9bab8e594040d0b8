"""A proxy in front of the emulated SNS that fails some of the requests."""

from __future__ import annotations

import re
import socket
import ssl
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType

ENTRY = re.compile(r"PublishBatchRequestEntries\.member\.(\d+)\.")
XML = "http://sns.amazonaws.com/doc/2010-03-31/"


def error(code: str, status: int, message: str = "no") -> tuple[int, bytes]:
    said = f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>"
    body = f'<ErrorResponse xmlns="{XML}"><Error>{said}</Error></ErrorResponse>'
    return status, body.encode()


class Faults:
    """Hands each request on, unless `fault`, which gets its number from 0 and its fields, answers in its stead.

    A fault is an answer (status and body), `drop`, which closes the connection without one, `late`, which hands the
    request on and then closes the connection, `hang`, which never answers, or a set of entry ids that fail alone. With `tls` it is reached by TLS.
    """

    def __init__(
        self, endpoint: str, fault: Callable[[int, dict[str, str]], object], tls: ssl.SSLContext | None = None
    ) -> None:
        faults = self
        self.connections = 0
        self._ended = Event()
        lock = Lock()
        count = iter(range(10**9))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                with lock:
                    faults.connections += 1

            def handle(self) -> None:
                try:
                    super().handle()
                except ssl.SSLError:
                    # The other side does not trust the certificate.
                    self.close_connection = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if "json" in self.headers.get("Content-Type", ""):
                    # A service of another protocol, which is handed on as it is.
                    return self._answer(*self._forward(body))
                fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
                with lock:
                    wanted = fault(next(count), fields)
                if wanted == "drop":
                    return self._close()
                if wanted == "hang":
                    faults._ended.wait()
                    return self._close()
                if isinstance(wanted, tuple):
                    return self._answer(*wanted)
                failed = wanted if isinstance(wanted, set) else set()
                ids = {value: ENTRY.match(name)[1] for name, value in fields.items() if re.fullmatch(ENTRY.pattern + "Id", name)}
                places = {ids[one] for one in failed if one in ids}
                kept = {n: v for n, v in fields.items() if not (ENTRY.match(n) and ENTRY.match(n)[1] in places)}
                status, answer = 200, b""
                if len(places) < len(ids) or not ids:
                    status, answer = self._forward(urllib.parse.urlencode(renumbered(kept)).encode())
                else:
                    answer = (
                        f'<PublishBatchResponse xmlns="{XML}"><PublishBatchResult><Successful/><Failed/></PublishBatchResult>'
                        "</PublishBatchResponse>"
                    ).encode()
                if failed:
                    answer = with_failures(answer, failed & ids.keys())
                if wanted == "late":
                    return self._close()
                self._answer(status, answer)

            def _forward(self, data: bytes) -> tuple[int, bytes]:
                headers = {n: v for n, v in self.headers.items() if n.lower() not in ("host", "content-length", "connection")}
                request = urllib.request.Request(endpoint + self.path, data, headers)
                try:
                    with urllib.request.urlopen(request) as answer:
                        return answer.status, answer.read()
                except urllib.error.HTTPError as refused:
                    return refused.code, refused.read()

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _close(self) -> None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.endpoint = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Faults:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()


def renumbered(fields: dict[str, str]) -> dict[str, str]:
    """The entries numbered from 1 without gaps."""
    order = sorted({int(ENTRY.match(name)[1]) for name in fields if ENTRY.match(name)})
    new = {str(old): place + 1 for place, old in enumerate(order)}
    return {
        ENTRY.sub(lambda found: f"PublishBatchRequestEntries.member.{new[found[1]]}.", name): value
        for name, value in fields.items()
    }


def with_failures(answer: bytes, failed: set[str]) -> bytes:
    """The answer with these entries among the failed ones."""
    entries = "".join(
        f"<member><Id>{one}</Id><Code>InternalError</Code><Message>no</Message><SenderFault>false</SenderFault></member>"
        for one in sorted(failed)
    )
    text = re.sub(r"<Failed\s*/>|<Failed>\s*</Failed>", "", answer.decode())
    return text.replace("</PublishBatchResult>", f"<Failed>{entries}</Failed></PublishBatchResult>", 1).encode()
