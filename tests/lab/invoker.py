"""Invocations as Lambda does them. Asynchronous ones: a queue, retries, and the on-failure destination. Synchronous ones: once.

In: payloads for functions that moto keeps, and jobs that invoke functions by themselves. Out: what came of each payload.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from queue import Queue
from threading import Condition, Thread
from typing import Any

from aws import Role
from botocore.exceptions import ClientError
from execution import Execution
from moto.awslambda.models import LambdaFunction
from runtime_api import Answer

LAMBDA = "lambda.amazonaws.com"
# Lambda waits for one and two minutes.
PAUSE = 0.1


@dataclass(frozen=True)
class Invocation:
    """One payload and the answer to each attempt."""

    function: str
    payload: dict[str, Any]
    answers: list[Answer]


@dataclass(frozen=True)
class Warm:
    """An execution environment, with what it logs to and as whom. It is good for as long as the function is in `state`."""

    state: str
    execution: Execution
    role: Role
    stream: str


class Invoker:
    """Invokes functions, one payload at a time and in order.

    `invocations` is what became of each payload, `lost` what the destination refused, in words.
    """

    def __init__(self, endpoint: str, assume: Callable[[str, str, str], Role]) -> None:
        self.invocations: list[Invocation] = []
        self.lost: list[str] = []
        self.endpoint, self.assume = endpoint, assume
        self._waiting: Queue[Callable[[], None]] = Queue()
        self._open = 0
        self._change = Condition()
        self._fault: Exception | None = None
        self._warm: dict[str, Warm] = {}
        Thread(target=self._work, daemon=True).start()

    def submit(self, function: LambdaFunction, payload: dict[str, Any]) -> None:
        """An asynchronous invocation."""
        self.run(partial(self._asynchronous, function, payload))

    def run(self, job: Callable[[], None]) -> None:
        """Something to do after all that is submitted already."""
        with self._change:
            self._open += 1
        self._waiting.put(job)

    def invoke(self, function: LambdaFunction, payload: dict[str, Any]) -> Answer:
        """A synchronous invocation, for jobs."""
        answers: list[Answer] = []
        self.invocations.append(Invocation(function.function_arn, payload, answers))
        answers.append(self._invoke(function, json.dumps(payload)))
        return answers[0]

    def call(self, function: LambdaFunction, payload: dict[str, Any]) -> Answer:
        """A synchronous invocation, when everything that was submitted is done."""
        answers: list[Answer] = []
        self.wait()
        self.run(lambda: answers.append(self.invoke(function, payload)))
        self.wait()
        return answers[0]

    def role(self, function: LambdaFunction) -> Role:
        """The session that the function has, for jobs."""
        return self._environment(function).role

    def wait(self, seconds: float = 300) -> None:
        """Until everything that was submitted is done."""
        with self._change:
            assert self._change.wait_for(lambda: self._open == 0, seconds), "invocations do not end"
        if fault := self._fault:
            self._fault = None
            raise fault

    def close(self) -> None:
        for warm in self._warm.values():
            warm.execution.close()

    def _work(self) -> None:
        while True:
            job = self._waiting.get()
            try:
                job()
            except Exception as fault:  # raised where somebody waits
                self._fault = fault
            finally:
                with self._change:
                    self._open -= 1
                    self._change.notify_all()

    def _asynchronous(self, function: LambdaFunction, payload: dict[str, Any]) -> None:
        answers: list[Answer] = []
        self.invocations.append(Invocation(function.function_arn, payload, answers))
        configured = function.event_invoke_config[-1].config
        for attempt in range(1 + configured["MaximumRetryAttempts"]):
            time.sleep(PAUSE * attempt)
            answers.append(self._invoke(function, json.dumps(payload)))
            if answers[-1].error_type is None:
                return
        role = self._environment(function).role
        destination = configured["DestinationConfig"]["OnFailure"]["Destination"]
        region, account, name = destination.split(":")[3:]
        body = json.dumps(kept(function, payload, answers))
        try:
            role.client("sqs", region).send_message(QueueUrl=f"{self.endpoint}/{account}/{name}", MessageBody=body)
        except ClientError as refused:
            # Lambda counts it as DestinationDeliveryFailures and goes on.
            self.lost.append(str(refused))

    def _invoke(self, function: LambdaFunction, payload: str) -> Answer:
        warm = self._environment(function)
        answer = warm.execution.invoke(payload)
        group, now = function.logging_config["LogGroup"], int(time.time() * 1000)
        if events := [{"timestamp": now, "message": line} for line in warm.execution.lines()]:
            logs = warm.role.client("logs", function.region)
            logs.put_log_events(logGroupName=group, logStreamName=warm.stream, logEvents=events)
        if answer.error_type in ("Runtime.ExitError", "Sandbox.Timedout"):
            warm.execution.close()
            del self._warm[function.function_arn]
        return answer

    def _environment(self, function: LambdaFunction) -> Warm:
        """The one that is warm, unless the function has changed."""
        known = self._warm.get(function.function_arn)
        state = repr((function.code_sha_256, function.get_configuration()))
        if known and known.state == state:
            return known
        if known:
            known.execution.close()
        role = self.assume(function.role, LAMBDA, function.function_name)
        stream = f"{time.strftime('%Y/%m/%d')}/[$LATEST]{uuid.uuid4().hex}"
        group = function.logging_config["LogGroup"]
        role.client("logs", function.region).create_log_stream(logGroupName=group, logStreamName=stream)
        warm = Warm(state, Execution(function, role.environment(), self.endpoint), role, stream)
        self._warm[function.function_arn] = warm
        return warm


def kept(function: LambdaFunction, payload: dict[str, Any], answers: list[Answer]) -> dict[str, Any]:
    """What Lambda sends to the destination.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    return {
        "version": "1.0",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": f"{function.function_arn}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": len(answers),
        },
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": answers[-1].body,
    }
