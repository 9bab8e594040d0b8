"""How events reach a function or a stream: by a subscription filter of CloudWatch Logs, and by a rule of EventBridge.

moto gives a function every log event, whatever the pattern, and waits for it; it knows no function, topic or stream as the
target of a rule, no log destination, and no policy of a bus.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import filter_pattern
import streams
from gate import permitted, trusts
from iam import Request, allows
from invoker import Invoker
from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend
from moto.events.models import Rule, events_backends
from moto.logs.models import (
    Destination,
    InvalidParameterException,
    LogGroup,
    LogsBackend,
    LogStream,
    SubscriptionFilter,
    logs_backends,
)
from moto.organizations.models import organizations_backends
from moto.sns.models import sns_backends

EVENTS = "events.amazonaws.com"
LOGS = "logs.amazonaws.com"


def install(invoker: Invoker) -> None:
    """Changes moto for good."""
    subscriptions(invoker)
    rules(invoker)
    streams.install(invoker)


def subscriptions(invoker: Invoker) -> None:
    def put(self: LogGroup, filter_name: str, filter_pattern: str, destination_arn: str, role_arn: str) -> None:
        """moto refuses to change a filter where there are two, and looks at neither pattern nor permission."""
        accepted(filter_pattern)
        if ":lambda:" in destination_arn and not may_deliver(self, function_of(destination_arn)):
            raise InvalidParameterException("Could not execute the lambda function. Make sure you have given permission.")
        if ":destination:" in destination_arn and not may_subscribe(destination_of(destination_arn), self.account_id):
            raise InvalidParameterException(f"{self.account_id} may not subscribe to {destination_arn}")
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
        if not events:
            return
        batch = {
            "messageType": "DATA_MESSAGE",
            "owner": self.account_id,
            "logGroup": group.name,
            "logStream": self.log_stream_name,
            "subscriptionFilters": [filter_name],
            "logEvents": events,
        }
        data = gzip.compress(json.dumps(batch).encode())
        if ":lambda:" not in destination_arn:
            role, stream = group.subscription_filters[filter_name].role_arn, destination_arn
            if ":destination:" in destination_arn:
                destination = destination_of(destination_arn)
                role, stream = destination.role_arn, destination.target_arn
            write(invoker, role, LOGS, f"{group.arn}:*", stream, data, self.log_stream_name)
            return
        function = function_of(destination_arn)
        # A permission that is gone drops what is logged, and nobody is told.
        if may_deliver(group, function):
            invoker.submit(function, {"awslogs": {"data": base64.b64encode(data).decode()}})

    others = LogsBackend.put_subscription_filter

    def put_on_backend(
        self: LogsBackend, log_group_name: str, filter_name: str, filter_pattern: str, destination_arn: str, role_arn: str
    ) -> None:
        """moto takes a log destination for a log group, and looks for streams in its own account and Region."""
        if ":destination:" in destination_arn:
            put(self.groups[log_group_name], filter_name, filter_pattern, destination_arn, role_arn)
        else:
            others(self, log_group_name, filter_name, filter_pattern, destination_arn, role_arn)

    LogGroup.put_subscription_filter = put
    LogStream._send_log_events = send
    LogsBackend.put_subscription_filter = put_on_backend


def may_deliver(group: LogGroup, function: LambdaFunction) -> bool:
    return may_invoke(function, f"logs.{group.region}.amazonaws.com", f"{group.arn}:*", group.account_id)


def destination_of(arn: str) -> Destination:
    region, account = arn.split(":")[3:5]
    return logs_backends[account][region].destinations[arn]


def may_subscribe(destination: Destination, account: str) -> bool:
    caller = f"arn:aws:iam::{account}:role/any"
    request = Request("logs:PutSubscriptionFilter", destination.arn, caller, {"aws:principalorgid": organization_of(account)})
    return allows([destination.access_policy], request)


def organization_of(account: str) -> str:
    """The id of the organization that an account belongs to; empty when there is none."""
    backends = [organizations_backends[owner]["aws"] for owner in list(organizations_backends)]
    ids = [one.org.id for one in backends if one.org and account in {member.id for member in one.accounts}]
    return ids[0] if ids else ""


def write(invoker: Invoker, role: str, principal: str, source: str, stream: str, data: bytes, key: str) -> None:
    """Puts a record into a stream as a service that a role lets do so."""
    region = stream.split(":")[3]
    session = invoker.assume(role, principal, "writer", SourceAccount=source.split(":")[4], SourceArn=source)
    session.client("kinesis", region).put_record(StreamARN=stream, Data=data, PartitionKey=key)


def accepted(pattern: str) -> Callable[[str], bool]:
    try:
        return filter_pattern.compiled(pattern)
    except filter_pattern.Unknown as unknown:
        raise InvalidParameterException(f"Invalid filter pattern: {unknown}") from unknown


def rules(invoker: Invoker) -> None:
    others = Rule.send_to_targets
    services = ("lambda", "sns", "kinesis", "events")

    def send(self: Rule, original_event: dict[str, Any], transform_input: bool = True) -> None:
        # A rule with a schedule alone has no pattern, and moto lets it match every event.
        if self.scheduled_expression or not is_delivered(self.state, original_event["detail"]):
            return
        ours = [target for target in self.targets if target["Arn"].split(":")[2] in services]
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


def is_delivered(state: str, record: dict[str, Any]) -> bool:
    """Whether a rule in this state gets an event with this record at all."""
    if state == "ENABLED":
        return not (record.get("readOnly") is True and record.get("managementEvent") is True)
    return state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def forward(rule: str, target: dict[str, Any], event: dict[str, Any]) -> None:
    """Hands an event to another bus, if the role of the target and the policy of the bus let the rule."""
    arn, role, sender = target["Arn"], target["RoleArn"], rule.split(":")[4]
    region, account, name = arn.split(":")[3:]
    bus = events_backends[account][region].event_buses[name.removeprefix("event-bus/")]
    assert trusts(role, EVENTS, {"aws:sourceaccount": sender, "aws:sourcearn": rule}), f"{role} does not trust {rule}"
    request = Request("events:PutEvents", arn, role, {"aws:principalorgid": organization_of(sender)})
    assert permitted(role, request), f"{role} may not put events on {arn}"
    if sender != account:
        assert bus.policy and allows([bus.policy], request), f"{arn} does not admit {role}"
    for one in list(bus.rules.values()):
        one.send_to_targets(event)


def deliver(invoker: Invoker, rule: str, target: dict[str, Any], event: dict[str, Any]) -> None:
    """Hands an event to a function, a topic, a stream or a bus, if that lets the rule."""
    arn = target["Arn"]
    region, account = arn.split(":")[3:5]
    if ":event-bus/" in arn:
        forward(rule, target, event)
        return
    if ":kinesis:" in arn:
        key: Any = event
        for part in target["KinesisParameters"]["PartitionKeyPath"].removeprefix("$.").split("."):
            key = key[part]
        write(invoker, target["RoleArn"], EVENTS, rule, arn, json.dumps(event).encode(), key)
        return
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
