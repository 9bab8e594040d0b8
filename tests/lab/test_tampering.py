"""EventBridge tells of tampering with the deployment itself, past log group and filter."""

from __future__ import annotations

import json
from typing import Any

from deployment import Deployment
from payloads import record


def sent(deployment: Deployment, region: str, made: dict[str, Any]) -> None:
    """An event of CloudTrail on the default bus of a Region."""
    source = "aws." + made["eventSource"].partition(".")[0]
    entry = {"Source": source, "DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(made)}
    answer = deployment.keys.client("events", region).put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    deployment.invoker.wait()


def call(deployment: Deployment, source: str, name: str, request: dict[str, Any]) -> dict[str, Any]:
    return record(source, name, request, recipientAccountId=deployment.account, awsRegion=deployment.region, readOnly=False, managementEvent=True)


def test_a_filter_that_is_deleted_is_told_of_and_found(deployment: Deployment) -> None:
    request = {"logGroupName": deployment.made["log_group_name"], "filterName": "trailwarden"}
    sent(deployment, deployment.region, call(deployment, "logs.amazonaws.com", "DeleteSubscriptionFilter", request))
    told = deployment.received(deployment.alerts_queue)
    assert sum("called DeleteSubscriptionFilter (logs.amazonaws.com)" in text for text in told) == 1
    # The configuration that the module gives the function names the log group as its own, which makes it critical.
    (finding,) = deployment.findings()
    assert (finding["compliance"]["control"], finding["severity"]) == ("log-group-deleted", "Critical")


def test_a_filter_of_others_is_not_its_concern(deployment: Deployment) -> None:
    request = {"logGroupName": "/somebody/else", "filterName": "theirs"}
    sent(deployment, deployment.region, call(deployment, "logs.amazonaws.com", "DeleteSubscriptionFilter", request))
    assert deployment.received(deployment.alerts_queue) == []
    assert deployment.findings() == []


def test_a_muted_alarm_is_told_of_and_found(deployment: Deployment) -> None:
    request = {"name": "x", "muteTargets": {"alarmNames": ["trailwarden-trail-silent"]}}
    sent(deployment, deployment.region, call(deployment, "monitoring.amazonaws.com", "PutAlarmMuteRule", request))
    told = deployment.received(deployment.alerts_queue)
    assert any("called PutAlarmMuteRule (monitoring.amazonaws.com)" in text for text in told)
    (finding,) = deployment.findings()
    assert (finding["compliance"]["control"], finding["severity"]) == ("own-resource-changed", "High")


def test_every_trail_is_watched(deployment: Deployment) -> None:
    request = {"name": "somebody-elses"}
    sent(deployment, deployment.region, call(deployment, "cloudtrail.amazonaws.com", "StartLogging", request))
    told = deployment.received(deployment.alerts_queue)
    assert sum("A trail was changed" in text and "called StartLogging" in text for text in told) == 1
    (finding,) = deployment.findings()
    assert finding["compliance"]["control"] == "trail-changed"


def test_what_happens_in_us_east_1_is_forwarded(deployment: Deployment) -> None:
    role = deployment.made["function_role_arn"].rpartition("/")[2]
    made = call(deployment, "iam.amazonaws.com", "DeleteRolePolicy", {"roleName": role, "policyName": "function"})
    sent(deployment, "us-east-1", {**made, "awsRegion": "us-east-1"})
    assert any("called DeleteRolePolicy" in text for text in deployment.received(deployment.alerts_queue))
    assert len(deployment.findings()) == 1
