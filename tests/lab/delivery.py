"""How events reach a function: by a subscription filter of CloudWatch Logs, by a rule of EventBridge, and from a queue.

moto gives a function every log event and message, whatever the pattern, and waits for it; and it knows no function or topic
as the target of a rule.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import filter_pattern
from iam import Request, allows
from invoker import Invoker
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.utils import get_backend
from moto.events.models import Rule
from moto.logs.models import InvalidParameterException, LogGroup, LogStream, SubscriptionFilter
from moto.sns.models import sns_backends

EVENTS = "events.amazonaws.com"


def install(invoker: Invoker) -> None:
    """Changes moto for good."""
    subscriptions(invoker)
    rules(invoker)
    queues(invoker)


def queues(invoker: Invoker) -> None:
    def send(self: LambdaBackend, function_arn: str, messages: list[Any], queue_arn: str) -> bool:
        records = [
            {
                "messageId": message.id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "attributes": {},
                "messageAttributes": {},
                "md5OfBody": message.body_md5,
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": self.region_name,
            }
            for message in messages
        ]
        if records:
            invoker.poll(function_of(function_arn), records)
        # From here on the invoker keeps them.
        return True

    LambdaBackend.send_sqs_batch = send


def subscriptions(invoker: Invoker) -> None:
    def put(self: LogGroup, filter_name: str, filter_pattern: str, destination_arn: str, role_arn: str) -> None:
        """moto refuses to change a filter where there are two, and looks at neither pattern nor permission."""
        accepted(filter_pattern)
        if not may_deliver(self, function_of(destination_arn)):
            raise InvalidParameterException("Could not execute the lambda function. Make sure you have given permission.")
        if filter_name not in self.subscription_filters and len(self.subscription_filters) == 2:
            raise InvalidParameterException("Resource limit exceeded.")
        self.subscription_filters[filter_name] = SubscriptionFilter(
            filter_name, self.name, filter_pattern, destination_arn, role_arn
        )

    def send(self: LogStream, service: str, destination_arn: str, filter_name: str, log_events: list[dict[str, Any]]) -> None:
        group = self.log_group
        passes = accepted(group.subscription_filters[filter_name].filter_pattern)
        # moto numbers events; AWS gives 56 digits.
        events = [{**event, "id": f"{event['id']:056}"} for event in log_events if passes(event["message"])]
        function = function_of(destination_arn)
        # A permission that is gone drops what is logged, and nobody is told.
        if not events or not may_deliver(group, function):
            return
        batch = {
            "messageType": "DATA_MESSAGE",
            "owner": self.account_id,
            "logGroup": group.name,
            "logStream": self.log_stream_name,
            "subscriptionFilters": [filter_name],
            "logEvents": events,
        }
        data = base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()
        invoker.submit(function, {"awslogs": {"data": data}})

    LogGroup.put_subscription_filter = put
    LogStream._send_log_events = send


def may_deliver(group: LogGroup, function: LambdaFunction) -> bool:
    return may_invoke(function, f"logs.{group.region}.amazonaws.com", f"{group.arn}:*", group.account_id)


def accepted(pattern: str) -> Callable[[str], bool]:
    try:
        return filter_pattern.compiled(pattern)
    except filter_pattern.Unknown as unknown:
        raise InvalidParameterException(f"Invalid filter pattern: {unknown}") from unknown


def rules(invoker: Invoker) -> None:
    others = Rule.send_to_targets

    def send(self: Rule, original_event: dict[str, Any], transform_input: bool = True) -> None:
        ours = [target for target in self.targets if target["Arn"].split(":")[2] in ("lambda", "sns")]
        if ours and self.event_pattern.matches_event(original_event):
            for target in ours:
                deliver(invoker, self.arn, target, original_event)
        theirs = [target for target in self.targets if target not in ours]
        if theirs:
            every, self.targets = self.targets, theirs
            try:
                others(self, original_event, transform_input)
            finally:
                self.targets = every

    Rule.send_to_targets = send


def deliver(invoker: Invoker, rule: str, target: dict[str, Any], event: dict[str, Any]) -> None:
    """Hands an event to a function or a topic, if that lets the rule."""
    arn = target["Arn"]
    region, account = arn.split(":")[3:5]
    if ":lambda:" in arn:
        function = function_of(arn)
        assert may_invoke(function, EVENTS, rule, account), f"{rule} may not invoke {arn}"
        invoker.submit(function, event)
        return
    topic = sns_backends[account][region].topics[arn]
    request = Request("sns:Publish", arn, EVENTS, {"aws:sourcearn": rule, "aws:securetransport": "true"})
    assert allows([topic.policy], request), f"{rule} may not publish to {arn}"
    topic.publish(transformed(target.get("InputTransformer"), event))


def transformed(transformer: dict[str, Any] | None, event: dict[str, Any]) -> str:
    """What the target gets. moto takes templates of JSON alone, and not those of lines."""
    if transformer is None:
        return json.dumps(event)
    text = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        value: Any = event
        for key in path.removeprefix("$.").split("."):
            value = value.get(key, "")
        text = text.replace(f"<{name}>", str(value))
    return text


def function_of(arn: str) -> LambdaFunction:
    region, account = arn.split(":")[3:5]
    return get_backend(account, region).get_function(arn)


def may_invoke(function: LambdaFunction, principal: str, source: str, account: str) -> bool:
    """Whether the function's own policy lets a service invoke it for this source."""
    context = {"aws:sourcearn": source, "aws:sourceaccount": account}
    request = Request("lambda:InvokeFunction", function.function_arn, principal, context)
    return allows([{"Statement": function.policy.statements}], request)
