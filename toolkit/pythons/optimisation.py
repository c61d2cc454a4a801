"""How an interpreter was optimised, as its own configure arguments say; names and paths are never asked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, Literal

BuildProfile = Literal["fast", "release", "unknown"]

_OFF = re.compile(r"--(without-lto|disable-optimizations|disable-bolt)|--(with|enable)-(lto|optimizations|bolt)=no")
_OPTION = re.compile(r"(--enable-optimizations|--with-lto|--enable-bolt|--with-tail-call-interp)(=.*)?")
_COMPILER_VARIABLE = re.compile(r"(OPT|\w*CFLAGS\w*|\w*LDFLAGS\w*)=(.*)", re.DOTALL)
_COMPILER_FLAG = re.compile(r"-(O\w*|flto\S*|fprofile\S*|march=\S*|mtune=\S*)")
_DEBUG_ABI = re.compile(r"cpython-\d+t?d\b")


def optimisations(facts: Mapping[str, Any]) -> frozenset[str]:
    """The configure arguments and compiler flags that make an interpreter faster or slower. facts: of verify.py."""
    found: set[str] = set()
    for argument in _arguments(facts):
        if _OFF.fullmatch(argument):
            continue
        if _OPTION.fullmatch(argument):
            found.add(argument.removesuffix("=yes"))
        elif variable := _COMPILER_VARIABLE.fullmatch(argument):
            found |= {word for word in variable[2].split() if _COMPILER_FLAG.fullmatch(word)}
    return frozenset(found)


def build_profile(facts: Mapping[str, Any]) -> BuildProfile:
    """`release` for a build with PGO and LTO, `fast` for one with neither, `unknown` where that cannot be said. Pure.

    It cannot be said of a build without configure arguments, of one with only one of the two, and of one whose packager
    gave the compiler optimisation flags (Debian does PGO and LTO without the configure options). facts: of verify.py.
    """
    if not _arguments(facts):
        return "unknown"
    found = optimisations(facts)
    named = {one.partition("=")[0] for one in found}
    if {"--enable-optimizations", "--with-lto"} <= named:
        return "release"
    return "unknown" if found else "fast"


def is_debug_build(facts: Mapping[str, Any]) -> bool:
    """Whether it was built with Py_DEBUG, which makes it several times slower. facts: of verify.py."""
    return "--with-pydebug" in _arguments(facts) or bool(_DEBUG_ABI.match(str(facts["abi"])))


def _arguments(facts: Mapping[str, Any]) -> list[str]:
    return shlex.split(str(facts["config_args"]))
