"""A pair: both variants of one exact version, and the check that they are one. The interpreters themselves are asked."""

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

ASK_TIMEOUT_SECONDS = 30
_PATHS = re.compile(r"^(--(prefix|exec-prefix|srcdir|build|host|with-openssl)=|-f(file|debug)-prefix-map=)")
_JIT = "--enable-experimental-jit=yes-off"


@dataclass(frozen=True)
class Interpreter:
    """One variant: its name (`3.14`, `3.14t`), where it is, and what it says of itself (see verify.py)."""

    variant: str
    executable: Path
    facts: dict[str, Any]

    @property
    def version(self) -> str:
        """Exact version, as it says itself."""
        return str(self.facts["version"])


@dataclass(frozen=True)
class Pair:
    """Both variants. `profile`: `fast` or `release` for built pairs, `upstream` where others built it."""

    series: str
    profile: str
    origin: str
    gil: Interpreter
    free_threaded: Interpreter
    notes: tuple[str, ...] = field(default=())

    def describe(self) -> dict[str, Any]:
        """As campaign.json and `gilfree pythons --json` hold it."""
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
    """Two interpreters that must not be compared; the message says why."""


def ask(executable: Path) -> Interpreter:
    """Ask an interpreter what it is. Raises GilfreeError with its own words when it does not answer."""
    script = paths.shipped("images") / "cpython" / "verify.py"
    command = [str(executable), "-I", str(script)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ASK_TIMEOUT_SECONDS, check=False, env={"LANG": "C.UTF-8"}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GilfreeError(f"{executable} cannot be asked what it is: {error}", "name a working interpreter") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip()[-400:]
        raise GilfreeError(f"{executable} is not usable: {words}", "name an interpreter with all its standard modules")
    facts = json.loads(done.stdout)
    series = ".".join(facts["version"].split(".")[:2])
    return Interpreter(series + ("t" if facts["gil_disabled_build"] else ""), executable, facts)


def verified(gil: Interpreter, free_threaded: Interpreter, version: str, *, built: bool) -> tuple[str, ...]:
    """Check that two interpreters are a pair of `version`; notes for the record are returned. Pure on their facts.

    built: both come from our build.sh, so their configure arguments may differ in `--disable-gil` alone.
    """
    for one, with_gil in ((gil, True), (free_threaded, False)):
        kind = "a GIL" if with_gil else "a free-threaded"
        if one.facts["gil_disabled_build"] == with_gil:
            raise NotAPair(f"{one.executable} is not {kind} build (its ABI is {one.facts['abi']})")
        if one.facts["gil_enabled"] != with_gil:
            raise NotAPair(f"{one.executable}: the GIL is {'off' if with_gil else 'on'} at start", "unset PYTHON_GIL")
        if one.version != version:
            raise NotAPair(
                f"{one.executable} is {one.version}, asked for is {version}",
                "give one of that version, or name its own with --python",
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
            f"their configure arguments differ in {sorted(differing)}, only --disable-gil may", "build both anew"
        )
    if gil.facts["compiler"] != free_threaded.facts["compiler"]:
        raise NotAPair(f"built by {gil.facts['compiler']} and by {free_threaded.facts['compiler']}", "build both anew")
    without = gil.facts["without"]
    return (f"built without {', '.join(without)}: the headers were not there",) if without else ()


def _foreign_notes(gil: Interpreter, free_threaded: Interpreter) -> tuple[str, ...]:
    # Of the build only the first word (its source) can agree: the second is the moment each was compiled.
    for what, mine, other in (
        ("build", gil.facts["build"][0], free_threaded.facts["build"][0]),
        ("compiler", gil.facts["compiler"], free_threaded.facts["compiler"]),
    ):
        if mine != other:
            raise NotAPair(f"not of one build: {what} is {mine} and {other}", "take both from one place")
    differing = differing_arguments(gil.facts, free_threaded.facts) - {"--disable-gil"}
    notes = []
    if _JIT in differing:
        differing.discard(_JIT)
        notes.append("the GIL build carries a JIT that is switched off; the free-threaded one cannot have it")
    if differing:
        notes.append(f"configure arguments differ in {', '.join(sorted(differing))}")
    return tuple(notes)


def differing_arguments(gil: Mapping[str, Any], free_threaded: Mapping[str, Any]) -> set[str]:
    """Configure arguments that one of the two has and the other has not, install and build paths aside."""
    one, other = (
        {a for a in shlex.split(facts["config_args"]) if not _PATHS.match(a)} for facts in (gil, free_threaded)
    )
    return one ^ other
