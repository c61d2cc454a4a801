"""An image is current, stale, missing or unknown, and the words say because of what."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from toolkit import paths
from toolkit.errors import BAD_INPUT, FINE, STALE
from toolkit.images.spec.inputs import BaseImage, ImageSpec, load_image, pair_images
from toolkit.images.staleness.status import ImageStatus, State, exit_code, image_statuses, notes
from toolkit.images.staleness.upstream import Fact, Upstream
from toolkit.pythons.lock import Lock, LockedSeries, load_lock

DIGEST = "sha256:" + "a" * 64
BASE = BaseImage("debian:trixie-slim", DIGEST, "linux/amd64")
LOCAL = BaseImage("debian:trixie-slim", "local:sha256:" + "b" * 64, "linux/amd64")


@pytest.fixture
def entry() -> LockedSeries:
    return load_lock().resolve("3.14").model_copy(update={"version": "3.14.6"})


def images(entry: LockedSeries, base: BaseImage = LOCAL) -> list[ImageSpec]:
    return [*pair_images(entry, "fast", base), load_image(base)]


def built(*made: ImageSpec) -> dict[str, dict[str, Any]]:
    """What the state file remembers of these, the last of them newest."""
    return {
        one.id: {
            "repository": one.repository,
            "variant": one.variant,
            "profile": one.profile,
            "inputs": dict(one.inputs),
            "built_at": f"2026-01-01T00:00:{number:02}",
        }
        for number, one in enumerate(made)
    }


def outside(*versions: str, base: Fact[str] | None = None, **packages: Fact[str]) -> Upstream:
    return Upstream(Fact(versions), base, packages)


def status_words(
    entry: LockedSeries,
    there: dict[str, dict[str, Any]],
    upstream: Upstream,
    base: BaseImage = LOCAL,
    *,
    prereleases: bool = False,
) -> list[str]:
    found = image_statuses(images(entry, base), there, entry, upstream, base, prereleases=prereleases)
    return [one.words() for one in found]


def test_what_is_built_of_the_newest_is_current_and_a_local_base_is_said(entry: LockedSeries) -> None:
    assert status_words(entry, built(*images(entry)), outside("3.14.5", "3.14.6")) == ["current (local base)"] * 5
    there = built(*images(entry, BASE))
    assert status_words(entry, there, outside("3.14.6", base=Fact(DIGEST)), BASE) == ["current"] * 5


def test_a_newer_python_makes_all_but_the_load_image_stale(entry: LockedSeries) -> None:
    found = status_words(entry, built(*images(entry)), outside("3.14.6", "3.14.7", "3.14.10"))
    assert found == ["stale because python 3.14.6 -> 3.14.10"] * 4 + ["current (local base)"]


def test_a_lock_that_was_updated_and_not_built_says_the_same(entry: LockedSeries) -> None:
    newer = entry.model_copy(update={"version": "3.14.7", "sha256": "c" * 64})
    found = status_words(newer, built(*images(entry)), outside("3.14.7"))
    assert found == ["stale because python 3.14.6 -> 3.14.7"] * 4 + ["current (local base)"]


def test_candidates_count_only_when_asked(entry: LockedSeries) -> None:
    upstream = outside("3.14.6", "3.14.7rc1", "3.15.0rc1")
    assert "stale" not in "".join(status_words(entry, built(*images(entry)), upstream))
    found = status_words(entry, built(*images(entry)), upstream, prereleases=True)
    assert found[0] == "stale because python 3.14.6 -> 3.14.7rc1"


def test_a_source_that_has_only_older_ones_makes_nothing_stale(entry: LockedSeries) -> None:
    assert status_words(entry, built(*images(entry)), outside("3.14.5")) == ["current (local base)"] * 5


def test_an_empty_source_is_unknown_and_not_current(entry: LockedSeries) -> None:
    found = status_words(entry, built(*images(entry)), outside("3.13.9"))
    assert found[0] == "unknown because the newest 3.14 cannot be learnt: the source of Pythons lists none of them"


def test_what_was_never_built_is_missing(entry: LockedSeries) -> None:
    assert status_words(entry, {}, outside("3.14.6")) == ["missing because it was never built here"] * 5


def test_another_profiles_image_is_not_this_one(entry: LockedSeries) -> None:
    there = built(*pair_images(entry, "release", LOCAL))
    assert status_words(entry, there, outside("3.14.6"))[:4] == ["missing because it was never built here"] * 4


def test_a_source_that_does_not_answer_is_unknown_also_for_what_is_built(entry: LockedSeries) -> None:
    silent = Upstream(Fact(None, "no route to host"), None)
    found = status_words(entry, built(*images(entry)), silent)
    words = "unknown because the newest 3.14 cannot be learnt: no route to host"
    assert found == [words] * 4 + ["current (local base)"]


def test_a_base_that_moved_is_stale_for_all_and_one_that_does_not_answer_unknown(entry: LockedSeries) -> None:
    there = built(*images(entry, BASE))
    moved = status_words(entry, there, outside("3.14.6", base=Fact("sha256:" + "e" * 64)), BASE)
    words = f"stale because base debian:trixie-slim digest changed {'a' * 12} -> {'e' * 12}"
    assert moved == [words] * 5
    silent = status_words(entry, there, outside("3.14.6", base=Fact(None, "it answers 503")), BASE)
    assert silent == ["unknown because base debian:trixie-slim cannot be looked up: it answers 503"] * 5


@pytest.mark.parametrize(
    ("file", "stale"),
    [("cpython/Dockerfile", 4), ("app/asgi.py", 2), ("app/Dockerfile", 2)],
)
def test_one_changed_byte_is_named_and_a_touched_file_is_not(
    entry: LockedSeries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, stale: int
) -> None:
    shutil.copytree(paths.shipped("images"), tmp_path / "images")
    real = paths.shipped
    monkeypatch.setattr(paths, "shipped", lambda name: tmp_path / name if name == "images" else real(name))
    there = built(*images(entry))
    (tmp_path / "images" / file).touch()
    assert status_words(entry, there, outside("3.14.6")) == ["current (local base)"] * 5
    with (tmp_path / "images" / file).open("a") as stream:
        stream.write("\n")
    found = status_words(entry, there, outside("3.14.6"))
    direct = [words for words in found if words == f"stale because images/{file} changed"]
    assert len(direct) >= 2 and sum(words.startswith("stale") for words in found) == stale


def test_an_image_that_was_removed_by_hand_is_said_to_be_gone(entry: LockedSeries) -> None:
    wanted = images(entry)
    there = {"another-id": built(wanted[0])[wanted[0].id]}
    assert status_words(entry, there, outside("3.14.6"))[0] == "stale because it is gone from the engine"


def test_a_silent_source_is_a_note_too(entry: LockedSeries) -> None:
    found = notes(Lock(series={"3.14": entry}), Upstream(Fact(None, "no route"), None), {})
    assert found[0] == "the newest Pythons cannot be learnt: no route"


def test_a_new_series_a_newer_package_and_the_end_of_life_are_notes(entry: LockedSeries) -> None:
    locked = entry.model_copy(update={"status": "bugfix", "end_of_life": "2030-10"})
    upstream = outside("3.14.6", "3.15.0a2", "3.15.0rc1", flask=Fact("9.0"), fastapi=Fact(None, "it answers 500"))
    found = notes(Lock(series={"3.14": locked}), upstream, {"flask": "3.1.2", "fastapi": "0.1"})
    assert found == [
        "python 3.15.0rc1 is announced; to add it: gilfree images update --python 3.15.0rc1",
        "flask 3.1.2 -> 9.0 is out: gilfree pythons --relock takes it if it has wheels",
        "fastapi: its newest release cannot be learnt: it answers 500",
        "python 3.14: bugfix, end of life 2030-10",
    ]


STATES: list[State] = ["current", "stale", "missing", "unknown"]


@given(st.lists(st.sampled_from(STATES)))
def test_unknown_outweighs_stale_and_stale_current(states: list[State]) -> None:
    code = exit_code([ImageStatus("x", state, "", "x") for state in states], outside("3.14.6"))
    assert code == (BAD_INPUT if "unknown" in states else STALE if {"stale", "missing"} & set(states) else FINE)
    assert (BAD_INPUT, STALE, FINE) == (2, 10, 0)


@pytest.mark.parametrize("silent", [Upstream(Fact(None, "x"), None), Upstream(Fact(()), Fact(None, "x"))])
def test_a_silent_source_is_exit_code_2_also_where_nothing_is_built_yet(silent: Upstream) -> None:
    assert exit_code([ImageStatus("x", "missing", "", "x")], silent) == BAD_INPUT


@pytest.mark.engine
def test_the_command_says_unknown_and_exits_2_when_nothing_answers(
    built_images: list[ImageSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.cli import app

    monkeypatch.setenv("GILFREE_SOURCES", "http://127.0.0.1:1/")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    done = CliRunner().invoke(app, ["images", "check", "--profile", "fast", "--json"])
    answer = json.loads(done.stdout)
    assert done.exit_code == 2 and answer["source"] == "http://127.0.0.1:1/"
    assert {one["state"] for one in answer["images"][:4]} == {"unknown"} and "refused" in answer["images"][0]["reason"]


@pytest.mark.engine
def test_an_unchanged_check_and_a_no_op_build_take_less_than_two_seconds_and_no_network(
    built_images: list[ImageSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    from toolkit.cli import app

    (tmp_path / load_lock().resolve("3.14").tarball).touch()
    monkeypatch.setenv("GILFREE_SOURCES", str(tmp_path))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    seconds: dict[str, float] = {}
    for _ in range(3):  # a shared machine now and then stands still
        done = CliRunner().invoke(app, ["images", "check", "--profile", "fast", "--timing"])
        assert done.exit_code == 0, done.output
        seconds = {name: float(one) for name, one in re.findall(r"(check|no-op build): ([\d.]+) s", done.stderr)}
        if max(seconds.values()) < 2:
            break
    assert seconds.keys() == {"check", "no-op build"} and max(seconds.values()) < 2
