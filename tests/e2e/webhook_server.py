"""A server on loopback that receives webhooks and answers as the test says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request."""

    path: str
    headers: dict[str, str]
    text: str
    at: float

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.text)


Answer = tuple[int, dict[str, str], str]


class WebhookServer:
    """Answers 200, unless `answer`, which gets each request and its number from 0, gives another answer: status, headers and
    body, `drop`, which closes the connection, or `hang`, which never answers. `accepted` has the requests that were answered
    with 200.
    """

    def __init__(self, answer: Callable[[int, Request], Answer | str | None] = lambda *_: None) -> None:
        server = self
        self.answer = answer
        self.requests: list[Request] = []
        self.accepted: list[Request] = []
        self._ended = Event()
        lock = Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                request = Request(self.path, {n.lower(): v for n, v in self.headers.items()}, text, time.monotonic())
                with lock:
                    number = len(server.requests)
                    server.requests.append(request)
                    answer = server.answer(number, request) or (200, {}, "ok")
                if answer == "hang":
                    server._ended.wait(60)
                if isinstance(answer, str):
                    self.close_connection = True
                    return
                status, headers, body = answer
                if status == 200:
                    with lock:
                        server.accepted.append(request)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body.encode()))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
