"""Which dependencies have no wheel for the free-threaded variant, without needing an interpreter of either variant.

uv resolves the requirements for the series and lists every file of every version that it chose. Wheel tags alone
(`packaging.tags`) then say which of them each variant could install, so this works before any CPython was built.
A free-threaded build takes neither `cp314-cp314` nor `abi3` wheels, which is why a package can be installable for one
variant only.
"""

from __future__ import annotations

import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from packaging import tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from toolkit.errors import GilfreeError
from toolkit.pythons.uv import UvFailed, run_uv

_INDEX_OPTIONS = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--pre")
Variants = Literal["both", "gil only", "free-threaded only", "neither", "source"]


@dataclass(frozen=True)
class Dependency:
    """One resolved package. `variants`: which of the pair has a wheel of it; "source" is a directory or repository.

    `newest` and `newest_free_threaded` are filled for a package without a free-threaded wheel: its newest version, and
    whether that version has one.
    """

    name: str
    version: str | None
    needed_by: tuple[str, ...]
    variants: Variants
    newest: str | None = None
    newest_free_threaded: bool | None = None

    @property
    def free_threaded(self) -> bool:
        """Whether the free-threaded variant has a wheel of it."""
        return self.variants in ("both", "free-threaded only")

    @property
    def pin(self) -> str:
        """As a requirement."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class Resolved:
    """The packages that uv chose. `index_lines` name the indexes; they may hold credentials, so they are never shown."""

    dependencies: tuple[Dependency, ...]
    index_lines: tuple[str, ...] = field(default=(), repr=False)


def resolve(source: Path, series: str, free_threaded: Path | None = None) -> Resolved:
    """All packages that `source` (a requirements file or a pyproject.toml) needs on `series`, with the wheels they have.

    They are resolved for the GIL variant, which has more wheels; where that cannot be done and the free-threaded
    interpreter is given, for that one. Raises GilfreeError with uv's message when it cannot be resolved for either.
    """
    try:
        return _resolve(source, series, ("--python", sys.executable, "--python-version", series))
    except GilfreeError as for_gil:
        if free_threaded is None:
            raise
        try:
            return _resolve(source, series, ("--python", str(free_threaded)))
        except GilfreeError:
            raise for_gil from None


def _resolve(source: Path, series: str, target: Sequence[str]) -> Resolved:
    """target: uv's options that say for which Python."""
    with tempfile.TemporaryDirectory(prefix="gilfree-doctor-") as name:  # readable by us alone
        folder = Path(name)
        pins = folder / "pins.txt"
        _compile(source, series, pins, *target, "--annotation-style", "line", at=source)
        needed = needed_by(pins.read_text(), source.name)
        # The file may name a private index; the files of its packages are listed from the same one.
        lines = index_lines(source)
        pins.write_text("\n".join([*lines, pins.read_text()]))
        found = classify(_listed(pins, series, target, at=source), series, needed)
        lacking = [one.name for one in found if one.variants == "gil only"]
        if lacking:
            unpinned = folder / "newest.txt"
            unpinned.write_text("\n".join([*lines, *lacking]) + "\n")
            found = with_newest(found, classify(_listed(unpinned, series, target, at=source), series, {}))
        return Resolved(tuple(found), lines)


def index_lines(source: Path) -> tuple[str, ...]:
    """Lines of a requirements file, and of those it includes, that say where packages come from; folders made absolute.

    A project file has none: its settings are found by uv, which runs in its folder.
    """
    if source.suffix in (".toml", ".py", ".cfg"):
        return ()
    found: list[str] = []
    for line in source.read_text().splitlines():
        option, _, value = line.strip().partition("=" if line.startswith("--") and "=" in line.split()[0] else " ")
        value = value.strip()
        if option in ("-r", "--requirement"):
            found += index_lines(source.parent / value)
        elif option in ("-f", "--find-links") and (source.parent / value).is_dir():
            found.append(f"--find-links {(source.parent / value).resolve()}")
        elif option in _INDEX_OPTIONS:
            found.append(line.strip())
    return tuple(dict.fromkeys(found))


