"""Two sets of packages are compared by name and version; every difference is named, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.pythons.lock import load_lock
from toolkit.pythons.packages import differences_in_words, package_differences, pinned_packages

PACKAGES = st.dictionaries(st.sampled_from(["flask", "granian", "psutil", "uvloop"]), st.sampled_from(["1.0", "2.0"]))


@given(PACKAGES, PACKAGES)
def test_what_differs_is_named_with_both_versions(first: dict[str, str], second: dict[str, str]) -> None:
    found = package_differences(first, second)
    for name in first.keys() | second.keys():
        assert (name in found) == (first.get(name) != second.get(name))
    for name, both in found.items():
        assert both == (first.get(name, "none"), second.get(name, "none"))


@given(PACKAGES)
def test_equal_sets_have_no_differences_and_no_words(packages: dict[str, str]) -> None:
    assert differences_in_words(package_differences(packages, dict(packages))) == ""


def test_differences_are_said_in_the_order_of_names() -> None:
    words = differences_in_words(package_differences({"b": "1", "c": "1"}, {"b": "2", "a": "3", "c": "1"}))
    assert words == "a (none and 3), b (1 and 2)"


def test_the_locked_requirements_are_read_with_hashes_and_markers_left_out() -> None:
    text = "# a comment\nflask==3.1.3 \\\n    --hash=sha256:00\nuvloop==0.23.0 ; sys_platform != 'win32' \\\n    --hash=sha256:11\n"
    assert pinned_packages(text) == {"flask": "3.1.3", "uvloop": "0.23.0"}
    locked = pinned_packages(load_lock().resolve("3.14").requirements().read_text())
    assert {"flask", "fastapi", "granian", "psutil"} <= locked.keys()
