"""A load generator is used only when cargo's own record says which one it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from toolkit.loadgen.binaries import Binary, find_binary, installed_version, pinned


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rewrk: Binary) -> Path:
    """The real rewrk as another cargo installation on PATH, and nothing in the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "cargo"
    shutil.copytree(Path(rewrk.path).parent.parent, root)
    monkeypatch.setenv("PATH", str(root / "bin"))
    return root


def test_an_installation_that_cargo_vouches_for_is_used(empty_cache: Path) -> None:
    found = find_binary("rewrk", print)
    assert found is not None
    assert (found.version, found.how) == (pinned("rewrk")["version"], "PATH")


def test_a_binary_without_cargos_record_is_refused_and_that_is_said(empty_cache: Path) -> None:
    (empty_cache / ".crates2.json").unlink()
    said: list[str] = []
    assert find_binary("rewrk", said.append) is None
    assert "it has no record of its version" in said[0]


def test_another_version_is_refused_by_name(empty_cache: Path) -> None:
    record = empty_cache / ".crates2.json"
    record.write_text(record.read_text().replace("rewrk 0.3.2", "rewrk 0.3.1"))
    said: list[str] = []
    assert find_binary("rewrk", said.append) is None
    assert "0.3.1" in said[0]


def test_a_record_of_something_else_vouches_for_nothing(empty_cache: Path) -> None:
    assert installed_version(empty_cache / "bin" / "rewrk", "oha") is None
