"""Every example does what it is for, from the trail's log group to the topics."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from aws import Aws
from deployment import Deployment
from function import ROOT, binary
from invoker import Invoker
from ocsf import faults, ids
from payloads import blocked_action, clean, opened_group, public_role
from records import LOGS, own_records, public_records

# Public logs, where there are any.
RECORDS = public_records() if LOGS else own_records()


def evaluated(files: list[list[dict[str, Any]]], deployment: Deployment, directory: Path) -> list[dict[str, Any]]:
    """Findings of the command line over these files of records, with the configuration of a deployment."""
    logs, configuration = directory / f"logs-{len(files)}", directory / "trailwarden.yml"
    logs.mkdir()
    for place, records in enumerate(files):
        (logs / f"{place:04}.json").write_text(json.dumps({"Records": records}))
    configuration.write_text(json.dumps({"placeholders": deployment.made["own_placeholders"]}))
    command = [binary("trailwarden", "TRAILWARDEN_CLI"), "evaluate", "--format", "ocsf", "--config", configuration, logs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_plan_right_after_apply_is_empty(deployment: Deployment) -> None:
    assert deployment.second_plan == ""


def test_records_give_the_findings_of_the_command_line(deployment: Deployment, invoker: Invoker, tmp_path: Path) -> None:
    before = len(invoker.invocations)
    deployment.log(*RECORDS)
    found = deployment.findings()
    assert [faults(document) for document in found] == [[]] * len(found)
    # Live state is asked of accounts that are not there, and says so where the record alone says nothing.
    unanswered = [one for one in found if one["compliance"]["control"].endswith("-unanswered")]
    assert {one["compliance"]["status"] for one in unanswered} <= {"Warning"}
    found = [one for one in found if one not in unanswered]
    # Openings add up over the calls of one delivery, and CloudWatch Logs decides which calls that are.
    alone = set(ids(evaluated([[one] for one in RECORDS], deployment, tmp_path)))
    together = set(ids(evaluated([RECORDS], deployment, tmp_path)))
    assert alone & together <= set(ids(found)) <= alone | together
    answers = [answer for one in invoker.invocations[before:] for answer in one.answers]
    # The pattern keeps most public records away from the function. Nearly all fixtures are calls that change something.
    limit = len(RECORDS) / 2 if LOGS else len(RECORDS)
    assert 0 < sum(answer.response["received"] for answer in answers) < limit
    assert deployment.received(deployment.made["on_failure_queue_url"]) == []


def test_a_record_that_no_rule_is_about_never_reaches_the_function(deployment: Deployment, invoker: Invoker) -> None:
    before = len(invoker.invocations)
    deployment.log(clean(), clean(eventName="GetConsoleOutput"))
    assert invoker.invocations[before:] == []
    deployment.log(clean(), opened_group(), clean())
    (invocation,) = invoker.invocations[before:]
    assert invocation.answers[0].response["received"] == 1
    assert len(deployment.findings()) == 1


def test_people_are_told(deployment: Deployment) -> None:
    deployment.log(blocked_action(), public_role("r1"))
    texts = deployment.received(deployment.alerts_queue)
    assert len(texts) == 2 and any("r1" in text for text in texts)
    assert len(deployment.findings()) == 2


def test_heartbeats_come_through(deployment: Deployment, aws: Aws) -> None:
    machine = deployment.arn("states", "stateMachine:trailwarden-heartbeat")
    described = deployment.client("stepfunctions").describe_state_machine(stateMachineArn=machine)
    definition = json.loads(described["definition"])
    (event,) = definition["States"]["PutHeartbeat"]["Arguments"]["LogEvents"]
    # What the state machine merges the time and an id into.
    record, _ = json.JSONDecoder().raw_decode(event["Message"].partition("$merge([")[2])
    record |= {"eventID": "00000000-0000-4000-8000-000000000001", "eventTime": "2026-03-04T10:00:00.000Z"}
    role = deployment.arn("iam", "role/trailwarden-heartbeat")
    heart = aws.assume(role, "states.amazonaws.com", "heart", SourceAccount=deployment.account, SourceArn=machine)
    sqs = deployment.client("sqs")
    heartbeats = sqs.get_queue_url(QueueName="trailwarden-heartbeats")["QueueUrl"]
    # Records of other tests may have been heartbeats.
    deployment.received(heartbeats)
    deployment.put(heart, "trailwarden-heartbeat", record)
    assert len(deployment.received(heartbeats)) == 1
    assert len(deployment.findings()) == 1
    # Nobody is woken by them.
    assert deployment.received(deployment.alerts_queue) == []


def test_canaries_come_through(deployment: Deployment) -> None:
    machine = deployment.arn("states", "stateMachine:trailwarden-heartbeat")
    described = deployment.client("stepfunctions").describe_state_machine(stateMachineArn=machine)
    name = json.loads(described["definition"])["States"]["SendCanary"]["Arguments"]["Name"]
    record = json.loads((ROOT / "fixtures/rules/heartbeat-canary/hit.json").read_text())
    canaries = deployment.client("sqs").get_queue_url(QueueName="trailwarden-canaries")["QueueUrl"]
    deployment.received(canaries)
    deployment.log({**record, "requestParameters": {"name": name}})
    assert len(deployment.received(canaries)) == 1
    assert len(deployment.findings()) == 1
    # Nobody is woken by them.
    assert deployment.received(deployment.alerts_queue) == []


def test_the_function_logs_what_metrics_are_made_of(deployment: Deployment) -> None:
    deployment.log(opened_group())
    logs = deployment.client("logs")
    events = logs.filter_log_events(logGroupName=deployment.made["function_log_group_name"])["events"]
    lines = [json.loads(event["message"]) for event in events]
    assert any(line.get("_aws", {}).get("CloudWatchMetrics", [{}])[0].get("Namespace") == "Trailwarden" for line in lines)
    assert len(deployment.findings()) == 1


def test_the_queue_of_the_example_gets_findings(single_account: Deployment) -> None:
    queue = single_account.outputs["findings_queue_url"]
    single_account.received(queue)
    single_account.log(opened_group())
    assert [json.loads(body) for body in single_account.received(queue)] == single_account.findings()
