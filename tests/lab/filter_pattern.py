"""Filter patterns of CloudWatch Logs, judged apart from the product that writes them.

In: a pattern. Out: whether a log event's message passes it. What a pattern may look like is read from
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html. The empty pattern and patterns for
JSON of `=`, `IS TRUE`, `IS FALSE`, `IS NULL`, `NOT EXISTS`, `&&`, `||` and parentheses are known; anything else is an error, because to guess would be to pass a test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

Test = Callable[[Any], bool]

TOKEN = re.compile(
    r"""\s*(?:(?P<operator>&&|\|\||=|\(|\))
    |(?P<state>IS\s+(?:TRUE|FALSE|NULL)\b|NOT\s+EXISTS\b)
    |(?P<selector>\$(?:\.[A-Za-z0-9_-]+)+)
    |"(?P<quoted>[^"\\]*)"
    |%(?P<regex>[^%]+)%
    |(?P<bare>[A-Za-z0-9_.*-]+))""",
    re.VERBOSE,
)
# What a regular expression may have, of what we have use for. Parentheses are not among it.
REGEX = re.compile(r"(?:[A-Za-z0-9_ :.|^$?*+-]|\\[.|^$?*+\\-])+")
MOST = 1024
STATES: dict[str, Any] = {"IS TRUE": True, "IS FALSE": False, "IS NULL": None}
MISSING = object()


class Unknown(ValueError):
    """A pattern that CloudWatch Logs would refuse, or that this module does not know."""


def compiled(pattern: str) -> Callable[[str], bool]:
    """Whether a message passes the pattern."""
    if len(pattern) > MOST:
        raise Unknown(f"{len(pattern)} characters are more than {MOST}")
    text = pattern.strip()
    if not text:
        return lambda message: True
    if not (text.startswith("{") and text.endswith("}")):
        raise Unknown(f"not a pattern for JSON: {text[:40]}")
    test = Parser(text[1:-1]).whole()

    def passes(message: str) -> bool:
        try:
            document = json.loads(message)
        except ValueError:
            return False
        return test(document)

    return passes


class Parser:
    """Recursive descent: `||` of `&&` of comparisons and parentheses."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        place = 0
        text = text.rstrip()
        while place < len(text):
            found = TOKEN.match(text, place)
            if not found or not found.lastgroup:
                raise Unknown(f"at `{text[place : place + 20]}`")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()

    def whole(self) -> Test:
        test = self._any()
        if self._tokens:
            raise Unknown(f"`{self._tokens[0][1]}` is left over")
        return test

    def _take(self, *kinds: str) -> tuple[str, str]:
        if not self._tokens or self._tokens[0][0] not in kinds:
            raise Unknown(f"{' or '.join(kinds)} is missing before {self._tokens[:1]}")
        return self._tokens.pop(0)

    def _next_is(self, operator: str) -> bool:
        if self._tokens[:1] != [("operator", operator)]:
            return False
        self._tokens.pop(0)
        return True

    def _any(self) -> Test:
        tests = [self._all()]
        while self._next_is("||"):
            tests.append(self._all())
        return lambda document: any(test(document) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._next_is("&&"):
            tests.append(self._one())
        return lambda document: all(test(document) for test in tests)

    def _one(self) -> Test:
        if self._next_is("("):
            test = self._any()
            if not self._next_is(")"):
                raise Unknown("a parenthesis is not closed")
            return test
        path = self._take("selector")[1].removeprefix("$.").split(".")
        if self._tokens and self._tokens[0][0] == "state":
            wanted = STATES.get(" ".join(self._take("state")[1].split()), MISSING)
            return lambda document: at(document, path) is wanted
        if not self._next_is("="):
            raise Unknown(f"no `=` behind {'.'.join(path)}")
        matches = value(*self._take("quoted", "regex", "bare"))

        def test(document: Any) -> bool:
            found = at(document, path)
            return isinstance(found, str) and matches(found)

        return test


def at(document: Any, path: list[str]) -> Any:
    """The value at a path, or `MISSING`."""
    for key in path:
        document = document.get(key, MISSING) if isinstance(document, dict) else MISSING
    return document


def value(kind: str, text: str) -> Callable[[str], bool]:
    """Whether a string is what stands right of `=`. A `*` is a wildcard at the beginning and the end alone."""
    if kind == "regex":
        if not REGEX.fullmatch(text):
            raise Unknown(f"regular expression `{text[:40]}`")
        expression = re.compile(text)
        return lambda given: expression.search(given) is not None
    if kind == "bare" and re.fullmatch(r"[0-9.-]+", text):
        raise Unknown(f"the number {text}")
    if "*" in text[1:-1]:
        raise Unknown(f"a `*` inside `{text}`")
    open_start, open_end = text.startswith("*"), text.endswith("*")
    core = text.strip("*")

    def matches(given: str) -> bool:
        if open_start and open_end:
            return core in given
        if open_start:
            return given.endswith(core)
        return given.startswith(core) if open_end else given == core

    return matches
