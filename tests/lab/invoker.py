"""Asynchronous invocations as Lambda does them: a queue, retries, and the on-failure destination.

In: payloads for functions that moto keeps. Out: what came of each.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
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


class Invoker:
    """Invokes functions, one payload at a time and in order.

    `invocations` is what became of each payload, `lost` what the destination refused, in words.
    """

    def __init__(self, endpoint: str, assume: Callable[[str, str, str], Role]) -> None:
        self.invocations: list[Invocation] = []
        self.lost: list[str] = []
        self._endpoint, self._assume = endpoint, assume
        self._waiting: Queue[tuple[LambdaFunction, dict[str, Any]]] = Queue()
        self._open = 0
        self._change = Condition()
        self._fault: Exception | None = None
        self._executions: dict[str, tuple[object, Execution, Role, str]] = {}
        Thread(target=self._work, daemon=True).start()

    def submit(self, function: LambdaFunction, payload: dict[str, Any]) -> None:
        with self._change:
            self._open += 1
        self._waiting.put((function, payload))

    def wait(self, seconds: float = 300) -> None:
        """Until everything that was submitted is done."""
        with self._change:
            assert self._change.wait_for(lambda: self._open == 0, seconds), "invocations do not end"
        if fault := self._fault:
            self._fault = None
            raise fault

    def close(self) -> None:
        for _, execution, _, _ in self._executions.values():
            execution.close()

    def _work(self) -> None:
        while True:
            function, payload = self._waiting.get()
            answers: list[Answer] = []
            self.invocations.append(Invocation(function.function_arn, payload, answers))
            try:
                self._attempt(function, payload, answers)
            except Exception as fault:  # noqa: BLE001 - raised where somebody waits
                self._fault = fault
            finally:
                with self._change:
                    self._open -= 1
                    self._change.notify_all()

    def _attempt(self, function: LambdaFunction, payload: dict[str, Any], answers: list[Answer]) -> None:
        configured = function.event_invoke_config[-1].config
        for attempt in range(1 + configured["MaximumRetryAttempts"]):
            time.sleep(PAUSE * attempt)
            answers.append(self._invoke(function, json.dumps(payload)))
            if answers[-1].error_type is None:
                return
        _, _, role, _ = self._executions[function.function_arn]
        destination = configured["DestinationConfig"]["OnFailure"]["Destination"]
        region, account, name = destination.split(":")[3:]
        body = json.dumps(kept(function, payload, answers))
        try:
            role.client("sqs", region).send_message(QueueUrl=f"{self._endpoint}/{account}/{name}", MessageBody=body)
        except ClientError as refused:
            # Lambda counts it as DestinationDeliveryFailures and goes on.
            self.lost.append(str(refused))

    def _invoke(self, function: LambdaFunction, payload: str) -> Answer:
        execution, role, stream = self._execution(function)
        answer = execution.invoke(payload)
        group = function.logging_config["LogGroup"]
        now = int(time.time() * 1000)
        if events := [{"timestamp": now, "message": line} for line in execution.lines()]:
            role.client("logs", function.region).put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
        if answer.error_type in ("Runtime.ExitError", "Sandbox.Timedout"):
            execution.close()
            del self._executions[function.function_arn]
            self._execution(function)
        return answer

    def _execution(self, function: LambdaFunction) -> tuple[Execution, Role, str]:
        """The one that is warm, unless the function has changed."""
        arn = function.function_arn
        state = (function.code_sha_256, function.environment_vars, function.role, function.timeout, function.logging_config)
        known = self._executions.get(arn)
        if known and known[0] != repr(state):
            known[1].close()
            known = None
        if not known:
            role = self._assume(function.role, LAMBDA, function.function_name)
            stream = f"{time.strftime('%Y/%m/%d')}/[$LATEST]{uuid.uuid4().hex}"
            group = function.logging_config["LogGroup"]
            role.client("logs", function.region).create_log_stream(logGroupName=group, logStreamName=stream)
            known = (repr(state), Execution(function, role.environment(), self._endpoint), role, stream)
            self._executions[arn] = known
        return known[1:]


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
