"""Many records at once: the public logs beside the repository, and the fixtures of the rules."""

from __future__ import annotations

import gzip
import json
from typing import Any

from function import ROOT

LOGS = ROOT.parent / "shared" / "data" / "cloudtrail"


def public_records() -> list[dict[str, Any]]:
    """The public logs beside the repository, where they are present."""
    records = []
    for path in sorted(LOGS.rglob("*.json.gz")):
        records += json.loads(gzip.decompress(path.read_bytes()))["Records"]
    for path in sorted(LOGS.rglob("*.jsonl")):
        records += [json.loads(line) for line in path.read_text().splitlines()]
    return records


def own_records() -> list[dict[str, Any]]:
    """The fixtures of the rules."""
    return [json.loads(path.read_text()) for path in sorted((ROOT / "fixtures" / "rules").rglob("*.json"))]
