"""A user's dependencies: which are not ready for the free-threaded variant, and how that is told."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.console import Say
from toolkit.doctor.gil import GilReport, gil_report
from toolkit.doctor.wheels import Dependency, resolve
from toolkit.errors import GilfreeError
from toolkit.pythons.pair import Interpreter


@dataclass(frozen=True)
class Readiness:
    """What is known of `source`. `gil` is None when there was no free-threaded interpreter to ask; `unasked` says so."""

    source: str
    series: str
    dependencies: tuple[Dependency, ...]
    gil: GilReport | None
    unasked: str = ""

    @property
    def lacking(self) -> tuple[Dependency, ...]:
        """Those with a wheel for the GIL variant only."""
        return tuple(one for one in self.dependencies if one.variants == "gil only")

    @property
    def from_source(self) -> tuple[Dependency, ...]:
        """Those that either variant would have to build."""
        return tuple(one for one in self.dependencies if one.variants in ("neither", "source"))

    @property
    def ready(self) -> bool:
        """Nothing stands against 3.14t that could be looked at, and all of it was looked at."""
        return not self.lacking and self.gil is not None and not self.gil.switches

    def as_data(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "ready": self.ready}


def readiness(asked: Path, series: str, interpreter: Interpreter | None, say: Say) -> Readiness:
    """Look at a requirements file, a pyproject.toml or a folder with one. Raises GilfreeError when it cannot be resolved."""
    source = requirements_file(asked)
    say(f"doctor: resolving {source} for Python {series}")
    resolved = resolve(source, series)
    if interpreter is None:
        words = f"no free-threaded {series} is here to ask: run `gilfree pythons` first, or give --free-threaded PATH"
        return Readiness(str(source), series, resolved.dependencies, None, words)
    say(f"doctor: importing every extension module under {interpreter.variant}")
    return Readiness(str(source), series, resolved.dependencies, gil_report(interpreter, resolved))


def requirements_file(asked: Path) -> Path:
    """The file that names the dependencies: `asked`, or in a folder its project file or requirements.txt."""
    if asked.is_dir():
        for name in ("pyproject.toml", "setup.cfg", "setup.py", "requirements.txt"):
            file = asked / name
            if file.is_file() and (name != "pyproject.toml" or _is_project(file)):
                return file
        raise GilfreeError(
            f"{asked} holds neither a pyproject.toml with a project nor a requirements.txt", "name the file itself"
        )
    if not asked.is_file():
        raise GilfreeError(f"{asked}: no such file", "name a requirements file, a pyproject.toml or a project's folder")
    return asked


def _is_project(file: Path) -> bool:
    """Many a pyproject.toml holds settings of tools only."""
    try:
        found = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as error:
        raise GilfreeError(f"{file}: {error}", "correct it") from None
    return "project" in found or "build-system" in found


def told(found: Readiness) -> list[str]:
    """The findings as lines for a person. Pure."""
    variant = f"{found.series}t"
    lines = [f"{found.source} on Python {found.series}: {len(found.dependencies)} packages"]
    lines += _group(f"no wheel for {variant}", [_lacking(one) for one in found.lacking], none=True)
    lines += _group("no wheel for either variant, built from source: not looked into", map(_named, found.from_source))
    if found.gil is None:
        return [*lines, f"  modules that switch the GIL on: unknown, {found.unasked}"]
    title = f"modules that switch the GIL on, of {found.gil.tried} extension modules imported"
    switches = [
        f"{one.module} ({one.distribution})"
        + (f", loaded by importing {_some(one.imported)}" if one.imported != (one.module,) else "")
        for one in found.gil.switches
    ]
    lines += _group(title, switches, none=True)
    return lines + _group(
        "not importable by itself, so nothing is known of", [f"{module}: {why}" for module, why in found.gil.untold]
    )


def _lacking(one: Dependency) -> str:
    if one.newest is None:
        return _named(one)
    if one.newest_free_threaded:
        return f"{_named(one)}: {one.newest} has one"
    return f"{_named(one)}: " + (
        "it is the newest version" if one.newest == one.version else f"nor has the newest version, {one.newest}"
    )


def _named(one: Dependency) -> str:
    by = f" (needed by {_some(one.needed_by)})" if one.needed_by else ""
    return f"{one.name} {one.version or ''}".strip() + by


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _group(title: str, items: Any, none: bool = False) -> list[str]:
    listed = list(items)
    if not listed:
        return [f"  {title}: none"] if none else []
    return [f"  {title}: {len(listed)}", *(f"    {item}" for item in listed)]
