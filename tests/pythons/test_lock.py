"""gilfree.lock is edited without losing a comment, and never left in a state that cannot be read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.pythons.lock import edited_lock, load_lock


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of gilfree.lock, taken for the shipped one."""
    file = tmp_path / "gilfree.lock"
    shutil.copy(paths.shipped("gilfree.lock"), file)
    monkeypatch.setattr(paths, "shipped", lambda name: tmp_path / name)
    return file


def test_only_the_changed_value_changes(lock: Path) -> None:
    before = lock.read_text()
    old = load_lock().resolve("3.14").requirements_sha256
    with edited_lock() as document:
        document["series"]["3.14"]["requirements_sha256"] = "a" * 64
    assert lock.read_text() == before.replace(old, "a" * 64)


def test_keys_may_stand_in_any_order_and_have_comments_of_their_own(lock: Path) -> None:
    lines = ['[series."3.14"] # the one', "# kept", f'requirements_sha256 = "{"1" * 64}"', f'sha256 = "{"2" * 64}"']
    lock.write_text("\n".join([*lines, "version = '3.14.5' # old", ""]))
    with edited_lock() as document:
        document["series"]["3.14"]["version"] = "3.14.7"
    assert load_lock().resolve("3.14").version == "3.14.7"
    assert [line for line in lock.read_text().splitlines() if line in lines] == lines
    assert "# old" in lock.read_text()


def test_a_new_series_is_added_below_the_others(lock: Path) -> None:
    before = lock.read_text()
    with edited_lock() as document:
        document["series"]["3.15"] = {"version": "3.15.0rc1", "sha256": "a" * 64, "requirements_sha256": "b" * 64}
    assert lock.read_text().startswith(before.rstrip("\n"))
    assert '\n\n[series."3.15"]\nversion = "3.15.0rc1"\n' in lock.read_text()
    assert list(load_lock().series) == ["3.14", "3.15"]


def test_a_change_that_makes_the_lock_invalid_is_refused_and_the_file_stays(lock: Path) -> None:
    before = lock.read_text()
    with pytest.raises(GilfreeError, match=r"series\.3\.14\.sha256"), edited_lock() as document:
        document["series"]["3.14"]["sha256"] = "not a hash"
    assert lock.read_text() == before
    assert [file.name for file in lock.parent.iterdir()] == ["gilfree.lock"]


def test_an_error_while_editing_leaves_the_file(lock: Path) -> None:
    before = lock.read_text()

    def change_and_fail() -> None:
        with edited_lock() as document:
            document["series"]["3.14"]["version"] = "3.14.99"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_and_fail()
    assert lock.read_text() == before
