"""A proxy in front of the emulated AWS, with what that lacks, and with faults.

It answers some calls of EC2 and AWS Config and those of Step Functions itself, and records every call.
"""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

EC2 = "http://ec2.amazonaws.com/doc/2016-11-15/"


class StandIn:
    """Use `endpoint` as that of every service.

    `fault`, if set, gets the name of each call and may return an answer (status and body), `drop`, which closes the
    connection before the call is made, or `late`, which closes it after that.
    """

    def __init__(self, endpoint: str) -> None:
        self.behind = endpoint
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.fault: Callable[[str], object] = lambda _: None
        self.executions: dict[str, dict[str, Any]] = {}
        self.tokens: list[str] = []
        # By resource id, what AWS Config recorded last.
        self.history: dict[str, Any] = {}
        self.images = self.snapshots = "unblocked"
        self.http_tokens = "optional"
        # Network interfaces with a public address.
        self.addressed: set[str] = set()
        self.exclusions: list[dict[str, str]] = []
        self.versions: dict[str, list[list[str]]] = {}
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                name, fields = self._call(body)
                stand_in.calls.append((name, fields))
                fault = stand_in.fault(name)
                if fault == "drop":
                    return self._close()
                if isinstance(fault, tuple):
                    return self._answer(*fault, "text/xml")
                own = getattr(stand_in, f"_{name}", None)
                if own:
                    status, answer, kind = own(fields)
                else:
                    status, answer, kind = self._forward(known(name, fields, body))
                    answer = completed(name, answer)
                if fault == "late":
                    return self._close()
                self._answer(status, answer, kind)

            do_DELETE = do_GET = do_POST = do_PUT = _handle

            def _call(self, body: bytes) -> tuple[str, dict[str, Any]]:
                if target := self.headers.get("X-Amz-Target"):
                    return target.rpartition(".")[2], json.loads(body or b"{}")
                fields = dict(urllib.parse.parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
                return fields.get("Action", f"{self.command} {self.path}"), fields

            def _forward(self, body: bytes) -> tuple[int, bytes, str]:
                headers = {n: v for n, v in self.headers.items() if n.lower() not in ("host", "content-length", "connection")}
                request = urllib.request.Request(endpoint + self.path, body or None, headers, method=self.command)
                try:
                    with urllib.request.urlopen(request) as answer:
                        return answer.status, answer.read(), answer.headers.get("Content-Type", "")
                except urllib.error.HTTPError as refused:
                    return refused.code, refused.read(), refused.headers.get("Content-Type", "")

            def _answer(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
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
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, name: str) -> int:
        """How often a call was made."""
        return sum(1 for called, _ in self.calls if called == name)

    # Step Functions.

    def _StartExecution(self, fields: dict[str, Any]) -> tuple[int, bytes, str]:
        if fields["name"] in self.executions:
            return json_answer({"__type": "ExecutionAlreadyExists", "message": "exists"}, 400)
        self.executions[fields["name"]] = json.loads(fields["input"])
        return json_answer({"executionArn": f"{fields['stateMachineArn']}:{fields['name']}", "startDate": 1.0})

    def _SendTaskSuccess(self, fields: dict[str, Any]) -> tuple[int, bytes, str]:
        self.tokens.append(fields["taskToken"])
        return json_answer({})

    # AWS Config.

    def _GetResourceConfigHistory(self, fields: dict[str, Any]) -> tuple[int, bytes, str]:
        recorded = self.history.get(fields["resourceId"])
        if recorded is None:
            return json_answer({"__type": "ResourceNotDiscoveredException", "message": "not discovered"}, 400)
        item = {"resourceId": fields["resourceId"], "configuration": json.dumps(recorded)}
        return json_answer({"configurationItems": [item]})

    # EC2: what the emulated one lacks.

    def _GetImageBlockPublicAccessState(self, _: dict[str, str]) -> tuple[int, bytes, str]:
        state = f"<imageBlockPublicAccessState>{self.images}</imageBlockPublicAccessState>"
        return ec2("GetImageBlockPublicAccessState", state)

    def _EnableImageBlockPublicAccess(self, fields: dict[str, str]) -> tuple[int, bytes, str]:
        self.images = fields["ImageBlockPublicAccessState"]
        return ec2("EnableImageBlockPublicAccess", "")

    def _DisableImageBlockPublicAccess(self, _: dict[str, str]) -> tuple[int, bytes, str]:
        self.images = "unblocked"
        return ec2("DisableImageBlockPublicAccess", "")

    def _GetSnapshotBlockPublicAccessState(self, _: dict[str, str]) -> tuple[int, bytes, str]:
        return ec2("GetSnapshotBlockPublicAccessState", f"<state>{self.snapshots}</state>")

    def _EnableSnapshotBlockPublicAccess(self, fields: dict[str, str]) -> tuple[int, bytes, str]:
        self.snapshots = fields["State"]
        return ec2("EnableSnapshotBlockPublicAccess", "")

    def _DisableSnapshotBlockPublicAccess(self, _: dict[str, str]) -> tuple[int, bytes, str]:
        self.snapshots = "unblocked"
        return ec2("DisableSnapshotBlockPublicAccess", "")

    def _GetInstanceMetadataDefaults(self, _: dict[str, str]) -> tuple[int, bytes, str]:
        level = f"<accountLevel><httpTokens>{self.http_tokens}</httpTokens></accountLevel>"
        return ec2("GetInstanceMetadataDefaults", level)

    def _ModifyInstanceMetadataDefaults(self, fields: dict[str, str]) -> tuple[int, bytes, str]:
        self.http_tokens = fields["HttpTokens"]
        return ec2("ModifyInstanceMetadataDefaults", "<return>true</return>")

    def _DescribeVpcBlockPublicAccessExclusions(self, _: dict[str, str]) -> tuple[int, bytes, str]:
        items = "".join(
            "<item>" + "".join(f"<{name}>{value}</{name}>" for name, value in one.items()) + "</item>" for one in self.exclusions
        )
        named = f"<vpcBlockPublicAccessExclusionSet>{items}</vpcBlockPublicAccessExclusionSet>"
        return ec2("DescribeVpcBlockPublicAccessExclusions", named)

    def _DeleteVpcBlockPublicAccessExclusion(self, fields: dict[str, str]) -> tuple[int, bytes, str]:
        self.exclusions = [one for one in self.exclusions if one["exclusionId"] != fields["ExclusionId"]]
        return ec2("DeleteVpcBlockPublicAccessExclusion", "")

    def _CreateVpcBlockPublicAccessExclusion(self, fields: dict[str, str]) -> tuple[int, bytes, str]:
        self.exclusions.append(
            {
                "exclusionId": f"vpcbpa-exclude-{len(self.calls):017x}",
                "internetGatewayExclusionMode": fields["InternetGatewayExclusionMode"],
                "resourceArn": f"arn:aws:ec2:eu-west-1:123456789012:vpc/{fields['VpcId']}",
                "state": "create-complete",
            }
        )
        return ec2("CreateVpcBlockPublicAccessExclusion", "")

    def _DescribeNetworkInterfaces(self, fields: dict[str, str]) -> tuple[int, bytes, str]:
        name = fields["NetworkInterfaceId.1"]
        address = "<association><ipOwnerId>amazon</ipOwnerId></association>" if name in self.addressed else ""
        item = f"<item><networkInterfaceId>{name}</networkInterfaceId>{address}</item>"
        return ec2("DescribeNetworkInterfaces", f"<networkInterfaceSet>{item}</networkInterfaceSet>")

    def _ModifyNetworkInterfaceAttribute(self, fields: dict[str, str]) -> tuple[int, bytes, str]:
        change = self.addressed.add if fields["AssociatePublicIpAddress"] == "true" else self.addressed.discard
        change(fields["NetworkInterfaceId"])
        return ec2("ModifyNetworkInterfaceAttribute", "<return>true</return>")

    def _DescribeManagedPrefixLists(self, fields: dict[str, str]) -> tuple[int, bytes, str]:
        name = fields["PrefixListId.1"]
        version = f"<prefixListId>{name}</prefixListId><version>{len(self.versions[name])}</version><state>modify-complete</state>"
        return ec2("DescribeManagedPrefixLists", f"<prefixListSet><item>{version}</item></prefixListSet>")

    def _GetManagedPrefixListEntries(self, fields: dict[str, str]) -> tuple[int, bytes, str]:
        versions = self.versions[fields["PrefixListId"]]
        entries = versions[int(fields.get("TargetVersion", len(versions))) - 1]
        items = "".join(f"<item><cidr>{cidr}</cidr></item>" for cidr in entries)
        return ec2("GetManagedPrefixListEntries", f"<entrySet>{items}</entrySet>")

    def _RestoreManagedPrefixListVersion(self, fields: dict[str, str]) -> tuple[int, bytes, str]:
        versions = self.versions[fields["PrefixListId"]]
        assert int(fields["CurrentVersion"]) == len(versions)
        versions.append(versions[int(fields["PreviousVersion"]) - 1])
        return ec2("RestoreManagedPrefixListVersion", "")


def known(name: str, fields: dict[str, str], body: bytes) -> bytes:
    """The request as the emulated AWS knows it: of two forms of a call or an argument, it knows one."""
    if name == "StartLogging":
        return json.dumps({"Name": fields["Name"].rpartition("/")[2]}).encode()
    change = next((n for n in fields if n.startswith("CreateVolumePermission.")), None)
    if name != "ModifySnapshotAttribute" or not change:
        return body
    operation = "add" if change.split(".")[1] == "Add" else "remove"
    assert change.endswith(".Group")
    old = {"Action": name, "Version": fields["Version"], "SnapshotId": fields["SnapshotId"]}
    return urllib.parse.urlencode({**old, "OperationType": operation, "UserGroup.1": fields[change]}).encode()


def completed(name: str, answer: bytes) -> bytes:
    """The answer with a member that the emulated CloudTrail leaves out."""
    if name != "GetTrail" or b"TrailARN" not in answer:
        return answer
    trail = json.loads(answer)["Trail"]
    return json.dumps({"Trail": {**trail, "HomeRegion": trail["TrailARN"].split(":")[3]}}).encode()


def json_answer(body: dict[str, Any], status: int = 200) -> tuple[int, bytes, str]:
    return status, json.dumps(body).encode(), "application/x-amz-json-1.0"


def ec2(name: str, members: str) -> tuple[int, bytes, str]:
    return 200, f'<{name}Response xmlns="{EC2}"><requestId>r</requestId>{members}</{name}Response>'.encode(), "text/xml"


def ec2_error(code: str, status: int = 400) -> tuple[int, bytes]:
    said = f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors><RequestID>r</RequestID></Response>"
    return status, said.encode()
