"""A user's dependencies: which of them are not ready for the free-threaded variant, as data and as lines of text."""

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
    """What is known of the dependencies in the file `source`, on Python `series`.

    `gil` is None when there was no free-threaded interpreter to import them with; `unknown_reason` then says so.
    """

    source: str
    series: str
    dependencies: tuple[Dependency, ...]
    gil: GilReport | None
    unknown_reason: str = ""

    @property
    def lacking(self) -> tuple[Dependency, ...]:
        """Those with a wheel for the GIL variant only."""
        return tuple(one for one in self.dependencies if one.variants == "gil only")

    @property
    def from_source(self) -> tuple[Dependency, ...]:
        """Those that have a wheel for neither variant."""
        return tuple(one for one in self.dependencies if one.variants in ("neither", "source"))

    @property
    def ready(self) -> bool:
        """Every package has a free-threaded wheel, and no import switched the GIL on or ended the interpreter.

        False for what was not checked: packages that are built from source, or all where there was no interpreter.
        """
        checked = not self.lacking and not self.from_source and self.gil is not None
        return checked and not (self.gil and (self.gil.switches or self.gil.crashed))

    def as_data(self) -> dict[str, Any]:
        """For `--json`, where `unknown_reason` is called `unasked`."""
        return {
            "source": self.source,
            "series": self.series,
            "dependencies": [asdict(one) for one in self.dependencies],
            "gil": self.gil.as_data() if self.gil else None,
            "unasked": self.unknown_reason,
            "ready": self.ready,
        }


def readiness(path: Path, series: str, interpreter: Interpreter | None, say: Say) -> Readiness:
    """Resolve and import the dependencies that `path` names: a requirements file, a pyproject.toml or a folder with one.

    interpreter: the free-threaded variant of `series`, or None when there is none. Raises GilfreeError when `path` names
    no such file, or the dependencies cannot be resolved.
    """
    source = requirements_file(path)
    say(f"doctor: resolving {source} for Python {series}")
    resolved = resolve(source, series, interpreter.executable if interpreter else None)
    if interpreter is None:
        reason = f"there is no free-threaded {series} here: run `gilfree pythons` first, or give --free-threaded PATH"
        return Readiness(str(source), series, resolved.dependencies, None, reason)
    say(f"doctor: importing every extension module under {interpreter.variant}")
    return Readiness(str(source), series, resolved.dependencies, gil_report(interpreter, resolved))


def requirements_file(path: Path) -> Path:
    """The file that names the dependencies: `path` itself, or in a folder its project file, else requirements.txt.

    Raises GilfreeError when there is none.
    """
    if path.is_dir():
        for name in ("pyproject.toml", "setup.cfg", "setup.py", "requirements.txt"):
            file = path / name
            if file.is_file() and (name != "pyproject.toml" or _is_project(file)):
                return file
        raise GilfreeError(
            f"{path} has neither a pyproject.toml with a project nor a requirements.txt", "name the file itself"
        )
    if not path.is_file():
        raise GilfreeError(f"{path}: no such file", "name a requirements file, a pyproject.toml or a project's folder")
    return path


def _is_project(file: Path) -> bool:
    """Whether a pyproject.toml describes a project; many hold only settings of tools."""
    try:
        found = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as error:
        raise GilfreeError(f"{file}: {error}", "correct it") from None
    return "project" in found or "build-system" in found


def readiness_lines(readiness: Readiness) -> list[str]:
    """The findings as lines of text. Pure."""
    variant = f"{readiness.series}t"
    lines = [f"{readiness.source} on Python {readiness.series}: {len(readiness.dependencies)} packages"]
    lines += _group(f"no wheel for {variant}", [_lacking(one) for one in readiness.lacking], none=True)
    lines += _group(
        "no wheel for either variant, built from source, so not checked", map(_named, readiness.from_source)
    )
    if readiness.gil is None:
        return [*lines, f"  modules that switch the GIL on: unknown, {readiness.unknown_reason}"]
    title = f"modules that switch the GIL on, of {readiness.gil.tried} extension modules imported"
    switches = [
        f"{one.module} ({one.distribution})"
        + (f", loaded by importing {_some(one.imported)}" if one.imported != (one.module,) else "")
        for one in readiness.gil.switches
    ]
    lines += _group(title, switches, none=True)
    lines += _group(
        "imports that end the interpreter, so not ready", [f"{module}: {how}" for module, how in readiness.gil.crashed]
    )
    return lines + _group(
        "not importable alone, so unknown", [f"{module}: {reason}" for module, reason in readiness.gil.failed]
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
