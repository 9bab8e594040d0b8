"""The real Terraform with the real AWS provider, against an AWS on loopback.

In: a directory and variables. Out: outputs, or what Terraform said when it failed.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from aws import Keys

# Another one may ask for what moto does not know.
PROVIDER = """terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}
"""


class Terraform:
    """Terraform in one directory."""

    def __init__(self, directory: Path, keys: Keys, region: str, variables: dict[str, str]) -> None:
        self._directory = directory
        # What people have for their own AWS must not lead anybody there.
        theirs = ("AWS_", "TF_DATA_DIR", "TF_VAR_", "TF_WORKSPACE")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        self._environment = {
            **inherited,
            **keys.environment(),
            **{f"TF_VAR_{name}": value for name, value in variables.items()},
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": keys.endpoint,
            # What fails here fails again, and each attempt waits for longer.
            "AWS_MAX_ATTEMPTS": "2",
            "AWS_REGION": region,
            "CHECKPOINT_DISABLE": "1",
            "TF_INPUT": "0",
            "TF_IN_AUTOMATION": "1",
        }

    def apply(self) -> None:
        (self._directory / "provider_override.tf").write_text(PROVIDER)
        self._run("init", "-backend=false", "-no-color")
        self._run("apply", "-auto-approve", "-no-color", "-parallelism=20")

    def changes(self) -> str:
        """What `terraform plan` would change; empty when nothing is to be done."""
        planned = self._run("plan", "-detailed-exitcode", "-no-color", "-lock=false", fine=(0, 2))
        return planned.stdout if planned.returncode else ""

    def outputs(self) -> dict[str, Any]:
        shown = json.loads(self._run("output", "-json").stdout)
        return {name: output["value"] for name, output in shown.items()}

    def destroy(self) -> None:
        self._run("destroy", "-auto-approve", "-no-color", "-parallelism=20")

    def left(self) -> list[str]:
        """The resources that Terraform knows of."""
        return self._run("state", "list").stdout.splitlines()

    def _run(self, *arguments: str, fine: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        command = ["terraform", *arguments]
        done = subprocess.run(
            command, cwd=self._directory, env=self._environment, capture_output=True, text=True, timeout=900, check=False
        )
        assert done.returncode in fine, f"{' '.join(command)}:\n{done.stdout[-4000:]}\n{done.stderr}"
        return done
