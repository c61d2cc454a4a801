"""A pair: both variants of one exact version, and the check that two interpreters are one; they describe themselves."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.pythons.lock import series_of
from toolkit.pythons.optimisation import build_profile, is_debug_build, optimisations

INSPECT_TIMEOUT_SECONDS = 30
_PATHS = re.compile(r"^(--(prefix|exec-prefix|srcdir|build|host|with-openssl)=|-f(file|debug)-prefix-map=)")
_JIT = "--enable-experimental-jit=yes-off"


@dataclass(frozen=True)
class Interpreter:
    """One variant: its name (`3.14`, `3.14t`), its path, and the facts that verify.py printed when it ran it."""

    variant: str
    executable: Path
    facts: dict[str, Any]

    @property
    def version(self) -> str:
        """The exact version, `3.14.7`."""
        return str(self.facts["version"])


@dataclass(frozen=True)
class Pair:
    """Both variants.

    profile: `fast` or `release`, `unknown` where the interpreters do not say (optimisation.py). origin: where
    it comes from, in words. notes: what a report should say about the pair.
    """

    series: str
    profile: str
    origin: str
    gil: Interpreter
    free_threaded: Interpreter
    notes: tuple[str, ...] = field(default=())

    def describe(self) -> dict[str, Any]:
        """The pair for campaign.json and `gilfree pythons --json`."""
        return {
            "series": self.series,
            "version": self.gil.version,
            "profile": self.profile,
            "origin": self.origin,
            "notes": list(self.notes),
            "gil": {"executable": str(self.gil.executable), **self.gil.facts},
            "free_threaded": {"executable": str(self.free_threaded.executable), **self.free_threaded.facts},
        }


class NotAPair(GilfreeError):
    """Two interpreters that must not be compared with each other; the message says why."""


def inspect_interpreter(executable: Path) -> Interpreter:
    """Run verify.py with an interpreter. Raises GilfreeError with its output when it does not run or lacks a module."""
    script = paths.shipped("images") / "cpython" / "verify.py"
    command = [str(executable), "-I", str(script)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=INSPECT_TIMEOUT_SECONDS,
            check=False,
            env={"LANG": "C.UTF-8"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GilfreeError(f"{executable} cannot be run: {error}", "name a working interpreter") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip()[-400:]
        raise GilfreeError(f"{executable} is not usable: {words}", "name an interpreter with all its standard modules")
    facts = json.loads(done.stdout)
    return Interpreter(variant_of(facts), executable, facts)


def foreign_pair(series: str, version: str, origin: str, gil: Interpreter, free_threaded: Interpreter) -> Pair:
    """The pair of two interpreters that gilfree did not build; its profile is what both say of themselves.

    Raises NotAPair as `verify_pair` does.
    """
    notes = verify_pair(gil, free_threaded, version, built=False)
    return Pair(series, build_profile(gil.facts), origin, gil, free_threaded, notes)


def variant_of(facts: Mapping[str, Any]) -> str:
    """`3.14` or `3.14t`, from what verify.py printed."""
    return series_of(facts["version"]) + ("t" if facts["gil_disabled_build"] else "")


def verify_pair(gil: Interpreter, free_threaded: Interpreter, version: str, *, built: bool) -> tuple[str, ...]:
    """Check that two interpreters are a pair of `version`; the notes of the pair are returned.

    built: gilfree built both, so their configure arguments may differ in `--disable-gil` only. Raises NotAPair with the
    first difference that is not allowed.
    """
    for one, with_gil in ((gil, True), (free_threaded, False)):
        kind = "a GIL" if with_gil else "a free-threaded"
        if one.facts["gil_disabled_build"] == with_gil:
            raise NotAPair(f"{one.executable} is not {kind} build (its ABI is {one.facts['abi']})")
        if one.facts["gil_enabled"] != with_gil:
            raise NotAPair(f"{one.executable}: the GIL is {'off' if with_gil else 'on'} at start", "unset PYTHON_GIL")
        if one.version != version:
            raise NotAPair(
                f"{one.executable} is {one.version}, not {version}",
                "name an interpreter of that version, or the version of this one with --python",
            )
        if is_debug_build(one.facts):
            raise NotAPair(
                f"{one.executable} is a debug build (Py_DEBUG, ABI {one.facts['abi']}): its speed says nothing",
                "name an interpreter that is built without --with-pydebug",
            )
        if one.facts["jit_enabled"]:
            raise NotAPair(f"{one.executable} has its JIT on", "unset PYTHON_JIT")
    if gil.facts["without"] != free_threaded.facts["without"]:
        raise NotAPair(
            f"standard modules differ: without {gil.facts['without']} and without {free_threaded.facts['without']}"
        )
    return _built_notes(gil, free_threaded) if built else _foreign_notes(gil, free_threaded)


def _built_notes(gil: Interpreter, free_threaded: Interpreter) -> tuple[str, ...]:
    differing = differing_arguments(gil.facts, free_threaded.facts)
    if differing != {"--disable-gil"}:
        raise NotAPair(
            f"their configure arguments differ in {sorted(differing)}, only --disable-gil may differ",
            "build both again",
        )
    if gil.facts["compiler"] != free_threaded.facts["compiler"]:
        raise NotAPair(f"built by {gil.facts['compiler']} and by {free_threaded.facts['compiler']}", "build both again")
    without = gil.facts["without"]
    return (f"built without {', '.join(without)}: the headers were not there",) if without else ()


def _foreign_notes(gil: Interpreter, free_threaded: Interpreter) -> tuple[str, ...]:
    # Only the first part of `build` (the source) can agree: the second is the moment of compilation.
    for what, mine, other in (
        ("build", gil.facts["build"][0], free_threaded.facts["build"][0]),
        ("compiler", gil.facts["compiler"], free_threaded.facts["compiler"]),
    ):
        if mine != other:
            raise NotAPair(f"they are not of one build: {what} is {mine} and {other}", "take both from one place")
    mine, other = optimisations(gil.facts), optimisations(free_threaded.facts)
    if mine != other:
        raise NotAPair(
            f"their builds are optimised differently: {gil.executable} {_with(mine - other)},"
            f" {free_threaded.executable} {_with(other - mine)}",
            "take both from one place, built with the same options",
        )
    differing = differing_arguments(gil.facts, free_threaded.facts) - {"--disable-gil"}
    notes = []
    if _JIT in differing:
        differing.discard(_JIT)
        notes.append("the GIL build carries a JIT that is switched off; the free-threaded one cannot have it")
    if differing:
        notes.append(f"configure arguments differ in {', '.join(sorted(differing))}")
    return tuple(notes)


def _with(only_here: frozenset[str]) -> str:
    return f"alone has {', '.join(sorted(only_here))}" if only_here else "has nothing that the other lacks"


def differing_arguments(gil: Mapping[str, Any], free_threaded: Mapping[str, Any]) -> set[str]:
    """Configure arguments that only one of the two has, apart from paths of installation and build."""
    one, other = (
        {a for a in shlex.split(facts["config_args"]) if not _PATHS.match(a)} for facts in (gil, free_threaded)
    )
    return one ^ other
