"""How findings on a user's dependencies are told, and which file is taken for a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.doctor.gil import GilReport, Switch
from toolkit.doctor.requirements import Readiness, requirements_file, told
from toolkit.doctor.wheels import Dependency
from toolkit.errors import GilfreeError

FINE = Dependency("alpha", "1.0", ("r.txt",), "both")
NOTHING = GilReport(4, (), ())


def test_all_findings_are_told_with_who_needs_it_and_what_would_help() -> None:
    found = Readiness(
        "r.txt",
        "3.14",
        (
            FINE,
            Dependency("beta", "1.0", ("alpha",), "gil only", "2.0", True),
            Dependency("gamma", "1.0", ("r.txt",), "gil only", "1.0", False),
            Dependency("delta", "1.0", ("a", "b", "c", "d", "e"), "gil only", "3.0", False),
            Dependency("old", "0.6", (), "neither"),
        ),
        GilReport(
            9, (Switch("lx.tree", "lx", ("lx.tree", "lx.diff")), Switch("one", "one", ("one",))), (("x", "why"),)
        ),
    )
    assert told(found) == [
        "r.txt on Python 3.14: 5 packages",
        "  no wheel for 3.14t: 3",
        "    beta 1.0 (needed by alpha): 2.0 has one",
        "    gamma 1.0 (needed by r.txt): it is the newest version",
        "    delta 1.0 (needed by a, b, c and 2 more): nor has the newest version, 3.0",
        "  no wheel for either variant, built from source: not looked into: 1",
        "    old 0.6",
        "  modules that switch the GIL on, of 9 extension modules imported: 2",
        "    lx.tree (lx), loaded by importing lx.tree, lx.diff",
        "    one (one)",
        "  not importable by itself, so nothing is known of: 1",
        "    x: why",
    ]
    assert not found.ready


def test_ready_means_that_nothing_was_found_and_everything_was_looked_at() -> None:
    assert Readiness("r.txt", "3.14", (FINE,), NOTHING).ready
    unasked = Readiness("r.txt", "3.14", (FINE,), None, "no free-threaded 3.14 is here to ask")
    assert not unasked.ready
    assert told(unasked)[-1].endswith("unknown, no free-threaded 3.14 is here to ask")
    assert "none" in told(Readiness("r.txt", "3.14", (FINE,), NOTHING))[-1]


def test_of_a_folder_the_project_file_is_taken_unless_it_only_sets_up_tools(tmp_path: Path) -> None:
    project, plain = tmp_path / "pyproject.toml", tmp_path / "requirements.txt"
    plain.write_text("alpha\n")
    project.write_text("[tool.ruff]\nline-length = 100\n")
    assert requirements_file(tmp_path) == plain
    project.write_text('[project]\nname = "app"\n')
    assert requirements_file(tmp_path) == project
    assert requirements_file(plain) == plain


def test_what_is_no_requirements_file_is_refused_by_name(tmp_path: Path) -> None:
    for wrong in (tmp_path, tmp_path / "absent.txt"):
        with pytest.raises(GilfreeError, match=wrong.name):
            requirements_file(wrong)
    (tmp_path / "pyproject.toml").write_text("[project")
    with pytest.raises(GilfreeError, match=r"pyproject\.toml"):
        requirements_file(tmp_path)
