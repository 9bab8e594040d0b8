"""The zip file is one that Lambda takes, and the same each time."""

from __future__ import annotations

import zipfile
from pathlib import Path

import package


def test_equal_binaries_make_equal_files(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        package.write(b"\x7fELF of some kind", tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        (entry,) = archive.infolist()
    assert (entry.filename, entry.external_attr >> 16, entry.date_time) == ("bootstrap", 0o100755, (1980, 1, 1, 0, 0, 0))


def test_the_newest_glibc_that_is_needed_is_found() -> None:
    assert package.newest_glibc(b"\0GLIBC_2.17\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0") == (2, 34)
    assert package.newest_glibc(b"static") is None
    assert (2, 36) > package.GLIBC >= (2, 34)
