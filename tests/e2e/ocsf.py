"""Checks a document against OCSF 1.5.0 as types."""

from __future__ import annotations

from typing import Any

from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from pydantic import ValidationError

# What the types require and OCSF 1.5.0 only recommends: (object, attribute).
STRICTER = {("technique", "name"), ("sub_technique", "name"), ("service", "uid"), ("service", "version")}


def faults(document: dict[str, Any]) -> list[str]:
    """Everything in which the document is no Compliance Finding; empty when it is one."""
    try:
        ComplianceFinding.model_validate(document)
    except ValidationError as error:
        return [
            f"{one['loc']}: {one['msg']}"
            for one in error.errors()
            if one["type"] != "missing" or tuple(one["loc"][-2:]) not in STRICTER
        ]
    return []


def ids(documents: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The ids of messages and of their problems, sorted. The function publishes each message of a payload once."""
    return sorted({(one["metadata"]["uid"], one["finding_info"]["uid"]) for one in documents})
