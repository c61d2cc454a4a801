"""Environments of the served apps: the locked packages, the same versions in both variants, cached by content."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from toolkit import paths
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.pythons.packages import (
    differences_in_words,
    installed_packages,
    package_differences,
    pinned_packages,
)
from toolkit.pythons.pair import Interpreter, Pair
from toolkit.pythons.uv import UvFailed, run_uv

_SERVING = ("granian", "psutil", "rloop", "uvloop")
"""The locked packages that serve any app; a user's project needs none of the others, which are for the sample apps."""

_IGNORED = ("__pycache__", "build", "dist", "results")


def pair_environments(pair: Pair, requirements: Path, project: Path | None, say: Say) -> tuple[Path, Path]:
    """The Python executables of both environments (GIL, free-threaded), with `requirements` and the project installed.

    Raises GilfreeError naming the packages when a wheel is missing or the two environments hold different versions.
    """
    gil, free_threaded = (
        environment(interpreter, requirements, project, say) for interpreter in (pair.gil, pair.free_threaded)
    )
    differences = package_differences(installed_packages(gil), installed_packages(free_threaded))
    if differences:
        raise GilfreeError(
            f"the two variants would be served with different packages: {differences_in_words(differences)}",
            "pin these to versions that both variants have",
        )
    return gil, free_threaded


def environment(interpreter: Interpreter, requirements: Path, project: Path | None, say: Say) -> Path:
    """The Python executable of an interpreter's environment, taken from the cache by its content or made.

    Raises GilfreeError when a package has no wheel for this interpreter.
    """
    folder = paths.cache("environments") / _key(interpreter, requirements, project)
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    say(f"environment: installing {requirements.name} for {interpreter.variant}")
    # In its final place, since a virtual environment cannot be moved; it counts once `complete` is written, at the end.
    run_uv(["venv", "--quiet", "--clear", "--no-project", "--python", str(interpreter.executable), str(folder)])
    target = ["--python", str(python), "--compile-bytecode", "--link-mode", "copy"]
    try:
        run_uv(["pip", "install", *target, "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)])
        if project is not None and is_package(project):
            say(f"environment: installing {project} for {interpreter.variant}")
            run_uv(["pip", "install", *target, "--no-deps", str(project)])
    except UvFailed as error:
        raise GilfreeError(
            f"the packages for {interpreter.variant} cannot be installed: {error.message}",
            "`gilfree doctor REQUIREMENTS` lists dependencies that have no wheel for the free-threaded build",
        ) from None
    (folder / "complete").write_text(time.strftime("%Y-%m-%dT%H:%M:%S\n"))
    return python


def project_requirements(pair: Pair, requirements: Path, project: Path, say: Say) -> Path:
    """The file with a user's project's dependencies and the locked server, locked once for both variants.

    Kept in the cache by content. Resolved for the free-threaded build, which has fewer wheels. Raises GilfreeError with
    uv's message when no set of versions has wheels.
    """
    pinned = pinned_packages(requirements.read_text())
    serving = [f"{name}=={version}" for name, version in pinned.items() if name in _SERVING]
    digest = hashlib.sha256("\n".join([*serving, pair.gil.version]).encode())
    _hash_project(digest, project)
    folder = paths.cache("locks", digest.hexdigest()[:16])
    locked = folder / "requirements.txt"
    if locked.exists():
        return locked
    say(f"project: locking the dependencies of {project} for both variants")
    server = folder / "serving.in"
    server.write_text("\n".join(serving) + "\n")
    inputs = [project / name for name in ("pyproject.toml", "setup.cfg", "setup.py", "requirements.txt")]
    declared = [str(file) for file in inputs if file.exists()][:1]
    partial = folder / f"partial-{time.monotonic_ns()}.txt"
    options = ["--quiet", "--only-binary", ":all:", "--generate-hashes", "--no-header", "--no-annotate"]
    python = ["--python", str(pair.free_threaded.executable)]
    try:
        run_uv(["pip", "compile", *options, *python, "--output-file", str(partial), str(server), *declared])
    except UvFailed as error:
        raise GilfreeError(
            f"the dependencies of {project} cannot be locked for {pair.free_threaded.variant}: {error.message}",
            "`gilfree doctor REQUIREMENTS` lists dependencies that have no wheel for the free-threaded build",
        ) from None
    partial.rename(locked)
    return locked


def _key(interpreter: Interpreter, requirements: Path, project: Path | None) -> str:
    facts = interpreter.facts
    parts = [str(interpreter.executable), facts["version"], facts["abi"], facts["build"], facts["config_args"]]
    digest = hashlib.sha256(json.dumps(parts).encode())
    digest.update(requirements.read_bytes())
    if project is not None:
        _hash_project(digest, project)
    return f"{interpreter.variant}-{digest.hexdigest()[:16]}"


def is_package(project: Path) -> bool:
    """Whether the project can be installed; one that cannot be is imported from its folder."""
    return any((project / name).exists() for name in ("pyproject.toml", "setup.py", "setup.cfg"))


def project_files(project: Path) -> list[Path]:
    """The files of a user's project that count, relative to it: no hidden ones, and none that builds and runs leave."""
    files = (file.relative_to(project) for file in sorted(project.rglob("*")) if file.is_file())
    return [file for file in files if not any(part.startswith(".") or part in _IGNORED for part in file.parts)]


def _hash_project(digest: hashlib._Hash, project: Path) -> None:
    for file in project_files(project):
        digest.update(str(file).encode() + b"\0" + (project / file).read_bytes())
