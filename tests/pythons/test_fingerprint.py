"""The hash of an app's sources: it changes with them and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.errors import GilfreeError
from toolkit.pythons.fingerprint import fingerprint, source_hash


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "service.py").write_text("app = 1\n")
    (tmp_path / "README.md").write_text("Orders\n")
    return tmp_path


def edit(app: Path) -> None:
    (app / "orders" / "service.py").write_text("app = 2\n")


def rename(app: Path) -> None:
    (app / "orders" / "service.py").rename(app / "orders" / "api.py")


def add(app: Path) -> None:
    (app / "orders" / "models.py").write_text("")


@pytest.mark.parametrize("change", [edit, rename, add])
def test_other_sources_have_another_hash(app: Path, change: Callable[[Path], None]) -> None:
    before = source_hash(app)
    change(app)
    assert source_hash(app) != before


def write_a_result(app: Path) -> None:
    (app / "results").mkdir()
    (app / "results" / "campaign.json").write_text("{}")


def make_an_environment(app: Path) -> None:
    (app / "venv" / "lib").mkdir(parents=True)
    (app / "venv" / "pyvenv.cfg").write_text("")
    (app / "venv" / "lib" / "typing_extensions.py").write_text("")


def commit(app: Path) -> None:
    (app / ".git").mkdir()
    (app / ".git" / "hook.py").write_text("")


def link_to_nothing(app: Path) -> None:
    (app / "gone.py").symlink_to(app / "nowhere.py")


@pytest.mark.parametrize("change", [write_a_result, make_an_environment, commit, link_to_nothing])
def test_what_is_no_source_of_the_app_leaves_the_hash(app: Path, change: Callable[[Path], None]) -> None:
    before = source_hash(app)
    change(app)
    assert source_hash(app) == before


def test_a_python_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(GilfreeError, match=r"nowhere cannot be run"):
        fingerprint(tmp_path / "nowhere")
