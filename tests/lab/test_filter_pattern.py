"""The judge of filter patterns judges as the documentation of CloudWatch Logs says."""

from __future__ import annotations

import json

import pytest
from filter_pattern import Unknown, compiled
from function import ROOT

EVENT = json.dumps(
    {
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DeleteVpc",
        "user": {"type": "Root", "id": 1},
        "readOnly": False,
        "managementEvent": True,
        "nothing": None,
    }
)


@pytest.mark.parametrize(
    ("pattern", "passes"),
    [
        ("", True),
        ('{ $.eventName = "DeleteVpc" }', True),
        ('{ $.eventName = "deleteVpc" }', False),
        ("{$.eventName=Delete*}", True),
        ('{$.eventName="*Vpc"}', True),
        ('{$.eventName="*eteV*"}', True),
        ('{$.eventName="*eteX*"}', False),
        ("{$.user.type=Root}", True),
        ("{$.user.name=Root}", False),
        ("{$.user=Root}", False),
        (r"{$.eventSource=%s3\.|ec2\.%&&$.eventName=%ePo|teV%}", True),
        (r"{$.eventSource=%ec2\.a%&&$.eventName=%^teV%}", False),
        ('{($.eventName="A"||$.eventName="DeleteVpc")&&$.eventSource=ec2*}', True),
        ("{$.readOnly IS FALSE}", True),
        ("{$.readOnly IS TRUE}", False),
        ("{ $.readOnly IS FALSE && $.managementEvent IS TRUE }", True),
        ("{$.user.id IS TRUE}", False),
        ("{$.nothing IS NULL}", True),
        ("{$.missing IS NULL}", False),
        ("{$.missing IS FALSE}", False),
        ("{$.missing NOT EXISTS}", True),
        ("{$.user.missing NOT EXISTS}", True),
        ("{$.nothing NOT EXISTS}", False),
        ('{$.readOnly="*"}', False),
        # `&&` binds more closely.
        ('{$.eventName="DeleteVpc"||$.eventName="A"&&$.eventSource="B"}', True),
        ('{($.eventName="DeleteVpc"||$.eventName="A")&&$.eventSource="B"}', False),
    ],
)
def test_patterns_of_which_it_is_known(pattern: str, passes: bool) -> None:
    assert compiled(pattern)(EVENT) is passes
    assert compiled(pattern)("no JSON") is (pattern == "")


@pytest.mark.parametrize(
    "pattern",
    [
        "Error",
        "[a, b]",
        "%a%",
        "{$.a}",
        "{$.a=}",
        "{$.a=1}",
        "{$.a!=b}",
        "{$.a=b",
        "{($.a=b}",
        "{$.a=b $.c=d}",
        '{$.a="b*c"}',
        "{$.a=%(b|c)%}",
        "{$.a IS}",
        "{$.a IS 1}",
        "{$.a EXISTS}",
        "{$.a[0]=b}",
        '{$.a="' + "b" * 1024 + '"}',
    ],
)
def test_what_it_does_not_know_is_an_error(pattern: str) -> None:
    with pytest.raises(Unknown):
        compiled(pattern)


def test_the_patterns_of_the_module_are_known() -> None:
    patterns = (ROOT / "terraform" / "filter_pattern.txt").read_text().splitlines()
    assert len(patterns) in (1, 2)
    each = [compiled(pattern) for pattern in patterns]
    assert [passes(EVENT) for passes in each].count(True) == 1
    assert not any(passes(json.dumps({"eventSource": "ec2.amazonaws.com", "eventName": "DescribeVpcs"})) for passes in each)
