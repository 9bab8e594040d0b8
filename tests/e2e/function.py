"""The real `bootstrap` or `remediator` as a process, with the environment Lambda gives it.

In: configuration. Out: answers to invocations, and everything the process wrote.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from runtime_api import Answer, RuntimeApi

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def binary(name: str, variable: str) -> Path:
    """A binary under test: the one `variable` names, else the debug build."""
    path = Path(os.environ.get(variable, TARGET / "debug" / name))
    assert path.is_file(), f"{path} is missing: run `cargo build --features remediation`, or name it in {variable}"
    return path


class Function:
    """A running function whose invocations may take `seconds`. Use it as a context manager: the process ends with the
    block.
    """

    def __init__(self, endpoint: str, seconds: int = 60, binary_name: str = "bootstrap", **configuration: str) -> None:
        self._api = RuntimeApi(seconds=seconds)
        self._output = tempfile.TemporaryFile()
        environment = {
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEKEYID0001",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_FUNCTION_NAME": "trailwarden",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_REGION": "eu-west-1",
            "AWS_SECRET_ACCESS_KEY": "example",
        }
        program = binary(binary_name, f"TRAILWARDEN_{binary_name.upper()}")
        self._process = subprocess.Popen(
            [program], env={**environment, **configuration}, stdout=self._output, stderr=subprocess.STDOUT
        )

    def __enter__(self) -> Function:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._api.close()

    def invoke(self, payload: str) -> Answer:
        return self._api.invoke(payload)

    def start(self, payload: str) -> None:
        """Delivers a payload to a function that will not live to answer."""
        self._api.deliver(payload)

    def kill(self) -> None:
        self._process.kill()

    def wait(self) -> None:
        self._process.wait(timeout=60)

    def exit_code(self) -> int:
        """Waits for a function that does not start."""
        return self._process.wait(timeout=30)

    def output(self) -> str:
        """Everything written so far, to standard output and error."""
        self._output.seek(0)
        return self._output.read().decode()

    def log(self) -> list[dict[str, Any]]:
        """The log: each line is a JSON object."""
        return [json.loads(line) for line in self.output().splitlines()]
