"""Where a pair comes from: what is optimised and here is preferred, and every way that fails says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.pythons.build import build_key
from toolkit.pythons.find import find_pair, pair_at_hand
from toolkit.pythons.lock import LockedSeries, load_lock
from toolkit.pythons.pair import Pair


@pytest.fixture
def entry(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LockedSeries:
    """The locked series, with an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return load_lock().resolve("3.14")


def put_in_cache(entry: LockedSeries, profile: str, pair: Pair) -> None:
    """The real pair as one that was built with `profile`."""
    folder = paths.cache("pythons") / build_key(entry, profile)
    folder.mkdir()
    for name, one in (("gil", pair.gil), ("free-threaded", pair.free_threaded)):
        (folder / name).symlink_to(one.executable.parents[1])


def test_a_release_build_that_is_here_is_preferred_to_a_fast_one(pair: Pair, entry: LockedSeries) -> None:
    put_in_cache(entry, "fast", pair)
    said: list[str] = []
    found = pair_at_hand(entry, "fast", said.append)
    assert found is not None and found.profile == "fast"
    put_in_cache(entry, "release", pair)
    found = find_pair("3.14", profile="fast", say=said.append)
    assert found.profile == "release"
    assert said[-1].endswith("built here before (release)")


def test_a_pair_for_a_comparison_with_a_fast_one_is_fast(pair: Pair, entry: LockedSeries) -> None:
    put_in_cache(entry, "fast", pair)
    put_in_cache(entry, "release", pair)
    assert find_pair("3.14", profile="fast", say=print, optimised=False).profile == "fast"


def test_a_damaged_download_of_uv_is_passed_over_with_the_reason(
    pair: Pair, entry: LockedSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "http://127.0.0.1:9/nothing")
    put_in_cache(entry, "fast", pair)
    for kind in ("", "+freethreaded"):
        (paths.cache("uv-pythons") / f"cpython-{entry.version}{kind}-linux-x86_64-gnu" / "bin").mkdir(parents=True)
    said: list[str] = []
    found = pair_at_hand(entry, "fast", said.append)
    assert found is not None and found.profile == "fast"
    assert any(words.startswith("pythons: downloaded by uv before cannot be used: ") for words in said)


def test_where_uv_downloads_nothing_the_tarball_is_tried_and_every_way_is_named(
    entry: LockedSeries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "http://127.0.0.1:9/nothing")
    monkeypatch.setenv("GILFREE_SOURCES", str(tmp_path / "nowhere"))
    said: list[str] = []
    with pytest.raises(GilfreeError) as error:
        find_pair("3.14", say=said.append)
    assert any(words.startswith("pythons: uv's builds cannot be used: ") for words in said)
    assert f"no source has {entry.tarball}" in error.value.message
    assert "GILFREE_SOURCES" in error.value.remedy
