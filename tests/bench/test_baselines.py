"""The arms of `--against`: on the same runtimes with other settings, on other interpreters, or on other images."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.bench.baselines import baseline_arms, baseline_images, local_baseline, settings_baseline
from toolkit.errors import GilfreeError
from toolkit.pythons.lock import load_lock
from toolkit.pythons.pair import Pair
from toolkit.trial.baseline import parse_baseline
from toolkit.trial.model import Arm

MAIN = (Arm("3.14", "gil", "/a/python"), Arm("3.14t", "free-threaded", "/b/python"))


def quiet(line: str) -> None:
    """Shows nothing."""


def test_settings_are_measured_on_the_runtimes_of_the_main_arms() -> None:
    found = settings_baseline(parse_baseline("threads=8"), MAIN)
    assert [(one.name, one.runtime, one.settings) for one in found.arms] == [
        ("3.14-threads=8", "/a/python", {"threads": 8}),
        ("3.14t-threads=8", "/b/python", {"threads": 8}),
    ]
    assert found.description == {"text": "threads=8", "kind": "settings", "settings": {"threads": 8}}
    assert found.caveats == ()


def test_other_runtimes_are_named_by_their_label_and_described() -> None:
    found = baseline_arms(
        parse_baseline("3.14.0"), MAIN, ["/c", "/d"], "3.14.0", {"packages": {"granian": "2.9"}}, ("older",)
    )
    assert [(one.name, one.role, one.runtime) for one in found.arms] == [
        ("3.14-3.14.0", "gil", "/c"),
        ("3.14t-3.14.0", "free-threaded", "/d"),
    ]
    assert found.description is not None and found.description["packages"] == {"granian": "2.9"}
    assert found.caveats == ("older",)


def test_images_that_the_user_names_are_taken_as_they_are() -> None:
    gil, free_threaded = baseline_images(parse_baseline("app:old,app:old-t", images=True), "fast", None)
    assert (gil.name, free_threaded.name) == ("app:old", "app:old-t")
    with pytest.raises(GilfreeError, match="app:old was not pushed"):
        _ = gil.pinned


@pytest.mark.parametrize("count", [1, 2])
def test_requirements_and_interpreters_are_no_baseline_of_images(count: int, tmp_path: Path) -> None:
    files = [tmp_path / f"old{number}.txt" for number in range(count)]
    for file in files:
        file.write_text("granian==2.9\npsutil==7.0\n")
    with pytest.raises(GilfreeError, match="on images it is a setting, a version, or two images") as refused:
        baseline_images(parse_baseline(",".join(map(str, files))), "fast", None)
    assert "BACKEND=local" in refused.value.remedy


def test_what_is_measured_already_is_no_baseline(pair: Pair, arms: tuple[Arm, Arm]) -> None:
    locked = load_lock().resolve("3.14").requirements()
    same_pair = parse_baseline(f"{pair.gil.executable},{pair.free_threaded.executable}")
    for baseline in (same_pair, parse_baseline(str(locked))):
        with pytest.raises(GilfreeError, match="that is what is measured already"):
            local_baseline(baseline, arms, pair, locked, None, "fast", quiet)
