"""The same records give the same findings, id for id, whichever way they come."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from function import Function, binary
from ocsf import ids
from payloads import delivery
from records import LOGS, own_records, public_records
from topic import Topic

BATCH = 500


def evaluate(path: Path) -> list[tuple[str, str]]:
    command = [binary("trailwarden", "TRAILWARDEN_CLI"), "evaluate", "--format", "ocsf", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return ids([json.loads(line) for line in done.stdout.splitlines()])


PUBLIC = pytest.param(
    "public", marks=pytest.mark.skipif(LOGS is None, reason="TRAILWARDEN_PUBLIC_DATA does not name the public data")
)


@pytest.mark.parametrize("source", ["own", PUBLIC])
def test_files_deliveries_and_the_function_agree(source: str, function: Function, topic: Topic, tmp_path: Path) -> None:
    records = own_records() if source == "own" else public_records()
    assert records
    log = tmp_path / "log.json"
    log.write_text(json.dumps({"Records": records}))
    deliveries = [delivery(*records[start : start + BATCH]) for start in range(0, len(records), BATCH)]
    wrapped = tmp_path / "deliveries"
    wrapped.mkdir()
    for number, payload in enumerate(deliveries):
        (wrapped / f"{number:03}.json").write_text(payload)
    tallies = [function.invoke(payload).response for payload in deliveries]
    assert sum(tally["received"] for tally in tallies) == len(records)
    assert sum(tally["rejected"] for tally in tallies) == 0
    published = ids([one.document for one in topic.receive()])
    assert published
    assert evaluate(log) == published
    assert evaluate(wrapped) == published
    if source == "public" and LOGS:
        assert evaluate(LOGS) == published
