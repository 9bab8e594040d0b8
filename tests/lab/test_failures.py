"""What goes wrong in a deployment costs no finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from deployment import Deployment
from destination import replay
from front import Fault, Front
from invoker import Invoker
from payloads import blocked_action, opened_group, public_role


def test_what_could_not_be_published_is_replayed(single_account: Deployment, invoker: Invoker, tmp_path: Path) -> None:
    queue = single_account.made["on_failure_queue_url"]
    with single_account.without("Publish"):
        single_account.log(opened_group(), blocked_action())
    assert [answer.error_type for answer in invoker.invocations[-1].answers] == ["PublishFailedPermanent"] * 3
    assert single_account.findings() == []
    depth = single_account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
    assert depth["Attributes"] == {"ApproximateNumberOfMessages": "1"}
    configuration = tmp_path / "trailwarden.yml"
    configuration.write_text(json.dumps({"placeholders": single_account.made["own_placeholders"]}))
    arguments = ["--queue-url", queue, "--findings-topic", single_account.made["findings_topic_arn"]]
    arguments += ["--config", str(configuration)]
    environment = {**single_account.keys.environment(), "AWS_REGION": single_account.region}
    done = replay(single_account.aws.endpoint, *arguments, **environment)
    assert done.returncode == 0, done.stderr
    assert len(single_account.findings()) == 2
    assert single_account.received(queue) == []


@pytest.mark.parametrize(("times", "attempts"), [(2, {1}), (20, {2, 3})])
def test_a_topic_that_throttles_is_tried_again(
    single_account: Deployment, invoker: Invoker, front: Front, times: int, attempts: set[int]
) -> None:
    """By the function at first, then by Lambda."""
    with front.faulty(Fault("sns", "Publish", 400, "Throttling", times)) as fault:
        single_account.log(public_role())
    assert fault.times == 0
    assert len(invoker.invocations[-1].answers) in attempts
    assert len(single_account.findings()) == 1
    assert single_account.received(single_account.made["on_failure_queue_url"]) == []


def test_without_the_key_nothing_is_published_or_kept(single_account: Deployment, invoker: Invoker) -> None:
    with single_account.without("EncryptMessages"):
        single_account.log(opened_group())
        # The destination is encrypted with the same key.
    assert [answer.error_type for answer in invoker.invocations[-1].answers] == ["PublishFailedPermanent"] * 3
    assert "KMSAccessDenied" in invoker.lost.pop()
    assert single_account.findings() == []


def test_a_filter_without_its_permission_drops_what_is_logged(single_account: Deployment, invoker: Invoker) -> None:
    functions, name = single_account.client("lambda"), single_account.made["function_name"]
    policy = json.loads(functions.get_policy(FunctionName=name)["Policy"])
    (statement,) = [one for one in policy["Statement"] if one["Sid"] == "TrailLogGroup"]
    functions.remove_permission(FunctionName=name, StatementId="TrailLogGroup")
    before = len(invoker.invocations)
    single_account.log(opened_group())
    assert invoker.invocations[before:] == []
    # `terraform apply` sets it back.
    assert "aws_lambda_permission.log_group" in single_account.terraform.changes()
    functions.add_permission(
        FunctionName=name,
        StatementId="TrailLogGroup",
        Action=statement["Action"],
        Principal=statement["Principal"]["Service"],
        SourceArn=statement["Condition"]["ArnLike"]["AWS:SourceArn"],
        SourceAccount=statement["Condition"]["StringEquals"]["AWS:SourceAccount"],
    )
    single_account.log(opened_group())
    assert len(single_account.findings()) == 1
