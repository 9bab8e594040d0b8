"""A request to AWS as it is on the wire.

In: headers and body of a signed request. Out: who calls which action of which service, with which parameters.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any

SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


@dataclass(frozen=True)
class Call:
    """`action` is empty where it stands in the method and path, as in calls of Lambda and S3."""

    key: str
    region: str
    service: str
    action: str
    parameters: dict[str, Any]
    is_json: bool

    @staticmethod
    def of(environ: dict[str, Any], body: bytes) -> Call | None:
        """The call of a WSGI request; none when it is not signed."""
        scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        if not scope:
            return None
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        parameters: dict[str, Any] = {}
        if target:
            parameters = json.loads(body or b"{}")
        elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            parameters = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        action = target.rpartition(".")[2] or parameters.get("Action", "")
        return Call(scope["key"], scope["region"], scope["service"], action, parameters, bool(target))

    def refusal(self, status: int, code: str, message: str) -> tuple[int, str, bytes]:
        """An error in the words of the service: status, content type and body."""
        if self.is_json:
            return status, "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode()
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        whole = f"<Response><Errors>{error}</Errors></Response>" if self.service == "ec2" else f"<ErrorResponse>{error}</ErrorResponse>"
        return status, "text/xml", whole.encode()
