"""gilfree.lock: which exact CPython each series stands for, and the hashes that identify its source and packages."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolkit import paths
from toolkit.errors import GilfreeError

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LockedSeries(_Model):
    """One series: its exact version, the SHA-256 of its tarball and of the file of packages locked for it."""

    version: str = Field(pattern=r"^3\.[0-9]+\.[0-9]+((a|b|rc)[0-9]+)?$")
    sha256: Sha256
    requirements_sha256: Sha256
    status: str = ""
    end_of_life: str = ""

    @property
    def series(self) -> str:
        """`3.14` of `3.14.7`."""
        return series_of(self.version)

    @property
    def tarball(self) -> str:
        """The tarball's file name, as upstream gives it."""
        return f"Python-{self.version}.tar.xz"

    def requirements(self) -> Path:
        """The file of packages locked for this series, for both variants. Raises GilfreeError when it was changed."""
        file = requirements_file(self.series)
        found = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "no file"
        if found != self.requirements_sha256:
            raise GilfreeError(
                f"{file} is not the locked one: its SHA-256 is {found}, gilfree.lock has {self.requirements_sha256}",
                "restore the file, or lock the packages again with `gilfree pythons --relock`",
            )
        return file


class LockedBase(_Model):
    """The image that all others begin with. Without a digest it is the engine's own image of that name."""

    name: str = "debian:trixie-slim"
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None


class LockedSources(_Model):
    """The one place that is asked for each fact. For the base it is the registry in its name."""

    pythons: str = "https://www.python.org/api/v2/downloads/release/?is_published=true"


class Lock(_Model):
    """The whole lock."""

    base: LockedBase = LockedBase()
    sources: LockedSources = LockedSources()
    series: dict[str, LockedSeries] = Field(min_length=1)

    def resolve(self, python: str) -> LockedSeries:
        """The locked entry for a series (`3.14`) or an exact version (`3.14.7`).

        Raises GilfreeError naming the locked series when it is none of them; another version is never taken instead.
        """
        for entry in self.series.values():
            if python in (entry.series, entry.version):
                return entry
        known = ", ".join(f"{entry.series} (at {entry.version})" for entry in self.series.values())
        hint = "name the series; both variants are measured: 3.14, not 3.14t. " if python.endswith("t") else ""
        raise GilfreeError(f"Python {python!r} is not in gilfree.lock", f"{hint}There is {known}")


def series_of(version: str) -> str:
    """`3.14` of `3.14.7` and of `3.14.0rc1`."""
    return ".".join(version.split(".")[:2])


def requirements_file(series: str) -> Path:
    """The file of packages locked for a series, whether it is there or not."""
    return paths.shipped("images") / "app" / f"requirements-{series}.txt"


def top_level_file(series: str) -> Path:
    """The file with the packages that are asked for, of which the locked ones are the resolution; there or not."""
    return paths.shipped("images") / "app" / f"requirements-{series}.in"


def load_lock(file: Path | None = None) -> Lock:
    """Read the lock (gilfree.lock by default). Raises GilfreeError naming the file and the wrong key."""
    file = file or paths.shipped("gilfree.lock")
    try:
        return Lock.model_validate(tomllib.loads(file.read_text()))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise GilfreeError(f"{file}: {error}", "restore it from the repository") from None
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise GilfreeError(f"{file}: {key}: {problem['msg']}", "restore it from the repository") from None


@contextmanager
def edited_lock() -> Iterator[tomlkit.TOMLDocument]:
    """gilfree.lock, to be changed in place; comments and layout stay as they are.

    Written as a whole when the block ends without an error. Raises GilfreeError, with the file as it was, when the
    changed lock would not be valid.
    """
    file = paths.shipped("gilfree.lock")
    document = tomlkit.parse(file.read_text())
    yield document
    partial = file.with_suffix(".part")
    try:
        partial.write_text(tomlkit.dumps(document))
        load_lock(partial)
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
