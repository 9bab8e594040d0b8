"""The Lambda Runtime API on loopback, as far as a function needs it.

In: payloads to deliver. Out: what the function answered to each, a response or an error.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FUNCTION_ARN = "arn:aws:lambda:eu-west-1:111122223333:function:trailwarden"


@dataclass(frozen=True)
class Answer:
    """What came of one invocation: `body` is the response, or the error with its `error_type`."""

    body: Any
    error_type: str | None

    @property
    def response(self) -> dict[str, int]:
        assert self.error_type is None, self.body
        return self.body


def failure(error_type: str, message: str) -> Answer:
    """What Lambda says of a function that does not answer."""
    return Answer({"errorType": error_type, "errorMessage": message}, error_type)


class RuntimeApi:
    """Delivers payloads to one function, one at a time."""

    def __init__(self, function_arn: str = FUNCTION_ARN, seconds: int = 60) -> None:
        self._seconds = seconds
        self._payloads: queue.Queue[str | None] = queue.Queue()
        self._answers: queue.Queue[Answer] = queue.Queue()
        self._asked = threading.Semaphore(0)
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api._asked.release()
                payload = api._payloads.get()
                if payload is None:
                    self.close_connection = True
                    return
                body = payload.encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", f"request-{time.monotonic_ns()}")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + seconds) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", function_arn)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                failed = self.path.endswith("/error")
                api._answers.put(Answer(body, body.get("errorType") if failed else None))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def asked(self, seconds: float) -> bool:
        """Waits until the function asks for work once more; whether it has."""
        return self._asked.acquire(timeout=seconds)

    def invoke(self, payload: str) -> Answer:
        """Delivers one payload and waits for the answer, for as long as the function may run."""
        self._payloads.put(payload)
        try:
            return self._answers.get(timeout=self._seconds)
        except queue.Empty:
            return failure("Sandbox.Timedout", f"Task timed out after {self._seconds} seconds")

    def deliver(self, payload: str) -> None:
        """Delivers one payload and does not wait."""
        self._payloads.put(payload)

    def exited(self, code: int) -> None:
        """The function has ended, so that nobody will answer."""
        self._answers.put(failure("Runtime.ExitError", f"Runtime exited with {code}"))

    def close(self) -> None:
        self._payloads.put(None)
        self._server.shutdown()
        self._server.server_close()
