"""Many records at once: the public logs, where `TRAILWARDEN_PUBLIC_DATA` names them, and the fixtures of the rules."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

from function import ROOT

DATA = os.environ.get("TRAILWARDEN_PUBLIC_DATA")
LOGS = Path(DATA) / "cloudtrail" if DATA else None


def public_records() -> list[dict[str, Any]]:
    """The public logs."""
    assert LOGS and LOGS.is_dir(), f"TRAILWARDEN_PUBLIC_DATA has no logs: {LOGS}"
    records = []
    for path in sorted(LOGS.rglob("*.json.gz")):
        records += json.loads(gzip.decompress(path.read_bytes()))["Records"]
    for path in sorted(LOGS.rglob("*.jsonl")):
        records += [json.loads(line) for line in path.read_text().splitlines()]
    return records


def own_records() -> list[dict[str, Any]]:
    """The fixtures of the rules."""
    return [json.loads(path.read_text()) for path in sorted((ROOT / "fixtures" / "rules").rglob("*.json"))]
