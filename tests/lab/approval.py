"""Executions of the state machine that waits for approvals. moto starts them and does nothing more.

In: the state machine as moto keeps it. Out: invocations of the function with the payloads of its definition.
"""

from __future__ import annotations

import json
from typing import Any

import gate
from delivery import function_of
from deployment import Deployment
from iam import Request
from moto.stepfunctions.models import StepFunctionBackend, stepfunctions_backends
from runtime_api import Answer

# Tokens that were given back.
_given_back: list[str] = []


def install() -> None:
    """Changes moto for good."""

    def send_task_success(self: StepFunctionBackend, task_token: str, outcome: str) -> None:
        _given_back.append(task_token)

    StepFunctionBackend.send_task_success = send_task_success


class Execution:
    """The latest execution of the deployment's state machine, in the state `Ask`."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._arn = deployment.arn("states", "stateMachine:trailwarden-approval")
        self._machine = stepfunctions_backends[deployment.account][deployment.region].describe_state_machine(self._arn)
        self._states = json.loads(self._machine.definition)["States"]
        self.input = json.loads(self._machine.executions[-1].execution_input)
        self.token = f"{self._arn}#{self.input['id']}"
        assert self._enter("Ask").error_type is None

    @property
    def is_answered(self) -> bool:
        """Whether the function has given the token back."""
        return self.token in _given_back

    def go_on(self) -> Answer:
        """The state after `Ask`."""
        assert self.is_answered
        return self._enter(self._states["Ask"]["Next"])

    def time_out(self) -> Answer:
        """The state after a timeout of `Ask`."""
        (catch,) = self._states["Ask"]["Catch"]
        assert catch["ErrorEquals"] == ["States.Timeout"]
        return self._enter(catch["Next"])

    def _enter(self, name: str) -> Answer:
        parameters = self._states[name]["Parameters"]
        role, function = self._machine.roleArn, parameters["FunctionName"]
        context: dict[str, str | None] = {"aws:sourcearn": self._arn, "aws:sourceaccount": self._deployment.account}
        assert gate.trusts(role, "states.amazonaws.com", context)
        assert gate.permitted(role, Request("lambda:InvokeFunction", function))
        return self._deployment.invoker.call(function_of(function), self._filled(parameters["Payload"]))

    def _filled(self, payload: Any) -> Any:
        """A payload with the values of its paths."""
        values = {"$.id": self.input["id"], "$$.Task.Token": self.token}
        if not isinstance(payload, dict):
            return payload
        return {
            key.removesuffix(".$"): values[value] if key.endswith(".$") else self._filled(value)
            for key, value in payload.items()
        }
