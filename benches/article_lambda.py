#!/usr/bin/env python3
"""What people write first for this task: a Lambda function in Python, with nothing but the standard library.

It decodes a log subscription's event, parses every record, and makes three checks: a list of blocked EC2 actions, security
groups opened to the world, and roles that anybody can assume. Findings become JSON.

    python3 article_lambda.py PAYLOAD...

Each line on standard input runs all payloads once; a line of JSON on standard output says how much CPU time that took, how
many records there were and how many findings.
"""

import base64
import gzip
import json
import pathlib
import re
import sys
import time

RULE = pathlib.Path(__file__).parent.parent / "rules" / "blocked-actions" / "blocked-action.yml"
BLOCKED_ACTIONS = re.findall(r"^      - (\w+)$", RULE.read_text(encoding="utf-8"), re.MULTILINE)
WORLD = ("0.0.0.0/0", "::/0")


def finding(record, reason):
    return {
        "reason": reason,
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventTime": record["eventTime"],
        "awsRegion": record["awsRegion"],
        "account": record["recipientAccountId"],
        "who": record["userIdentity"].get("arn"),
        "from": record.get("sourceIPAddress"),
    }


def opens_to_the_world(parameters):
    for permission in parameters.get("ipPermissions", {}).get("items", []):
        for network in permission.get("ipRanges", {}).get("items", []):
            if network.get("cidrIp") in WORLD:
                return True
        for network in permission.get("ipv6Ranges", {}).get("items", []):
            if network.get("cidrIpv6") in WORLD:
                return True
    return False


def lets_anybody_in(document):
    statements = json.loads(document)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        if principal == "*" or (isinstance(principal, dict) and principal.get("AWS") == "*"):
            return True
    return False


def check(record):
    name = record["eventName"]
    parameters = record.get("requestParameters") or {}
    if name in BLOCKED_ACTIONS:
        yield finding(record, "blocked action")
    if name == "AuthorizeSecurityGroupIngress" and opens_to_the_world(parameters):
        yield finding(record, "security group open to the world")
    if name == "CreateRole" and lets_anybody_in(parameters.get("assumeRolePolicyDocument", '{"Statement":[]}')):
        yield finding(record, "role open to anybody")


def handler(event):
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    findings = []
    for log_event in batch["logEvents"]:
        findings.extend(check(json.loads(log_event["message"])))
    return len(batch["logEvents"]), [json.dumps(one) for one in findings]


def main():
    payloads = [pathlib.Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]]
    for _ in sys.stdin:
        records = findings = 0
        start = time.process_time()
        for payload in payloads:
            count, found = handler(json.loads(payload))
            records += count
            findings += len(found)
        seconds = time.process_time() - start
        print(json.dumps({"cpu_seconds": seconds, "records": records, "findings": findings}), flush=True)


if __name__ == "__main__":
    main()
