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
    """`action` is empty where it stands in the method and path, as in calls of Lambda."""

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
        path = urllib.parse.unquote(environ.get("PATH_INFO", "")).lstrip("/")
        if scope["service"] == "s3" and environ.get("REQUEST_METHOD") == "GET" and "/" in path:
            action, parameters = "GetObject", {"Object": path}
        return Call(scope["key"], scope["region"], scope["service"], action, parameters, bool(target))

    def refusal(self, status: int, code: str, message: str) -> tuple[int, str, bytes]:
        """An error in the words of the service: status, content type and body."""
        if self.is_json:
            return status, "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode()
        if self.service == "s3":
            return status, "application/xml", f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        if self.service == "ec2":
            return status, "text/xml", f"<Response><Errors>{error}</Errors></Response>".encode()
        return status, "text/xml", f"<ErrorResponse>{error}</ErrorResponse>".encode()
