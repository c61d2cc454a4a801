"""A pair is one version, one build, one difference; anything else is refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import GilfreeError
from toolkit.pythons.find import find_pair
from toolkit.pythons.pair import Interpreter, NotAPair, Pair, differing_arguments, inspect_interpreter, verify_pair


def changed(one: Interpreter, **facts: Any) -> Interpreter:
    return replace(one, facts={**one.facts, **facts})


def test_the_real_pair_is_one(pair: Pair) -> None:
    assert pair.gil.version == pair.free_threaded.version
    assert pair.gil.facts["gil_enabled"]
    assert not pair.free_threaded.facts["gil_enabled"]
    if pair.profile in ("fast", "release"):
        assert differing_arguments(pair.gil.facts, pair.free_threaded.facts) == {"--disable-gil"}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"version": "3.14.6"}, r"is 3\.14\.6, not "),
        ({"gil_disabled_build": False}, "not a free-threaded build"),
        ({"gil_enabled": True}, "the GIL is on"),
        ({"jit_enabled": True}, "JIT"),
        ({"config_args": "'--disable-gil' '--with-lto' '--prefix=/x'"}, "--with-lto"),
        ({"compiler": "Clang 19"}, "Clang 19"),
        ({"without": ["readline", "curses"]}, "standard modules differ"),
    ],
)
def test_what_is_no_pair_is_refused_with_the_reason(pair: Pair, facts: dict[str, Any], words: str) -> None:
    gil = changed(pair.gil, config_args="'--prefix=/a'")
    free = changed(pair.free_threaded, config_args="'--prefix=/b' '--disable-gil'")
    assert isinstance(verify_pair(gil, free, gil.version, built=True), tuple)
    with pytest.raises(NotAPair, match=words):
        verify_pair(gil, changed(free, **facts), gil.version, built=True)


def test_uvs_dormant_jit_flag_is_allowed_and_noted(pair: Pair) -> None:
    gil = changed(pair.gil, config_args="'--enable-experimental-jit=yes-off' '--with-lto'")
    free = changed(pair.free_threaded, config_args="'--disable-gil' '--with-lto'")
    notes = verify_pair(gil, free, gil.version, built=False)
    assert "JIT that is switched off" in notes[0]


def test_explicit_paths_are_taken_and_checked(pair: Pair) -> None:
    found = find_pair(pair.gil.version, explicit=(pair.gil.executable, pair.free_threaded.executable), say=print)
    assert found.origin == "paths given by the user"
    with pytest.raises(NotAPair, match="not a GIL build"):
        find_pair("3.14", explicit=(pair.free_threaded.executable, pair.gil.executable), say=print)


@pytest.mark.parametrize("asked", ["3.13", "3.14.6", "3.14t", "latest"])
def test_never_another_version_than_asked(asked: str) -> None:
    with pytest.raises(GilfreeError, match=f"Python '{asked}' is not in gilfree.lock"):
        find_pair(asked, say=print)


def test_what_is_no_interpreter_is_named() -> None:
    with pytest.raises(GilfreeError, match="/bin/false"):
        inspect_interpreter(Path("/bin/false"))
