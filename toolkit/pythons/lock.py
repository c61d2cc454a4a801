"""gilfree.lock: which exact CPython each series stands for, and the hashes that make it that one."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolkit import paths
from toolkit.errors import GilfreeError

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LockedSeries(_Model):
    """One series: its exact version, its tarball's hash, the hash of the packages locked for it."""

    version: str = Field(pattern=r"^3\.[0-9]+\.[0-9]+((a|b|rc)[0-9]+)?$")
    sha256: Sha256
    requirements_sha256: Sha256
    status: str = ""
    end_of_life: str = ""

    @property
    def series(self) -> str:
        """`3.14` of `3.14.7`."""
        return ".".join(self.version.split(".")[:2])

    @property
    def tarball(self) -> str:
        """The file's name as upstream gives it."""
        return f"Python-{self.version}.tar.xz"

    def requirements(self) -> Path:
        """The packages locked for this series, one file for both variants. Raises GilfreeError when it was changed."""
        file = paths.shipped("images") / "app" / f"requirements-{self.series}.txt"
        found = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "no file"
        if found != self.requirements_sha256:
            raise GilfreeError(
                f"{file} is not the locked one: its SHA-256 is {found}, gilfree.lock has {self.requirements_sha256}",
                "restore the file, or lock the packages anew with `gilfree pythons --relock`",
            )
        return file


class LockedBase(_Model):
    """What images begin with. Without a digest it is the engine's own image of that name."""

    name: str = "debian:trixie-slim"
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None


class LockedSources(_Model):
    """The one place that is asked for each fact. The base's is the registry in its name."""

    pythons: str = "https://www.python.org/api/v2/downloads/release/?is_published=true"


class Lock(_Model):
    """The whole lock."""

    base: LockedBase = LockedBase()
    sources: LockedSources = LockedSources()
    series: dict[str, LockedSeries] = Field(min_length=1)

    def resolve(self, asked: str) -> LockedSeries:
        """The locked entry for a series (`3.14`) or an exact version (`3.14.7`). Never silently another version."""
        for entry in self.series.values():
            if asked in (entry.series, entry.version):
                return entry
        known = ", ".join(f"{entry.series} (at {entry.version})" for entry in self.series.values())
        hint = "name the series; both variants are measured: 3.14, not 3.14t. " if asked.endswith("t") else ""
        raise GilfreeError(f"Python {asked!r} is not in gilfree.lock", f"{hint}There is {known}")


def load_lock(file: Path | None = None) -> Lock:
    """Read the lock. Raises GilfreeError naming the file and the key."""
    file = file or paths.shipped("gilfree.lock")
    try:
        return Lock.model_validate(tomllib.loads(file.read_text()))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise GilfreeError(f"{file}: {error}", "restore it from the repository") from None
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise GilfreeError(f"{file}: {key}: {problem['msg']}", "restore it from the repository") from None
