"""What IAM policies say of a request.

In: policy documents and a request. Out: whether it is allowed. Elements and operators that the module's policies do not
use are an error, not a guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
ELEMENTS = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}


@dataclass(frozen=True)
class Request:
    """An action such as `sns:Publish` on the ARN of a resource, or `*`.

    `principal` is a service or the ARN of a role, and is looked at in policies of resources alone. The keys of `context`
    are in lower case.
    """

    action: str
    resource: str = "*"
    principal: str = ""
    context: dict[str, str] = field(default_factory=dict)


def allows(policies: Iterable[str | Document], request: Request) -> bool:
    """Whether some statement allows it and none denies it."""
    effects = {effect for policy in policies for effect in _effects(policy, request)}
    return "Allow" in effects and "Deny" not in effects


def _effects(policy: str | Document, request: Request) -> Iterable[str]:
    document = json.loads(policy) if isinstance(policy, str) else policy
    for statement in _several(document["Statement"]):
        unknown = statement.keys() - ELEMENTS
        if unknown:
            raise NotImplementedError(f"elements of a statement: {unknown}")
        if _applies(statement, request):
            yield statement["Effect"]


def _applies(statement: Document, request: Request) -> bool:
    actions = _several(statement["Action"])
    resources = _several(statement.get("Resource", "*"))
    return (
        any(_like(action.lower(), request.action.lower()) for action in actions)
        and any(_like(resource, request.resource) for resource in resources)
        and ("Principal" not in statement or _is_principal(statement["Principal"], request.principal))
        and all(
            _holds(operator, values, request.context.get(key.lower()))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _is_principal(principal: str | Document, given: str) -> bool:
    if principal == "*":
        return True
    account = given.split(":")[4] if given.startswith("arn:") else None
    roots = {f"arn:aws:iam::{account}:root", account}
    return any(one == given or one in roots for values in principal.values() for one in _several(values))


def _holds(operator: str, values: Any, given: str | None) -> bool:
    wanted = _several(values)
    if operator == "Null":
        return str(given is None).lower() in wanted
    if given is None:
        return False
    if operator in ("StringEquals", "Bool"):
        return given in wanted
    if operator in ("StringLike", "ArnLike", "ArnEquals"):
        return any(_like(one, given) for one in wanted)
    raise NotImplementedError(f"the operator {operator}")


def _like(pattern: str, given: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, given, re.DOTALL) is not None


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
