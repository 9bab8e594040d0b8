"""What every request passes on its way to moto: faults that a test wants, then what roles may not do, then answers to what
moto does not know. The rest is moto's.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from call import Call
from gate import refusal
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

EC2 = "http://ec2.amazonaws.com/doc/2016-11-15/"
# What moto does not know, and Terraform or the function asks for.
ANSWERS: dict[tuple[str, str], str | dict[str, Any]] = {
    ("states", "ValidateStateMachineDefinition"): {"result": "OK", "diagnostics": [], "truncated": False},
    ("states", "ListStateMachineVersions"): {"stateMachineVersions": []},
    ("ec2", "DescribeVpcBlockPublicAccessOptions"): (
        f'<DescribeVpcBlockPublicAccessOptionsResponse xmlns="{EC2}"><vpcBlockPublicAccessOptions>'
        "<internetGatewayBlockMode>off</internetGatewayBlockMode>"
        "</vpcBlockPublicAccessOptions></DescribeVpcBlockPublicAccessOptionsResponse>"
    ),
}


@dataclass
class Fault:
    """An error in place of the next `times` answers to calls whose action begins with `action`."""

    service: str
    action: str
    status: int
    code: str
    times: int


class Front:
    """A WSGI application around moto's."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._faults: list[Fault] = []
        self._lock = Lock()

    @contextmanager
    def faulty(self, fault: Fault) -> Iterator[Fault]:
        """While the block runs; `times` counts down to what is left."""
        self._faults.append(fault)
        yield fault
        self._faults.remove(fault)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = b""
        if length := environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(int(length))
            environ["wsgi.input"] = io.BytesIO(body)
        call = Call.of(environ, body)
        answer = call and (self._fault(call) or refusal(call) or answered(call))
        if not answer:
            return self._moto(environ, start_response)
        status, kind, content = answer
        start_response(f"{status} Answered", [("Content-Type", kind), ("Content-Length", str(len(content)))])
        return [content]

    def _fault(self, call: Call) -> tuple[int, str, bytes] | None:
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and call.service == fault.service and call.action.startswith(fault.action):
                    fault.times -= 1
                    return call.refusal(fault.status, fault.code, "a fault that the test wants")
        return None


def answered(call: Call) -> tuple[int, str, bytes] | None:
    match ANSWERS.get((call.service, call.action)):
        case str() as xml:
            return 200, "text/xml", xml.encode()
        case dict() as document:
            return 200, "application/x-amz-json-1.0", json.dumps(document).encode()
    return None
