"""One execution environment of Lambda: the `bootstrap` out of the zip file that was uploaded, as a process.

In: the function as moto keeps it, and credentials of its role. Out: answers to invocations, and lines of its log.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
import threading
import zipfile
from pathlib import Path

from moto.awslambda.models import LambdaFunction
from runtime_api import Answer, RuntimeApi

# e_machine of an ELF file: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
MACHINES = {62: "x86_64", 183: "arm64"}


class Unusable(Exception):
    """A package that Lambda would not start."""


class Execution:
    """A running `bootstrap`."""

    def __init__(self, function: LambdaFunction, credentials: dict[str, str], endpoint: str) -> None:
        self._task = Path(tempfile.mkdtemp(prefix="task-"))
        bootstrap = unpacked(function, self._task)
        self._api = RuntimeApi(function.function_arn, function.timeout)
        environment = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_FORMAT": function.logging_config["LogFormat"],
            "AWS_LAMBDA_LOG_LEVEL": function.logging_config["ApplicationLogLevel"],
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_REGION": function.region,
            "LAMBDA_TASK_ROOT": str(self._task),
            **credentials,
            **function.environment_vars,
        }
        self._process = subprocess.Popen(
            [bootstrap], cwd=self._task, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._lines: list[str] = []
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.append(line.rstrip("\n"))
        self._api.exited(self._process.wait())

    def invoke(self, payload: str) -> Answer:
        return self._api.invoke(payload)

    def lines(self) -> list[str]:
        """What was logged since this was last asked."""
        lines, self._lines = self._lines, []
        return lines

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._api.close()
        shutil.rmtree(self._task)


def unpacked(function: LambdaFunction, directory: Path) -> Path:
    """The `bootstrap` of a function's package, with the mode it has there."""
    with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as package:
        package.extractall(directory)
        for entry in package.infolist():
            os.chmod(directory / entry.filename, entry.external_attr >> 16 & 0o777)
    bootstrap = directory / "bootstrap"
    if not bootstrap.is_file() or bootstrap.stat().st_mode & 0o555 != 0o555:
        raise Unusable("no `bootstrap` that everybody may read and execute")
    head = bootstrap.read_bytes()[:20]
    machine = MACHINES.get(int.from_bytes(head[18:20], "little")) if head.startswith(b"\x7fELF") else None
    if [machine] != function.architectures:
        raise Unusable(f"`bootstrap` is for {machine}, the function for {function.architectures}")
    return bootstrap