def classify(
    packages: Sequence[Mapping[str, Any]], series: str, needed: Mapping[str, tuple[str, ...]]
) -> list[Dependency]:
    """For each of `packages`, which variants of `series` have a wheel of it on this platform. Pure but for the platform.

    packages: entries of a pylock.toml. needed: who needs each package, by its canonical name.
    """
    gil, free_threaded = variant_tags(series, ""), variant_tags(series, "t")
    return [
        Dependency(
            name=package["name"],
            version=package.get("version"),
            needed_by=needed.get(canonicalize_name(package["name"]), ()),
            variants=_variants(package, gil, free_threaded),
        )
        for package in packages
    ]


def variant_tags(series: str, abi_flag: str) -> frozenset[tags.Tag]:
    """The wheel tags that CPython `series` installs on this platform; `abi_flag` is "t" for the free-threaded variant."""
    major, minor = (int(part) for part in series.split(".")[:2])
    platforms = list(tags.platform_tags())
    abi = f"cp{major}{minor}{abi_flag}"
    return frozenset(
        [
            *tags.cpython_tags((major, minor), abis=[abi], platforms=platforms),
            *tags.compatible_tags((major, minor), f"cp{major}{minor}", platforms),
        ]
    )


def needed_by(pins: str, source: str) -> dict[str, tuple[str, ...]]:
    """What needs each package, from uv's line annotations: `idna==3.20  # via anyio, -r requirements.txt`. Pure.

    source: the name that stands for the user's own file.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in pins.splitlines():
        requirement, _, reason = line.partition("# via ")
        if requirement.strip() and reason:
            name = canonicalize_name(requirement.split("==")[0].split("@")[0].strip())
            own = (source if part.startswith(("-", "(")) or source in part else part for part in reason.split(", "))
            found[name] = tuple(dict.fromkeys(part.strip() for part in own))
    return found


def with_newest(found: Sequence[Dependency], newest: Sequence[Dependency]) -> list[Dependency]:
    """`found`, with the newest version filled in for each package that lacks a free-threaded wheel. Pure."""
    by_name: dict[str, Dependency] = {}
    for one in newest:
        kept = by_name.get(one.name)
        if one.version and (kept is None or Version(kept.version or "0") < Version(one.version)):
            by_name[one.name] = one
    return [
        replace(one, newest=by_name[one.name].version, newest_free_threaded=by_name[one.name].free_threaded)
        if one.variants == "gil only" and one.name in by_name
        else one
        for one in found
    ]


def _variants(package: Mapping[str, Any], gil: frozenset[tags.Tag], free_threaded: frozenset[tags.Tag]) -> Variants:
    if "vcs" in package or "directory" in package:
        return "source"
    files = package.get("wheels") or ([package["archive"]] if "archive" in package else [])
    wheels: set[tags.Tag] = set()
    for file in files:
        name = file.get("name") or (file.get("url") or file.get("path") or "").rpartition("/")[2]
        try:
            wheels |= parse_wheel_filename(name.partition("#")[0].replace("%2B", "+"))[3]
        except InvalidWheelFilename:  # an archive of source, or a name that no installer accepts
            continue
    if "archive" in package and not wheels:
        return "source"
    both = bool(wheels & gil), bool(wheels & free_threaded)
    names: dict[tuple[bool, bool], Variants] = {
        (True, True): "both",
        (True, False): "gil only",
        (False, True): "free-threaded only",
        (False, False): "neither",
    }
    return names[both]


def _listed(requirements: Path, series: str, target: Sequence[str], *, at: Path) -> list[Mapping[str, Any]]:
    """The packages that `requirements` names, each with every file, without their dependencies."""
    output = requirements.with_name(f"pylock.{requirements.stem}.toml")
    _compile(requirements, series, output, *target, "--no-deps", "--universal", "--format", "pylock.toml", at=at)
    return list(tomllib.loads(output.read_text()).get("packages", []))


def _compile(requirements: Path, series: str, output: Path, *options: str, at: Path) -> None:
    """Resolve in the folder of the user's file `at`, where uv's settings may be."""
    where = ("--directory", str(at.resolve().parent), "--output-file", str(output), str(requirements.resolve()))
    try:
        run_uv(
            ["pip", "compile", "--no-header", "--quiet", "--no-python-downloads", *options, *where], timeout_seconds=300
        )
    except UvFailed as error:
        raise GilfreeError(
            f"{at} cannot be resolved for Python {series}: {error.message}",
            f"make this work first: uv pip compile --python-version {series} {at}",
        ) from None
