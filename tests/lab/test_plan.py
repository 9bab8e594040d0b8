"""The plan in the repository is what the real Terraform and AWS provider make of its configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from function import ROOT, binary
from terraform import INIT

FIXTURE = ROOT / "fixtures" / "terraform-plan"


def findings(plan: Path) -> set[tuple[str, str, str, str]]:
    """Rule, severity, status and address of each finding."""
    command = [binary("trailwarden", "TRAILWARDEN_CLI"), "plan", "--format", "json", plan]
    output = subprocess.run(command, capture_output=True, check=False)
    assert output.returncode == 1, output.stderr
    report = json.loads(output.stdout)
    return {
        (one["rule"]["name"], one["severity"], one["status"], one["terraform_address"]) for one in report["findings"]
    }


def test_a_plan_of_today_has_the_findings_of_the_fixture(tmp_path: Path) -> None:
    shutil.copy(FIXTURE / "main.tf", tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_"))}
    environment["CHECKPOINT_DISABLE"] = "1"

    def terraform(*arguments: str) -> bytes:
        command = ["terraform", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True).stdout

    with INIT:
        terraform("init", "-backend=false", "-input=false", "-no-color")
    terraform("plan", "-input=false", "-no-color", "-out", "plan.bin")
    (tmp_path / "plan.json").write_bytes(terraform("show", "-json", "plan.bin"))
    assert findings(tmp_path / "plan.json") == findings(FIXTURE / "plan.json")
