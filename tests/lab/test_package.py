"""The zip file is one that Lambda takes, and the same each time."""

from __future__ import annotations

import zipfile
from pathlib import Path

import package
import pytest


def test_equal_binaries_make_equal_files(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        package.write(b"\x7fELF of some kind", tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        (entry,) = archive.infolist()
    assert (entry.filename, entry.external_attr >> 16, entry.date_time) == ("bootstrap", 0o100755, (1980, 1, 1, 0, 0, 0))


def test_builds_that_differ_are_told_apart() -> None:
    assert package.first_difference(b"same", b"same") is None
    assert package.first_difference(b"same", b"sane") == "the files have 4 and 4 bytes and differ from byte 2 on"
    assert package.first_difference(b"same", b"same and more") == "the files have 4 and 13 bytes and differ from byte 4 on"


@pytest.mark.parametrize("equal", [True, False])
def test_verify_builds_twice_and_compares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, equal: bool) -> None:
    built = []

    def build(_: str, __: str, ___: str, target: Path) -> Path:
        binary = tmp_path / f"bootstrap-{len(built)}"
        binary.write_bytes(b"\x7fELF" if equal else b"\x7fELF%d" % len(built))
        built.append(target)
        return binary

    monkeypatch.setattr(package, "build", build)
    monkeypatch.setattr(package, "TARGET", tmp_path)
    monkeypatch.setattr("sys.argv", ["package.py", "--verify", "--output", str(tmp_path / "p.zip")])
    if equal:
        package.main()
        assert (tmp_path / "p.zip").is_file()
    else:
        with pytest.raises(SystemExit, match="not reproducible"):
            package.main()
        assert not (tmp_path / "p.zip").exists()
    assert len(set(built)) == 2


def test_each_function_is_built_from_its_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def build(*arguments: object) -> Path:
        built.append(arguments)
        binary = tmp_path / "bootstrap"
        binary.write_bytes(b"\x7fELF")
        return binary

    monkeypatch.setattr(package, "build", build)
    monkeypatch.setattr(package, "TARGET", tmp_path)
    for function in ("evaluator", "remediator"):
        monkeypatch.setattr("sys.argv", ["package.py", "x86_64", "--function", function])
        package.main()
    assert built == [
        ("x86_64", "bootstrap", "lambda,live", tmp_path),
        ("x86_64", "remediator", "remediation", tmp_path),
    ]
    assert {path.name for path in tmp_path.glob("*.zip")} == {"trailwarden-x86_64.zip", "trailwarden-remediator-x86_64.zip"}


def test_the_newest_glibc_that_is_needed_is_found() -> None:
    assert package.newest_glibc(b"\0GLIBC_2.17\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0") == (2, 34)
    assert package.newest_glibc(b"static") is None
    assert (2, 36) > package.GLIBC >= (2, 34)
