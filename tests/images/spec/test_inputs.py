"""An image's id changes with what it is made of, and with nothing else; two sets of inputs tell what changed."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit import paths
from toolkit.images.spec.inputs import BaseImage, content_id, input_changes, load_image, pair_images
from toolkit.pythons.lock import LockedSeries, load_lock

BASE = BaseImage("debian:trixie-slim", "sha256:" + "a" * 64, "linux/amd64")


@pytest.fixture
def entry() -> LockedSeries:
    return load_lock().resolve("3.14")


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of images/, to be changed."""
    shutil.copytree(paths.shipped("images"), tmp_path / "images")
    real = paths.shipped
    monkeypatch.setattr(paths, "shipped", lambda name: tmp_path / name if name == "images" else real(name))
    return tmp_path / "images"


def ids(entry: LockedSeries, base: BaseImage = BASE) -> list[str]:
    return [one.id for one in (*pair_images(entry, "fast", base), load_image(base))]


def test_the_two_runtimes_of_a_pair_differ_in_one_argument_alone(entry: LockedSeries) -> None:
    gil, free_threaded, *_ = pair_images(entry, "release", BASE)
    assert {k for k in gil.inputs if gil.inputs[k] != free_threaded.inputs[k]} == {"variant"}
    assert {k for k in gil.arguments if gil.arguments[k] != free_threaded.arguments[k]} == {"VARIANT"}
    assert free_threaded.arguments["VARIANT"] == "--disable-gil"


def test_touching_every_file_changes_no_id(entry: LockedSeries, images: Path) -> None:
    before = ids(entry)
    for file in images.rglob("*"):
        os.utime(file, (1, 1))
    assert ids(entry) == before


@pytest.mark.parametrize(
    ("file", "rebuilt"),
    [
        ("cpython/Dockerfile", [True, True, True, True, False]),
        ("cpython/build.sh", [True, True, True, True, False]),
        ("app/asgi.py", [False, False, True, True, False]),
        ("app/runtime.py", [False, False, True, True, False]),
        ("app/Dockerfile", [False, False, True, True, False]),
        ("load/Dockerfile", [False, False, False, False, True]),
        ("network.sh", [True, True, True, True, True]),
    ],
)
def test_one_changed_byte_rebuilds_what_is_made_of_it_and_is_named(
    entry: LockedSeries, images: Path, file: str, rebuilt: list[bool]
) -> None:
    old = [*pair_images(entry, "fast", BASE), load_image(BASE)]
    with (images / file).open("a") as stream:
        stream.write("#")
    new = [*pair_images(entry, "fast", BASE), load_image(BASE)]
    assert [one.id != other.id for one, other in zip(old, new, strict=True)] == rebuilt
    named = [
        input_changes(one.inputs, other.inputs)
        for one, other, is_rebuilt in zip(old, new, rebuilt, strict=True)
        if is_rebuilt
    ]
    for words in named:
        assert words == [f"images/{file} changed"]


def test_another_package_version_recompiles_no_python(entry: LockedSeries, images: Path) -> None:
    before = pair_images(entry, "fast", BASE)
    locked = images / "app" / "requirements-3.14.txt"
    locked.write_text(locked.read_text().replace("flask==", "flask==9"))
    bumped = entry.model_copy(update={"requirements_sha256": hashlib.sha256(locked.read_bytes()).hexdigest()})
    after = pair_images(bumped, "fast", BASE)
    assert [one.id == other.id for one, other in zip(before, after, strict=True)] == [True, True, False, False]


def test_a_new_python_is_said_in_words_for_runtime_and_app(entry: LockedSeries) -> None:
    newer = entry.model_copy(update={"version": "3.14.99", "sha256": "b" * 64})
    for old, new in zip(pair_images(entry, "fast", BASE), pair_images(newer, "fast", BASE), strict=True):
        assert f"python {entry.version} -> 3.14.99" in input_changes(old.inputs, new.inputs)


def test_profile_and_base_are_part_of_the_id_and_of_the_words(entry: LockedSeries) -> None:
    fast, release = pair_images(entry, "fast", BASE)[0], pair_images(entry, "release", BASE)[0]
    assert input_changes(fast.inputs, release.inputs) == ["profile fast -> release"]
    moved = BaseImage(BASE.name, "sha256:" + "c" * 64, BASE.platform)
    assert all(one != other for one, other in zip(ids(entry), ids(entry, moved), strict=True))


def test_a_fast_build_never_takes_the_tag_of_a_release_build(entry: LockedSeries) -> None:
    release = [one.moving_tag for one in pair_images(entry, "release", BASE)]
    fast = [one.moving_tag for one in pair_images(entry, "fast", BASE)]
    assert release == ["3.14", "3.14t", "3.14", "3.14t"]
    assert fast == ["3.14-fast", "3.14t-fast", "3.14-fast", "3.14t-fast"]


def test_a_local_base_is_named_as_it_is_and_another_is_pinned() -> None:
    assert BaseImage("debian:trixie-slim", "local:sha256:12", "linux/amd64").reference == "debian:trixie-slim"
    assert BASE.reference == f"debian:trixie-slim@{BASE.identity}"


@given(st.dictionaries(st.text(), st.text()), st.randoms())
def test_the_order_of_inputs_is_no_part_of_the_id(inputs: dict[str, str], shuffled: random.Random) -> None:
    names = list(inputs)
    shuffled.shuffle(names)
    assert content_id({name: inputs[name] for name in names}) == content_id(inputs)


@given(st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.text()))
def test_different_inputs_have_different_ids_and_say_so(one: dict[str, str], other: dict[str, str]) -> None:
    assert (content_id(one) == content_id(other)) == (one == other) == (input_changes(one, other) == [])
