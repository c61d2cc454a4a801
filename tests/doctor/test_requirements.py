"""How findings on a user's dependencies are printed, and which file of a folder is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from toolkit.doctor.gil import GilReport, Switch
from toolkit.doctor.requirements import Readiness, readiness_lines, requirements_file
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
    assert readiness_lines(found) == [
        "r.txt on Python 3.14: 5 packages",
        "  no wheel for 3.14t: 3",
        "    beta 1.0 (needed by alpha): 2.0 has one",
        "    gamma 1.0 (needed by r.txt): it is the newest version",
        "    delta 1.0 (needed by a, b, c and 2 more): nor has the newest version, 3.0",
        "  no wheel for either variant, built from source, so not checked: 1",
        "    old 0.6",
        "  modules that switch the GIL on, of 9 extension modules imported: 2",
        "    lx.tree (lx), loaded by importing lx.tree, lx.diff",
        "    one (one)",
        "  not importable alone, so unknown: 1",
        "    x: why",
    ]
    assert not found.ready


def test_ready_means_that_nothing_was_found_and_everything_was_looked_at() -> None:
    assert Readiness("r.txt", "3.14", (FINE,), NOTHING).ready
    unknown = Readiness("r.txt", "3.14", (FINE,), None, "there is no free-threaded 3.14 here")
    assert not unknown.ready
    assert readiness_lines(unknown)[-1].endswith("unknown, there is no free-threaded 3.14 here")
    assert "none" in readiness_lines(Readiness("r.txt", "3.14", (FINE,), NOTHING))[-1]


def test_an_import_that_ends_the_interpreter_is_not_ready() -> None:
    crash = GilReport(2, (), (), (("crashkit", "the import ended the process (signal 6)"),))
    found = Readiness("r.txt", "3.14", (FINE,), crash)
    assert not found.ready
    assert readiness_lines(found)[-2:] == [
        "  imports that end the interpreter, so not ready: 1",
        "    crashkit: the import ended the process (signal 6)",
    ]


@pytest.mark.parametrize("variants", ["neither", "source"])
def test_what_nobody_looked_at_is_not_ready(variants: Literal["neither", "source"]) -> None:
    found = Readiness("r.txt", "3.14", (FINE, Dependency("fork", None, (), variants)), NOTHING)
    assert not found.ready
    assert "built from source, so not checked: 1" in "\n".join(readiness_lines(found))


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


def test_as_json_the_keys_are_those_of_earlier_versions() -> None:
    switch = Switch("lx.tree", "lx", ("lx.tree", "lx.diff"))
    found = Readiness("r.txt", "3.14", (FINE,), GilReport(2, (switch,), (("x", "ImportError: no"),))).as_data()
    assert json.loads(json.dumps(found)) == {
        "source": "r.txt",
        "series": "3.14",
        "dependencies": [
            {
                "name": FINE.name,
                "version": FINE.version,
                "needed_by": list(FINE.needed_by),
                "variants": FINE.variants,
                "newest": None,
                "newest_free_threaded": None,
            }
        ],
        "gil": {
            "tried": 2,
            "switches": [{"module": "lx.tree", "distribution": "lx", "imported": ["lx.tree", "lx.diff"]}],
            "not_imported": [["x", "ImportError: no"]],
            "crashed": [],
        },
        "unasked": "",
        "ready": False,
    }
