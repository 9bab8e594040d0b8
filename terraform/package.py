#!/usr/bin/env python3
"""Builds the zip file of a function for `provided.al2023`, the same bytes each time.

    python3 terraform/package.py                # `package_file`, for arm64
    python3 terraform/package.py x86_64
    python3 terraform/package.py --function remediator      # `remediation.package_file`
    python3 terraform/package.py --verify       # builds twice, and fails unless both files are equal

Needs a Rust toolchain and Python 3.11. cargo-lambda, and zig, which compiles and links for either processor, come from
PyPI into a virtual environment below the target directory.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
# Exact versions: another compiler makes other bytes.
TOOLS = ["cargo-lambda==1.9.2", "ziglang==0.15.2"]
TRIPLES = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
# glibc of Amazon Linux 2023: https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html
GLIBC = (2, 34)
# The binary of each function with its features and the name of its zip file. In the zip file it is named `bootstrap`.
FUNCTIONS = {
    "evaluator": ("bootstrap", "lambda,live", "trailwarden"),
    "remediator": ("remediator", "remediation", "trailwarden-remediator"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("architecture", nargs="?", choices=sorted(TRIPLES), default="arm64")
    parser.add_argument("--function", choices=sorted(FUNCTIONS), default="evaluator", help="what to build (%(default)s)")
    parser.add_argument("--features", help="for the evaluator, `lambda` alone reads no live state (`lambda,live`)")
    parser.add_argument("--output", type=Path, help="the zip file (NAME-ARCHITECTURE.zip in the target directory)")
    parser.add_argument("--verify", action="store_true", help="build twice from nothing, and compare both files")
    given = parser.parse_args()
    program, features, name = FUNCTIONS[given.function]
    features = given.features or features
    package = given.output or TARGET / f"{name}-{given.architecture}.zip"
    binary = build(given.architecture, program, features, TARGET).read_bytes()
    if given.verify:
        with tempfile.TemporaryDirectory(dir=TARGET) as directory:
            again = build(given.architecture, program, features, Path(directory)).read_bytes()
        if difference := first_difference(binary, again):
            sys.exit(f"error: the build is not reproducible: {difference}")
        print("two builds are equal", file=sys.stderr)
    if newest := newest_glibc(binary):
        version = ".".join(map(str, newest))
        if newest > GLIBC:
            sys.exit(f"error: bootstrap needs glibc {version}, and Amazon Linux 2023 has {'.'.join(map(str, GLIBC))}")
        print(f"needs glibc {version}", file=sys.stderr)
    write(binary, package)
    print(f"{package}  SHA-256 {hashlib.sha256(package.read_bytes()).hexdigest()}")


def first_difference(one: bytes, other: bytes) -> str | None:
    """Where two builds differ."""
    if one == other:
        return None
    common = min(len(one), len(other))
    place = next((place for place in range(common) if one[place] != other[place]), common)
    return f"the files have {len(one)} and {len(other)} bytes and differ from byte {place} on"


def build(architecture: str, program: str, features: str, target: Path) -> Path:
    """The release build of a binary, with this target directory."""
    tools = TARGET / "package-venv"
    installed = tools / "tools.installed"
    if not installed.is_file() or installed.read_text() != "\n".join(TOOLS):
        subprocess.run([sys.executable, "-m", "venv", "--clear", tools], check=True)
        subprocess.run([tools / "bin" / "pip", "install", "--quiet", *TOOLS], check=True)
        installed.write_text("\n".join(TOOLS))
    triple = TRIPLES[architecture]
    # Paths of this machine would otherwise be in the binary, in the messages of panics.
    homes = {ROOT: "", target: "/target", Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")): "/cargo"}
    flags = "\x1f".join(f"--remap-path-prefix={path}={name}" for path, name in homes.items())
    environment = {
        **os.environ,
        "CARGO_ENCODED_RUSTFLAGS": flags,
        "CARGO_LAMBDA_NO_TELEMETRY": "1",
        "CARGO_TARGET_DIR": str(target),
        "PATH": f"{tools / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    command = ["cargo", "lambda", "build", "--release", "--locked", "--bin", program, "--features", features]
    directory = target / "package" / program / architecture
    # cargo-lambda names the binary `bootstrap`.
    command += ["--target", triple, "--lambda-dir", str(directory), "--flatten", program]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=sys.stderr)
    return directory / "bootstrap"


def newest_glibc(binary: bytes) -> tuple[int, ...] | None:
    """The newest version of glibc that a symbol is bound to; none for a static binary."""
    versions = re.findall(rb"GLIBC_([0-9]+(?:\.[0-9]+)+)\x00", binary)
    return max((tuple(map(int, version.split(b"."))) for version in versions), default=None)


def write(binary: bytes, package: Path, level: int = 9) -> None:
    """The zip file, with a fixed time, so that equal binaries make equal files and Terraform sees no change."""
    entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, which has modes
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    package.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(entry, binary, compresslevel=level)


if __name__ == "__main__":
    main()
