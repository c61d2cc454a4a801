"""A pair is one version, one build, one difference; anything else is refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import GilfreeError
from toolkit.pythons.find import find_pair
from toolkit.pythons.optimisation import build_profile
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


RELEASE = "'--enable-optimizations' '--with-lto'"


@pytest.mark.parametrize(
    ("arguments", "profile"),
    [
        (RELEASE, "release"),
        ("'--with-lto=full' '--enable-optimizations' '--enable-shared'", "release"),
        ("'--prefix=/x' '--enable-shared'", "fast"),
        ("'--prefix=/x' '--without-lto' '--disable-optimizations'", "fast"),
        ("'--prefix=/x' 'LDFLAGS=-L/x -Wl,-rpath,/x'", "fast"),
        ("'--enable-optimizations'", "unknown"),
        ("'--with-lto'", "unknown"),
        ("'--with-dtrace' 'LDFLAGS=  -g -fwrapv -O2   '", "unknown"),  # Debian's, which has both by other ways
        ("'--prefix=/x' 'CFLAGS=-O0'", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_builds_profile_is_what_its_configure_arguments_say(arguments: str, profile: str) -> None:
    assert build_profile({"config_args": arguments}) == profile


def test_a_pair_that_gilfree_built_says_its_profile_itself(pair: Pair) -> None:
    assert build_profile(pair.gil.facts) == build_profile(pair.free_threaded.facts) == pair.profile
    given = find_pair(pair.gil.version, explicit=(pair.gil.executable, pair.free_threaded.executable), say=print)
    assert given.profile == pair.profile


@pytest.mark.parametrize(
    ("gil", "free", "words"),
    [
        (RELEASE, "'--prefix=/x'", "alone has --enable-optimizations, --with-lto"),
        ("'--enable-shared'", "'--enable-shared' '--with-lto'", "alone has --with-lto"),
        (RELEASE, RELEASE + " 'CFLAGS=-O0'", "alone has -O0"),
        (RELEASE, RELEASE + " '--enable-bolt'", "alone has --enable-bolt"),
    ],
)
def test_builds_that_are_optimised_differently_are_refused(pair: Pair, gil: str, free: str, words: str) -> None:
    one = changed(pair.gil, config_args=gil)
    with pytest.raises(NotAPair, match=words):
        verify_pair(one, changed(pair.free_threaded, config_args=free + " '--disable-gil'"), one.version, built=False)


@pytest.mark.parametrize(
    "facts",
    [
        {"abi": "cpython-314td-x86_64-linux-gnu"},
        {"config_args": "'--with-pydebug' '--disable-gil'"},
    ],
)
@pytest.mark.parametrize("built", [True, False])
def test_a_debug_build_is_refused_by_name(pair: Pair, facts: dict[str, Any], built: bool) -> None:
    debug = changed(pair.free_threaded, **facts)
    with pytest.raises(NotAPair, match=rf"{debug.executable} is a debug build \(Py_DEBUG"):
        verify_pair(pair.gil, debug, pair.gil.version, built=built)


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
