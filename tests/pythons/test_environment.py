"""Environments: the same versions in both variants, from the lock, kept by content."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import GilfreeError
from toolkit.pythons.environment import pair_environments
from toolkit.pythons.lock import load_lock
from toolkit.pythons.packages import installed_packages
from toolkit.pythons.pair import Pair
from toolkit.trial.model import Arm


def test_both_variants_are_served_with_the_same_packages(arms: tuple[Arm, Arm]) -> None:
    gil, free_threaded = (installed_packages(Path(arm.runtime)) for arm in arms)
    assert gil == free_threaded
    assert {"granian", "fastapi", "flask", "psutil"} <= gil.keys()


def test_they_are_made_once(pair: Pair, arms: tuple[Arm, Arm]) -> None:
    said: list[str] = []
    again = pair_environments(pair, load_lock().resolve("3.14").requirements(), None, said.append)
    assert [str(python) for python in again] == [arm.runtime for arm in arms]
    assert said == []


def test_a_changed_lock_file_is_refused_with_both_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from toolkit import paths

    entry = load_lock().resolve("3.14")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "requirements-3.14.txt").write_text("flask==1.0\n")
    monkeypatch.setattr(paths, "shipped", lambda name: tmp_path)
    with pytest.raises(GilfreeError, match=entry.requirements_sha256):
        entry.requirements()


def test_a_lock_that_is_wrong_is_named_with_its_key(tmp_path: Path) -> None:
    file = tmp_path / "gilfree.lock"
    file.write_text('[series."3.14"]\nversion = "3.14.7"\nsha256 = "abc"\nrequirements_sha256 = "' + "0" * 64 + '"\n')
    with pytest.raises(GilfreeError, match=r"series\.3\.14\.sha256"):
        load_lock(file)
