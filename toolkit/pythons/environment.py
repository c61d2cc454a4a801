"""Environments of the served apps: the locked packages, the same versions in both variants, cached by content."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from pathlib import Path

from toolkit import paths
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.pythons.pair import Interpreter, Pair
from toolkit.pythons.uv import UvFailed, run_uv

LIST_PACKAGES = """
import importlib.metadata, json
print(json.dumps({d.metadata["Name"].lower().replace("_", "-"): d.version for d in importlib.metadata.distributions()}))
"""
_SERVING = ("granian", "psutil", "rloop", "uvloop")
"""Of the locked packages, those that serve any app; what else the sample apps need is no concern of a user's project."""

_IGNORED = ("__pycache__", "build", "dist", "results")


def pair_environments(pair: Pair, requirements: Path, project: Path | None, say: Say) -> tuple[Path, Path]:
    """The Python executables of both environments (GIL, free-threaded): `requirements`, then the project itself.

    Raises GilfreeError naming the packages when a wheel is missing or the two ended up with different versions.
    """
    found = []
    for interpreter in (pair.gil, pair.free_threaded):
        found.append(environment(interpreter, requirements, project, say))
    gil, free_threaded = (packages(python) for python in found)
    differing = sorted(name for name in gil.keys() | free_threaded.keys() if gil.get(name) != free_threaded.get(name))
    if differing:
        words = ", ".join(
            f"{name} ({gil.get(name, 'none')} and {free_threaded.get(name, 'none')})" for name in differing
        )
        raise GilfreeError(
            f"the two variants would be served with different packages: {words}",
            "pin these to versions that both variants have",
        )
    return found[0], found[1]


def packages(python: Path) -> dict[str, str]:
    """Versions by package name, as the environment itself has them."""
    done = subprocess.run([str(python), "-I", "-c", LIST_PACKAGES], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def environment(interpreter: Interpreter, requirements: Path, project: Path | None, say: Say) -> Path:
    """The environment's Python executable; made when its content is not in the cache yet."""
    folder = paths.cache("environments") / _key(interpreter, requirements, project)
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    say(f"environment: installing {requirements.name} for {interpreter.variant}")
    # In its final place, since a virtual environment cannot be moved; `complete`, written last, makes it count.
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
    """Lock a user's project together with the locked server, once for both variants; kept in the cache by content.

    Resolved for the free-threaded build, since that is the one with fewer wheels. Raises GilfreeError with uv's words
    when there is no set of versions with wheels.
    """
    pins = [line.split()[0] for line in requirements.read_text().splitlines() if "==" in line and line[:1].isalnum()]
    serving = [pin for pin in pins if pin.split("==")[0] in _SERVING]
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
    """Whether the project can be installed; one that cannot is imported from its folder."""
    return any((project / name).exists() for name in ("pyproject.toml", "setup.py", "setup.cfg"))


def project_files(project: Path) -> list[Path]:
    """What of a user's project counts, relative to it: no hidden files, nothing that builds and runs leave."""
    inside = (file.relative_to(project) for file in sorted(project.rglob("*")) if file.is_file())
    return [file for file in inside if not any(part.startswith(".") or part in _IGNORED for part in file.parts)]


def _hash_project(digest: hashlib._Hash, project: Path) -> None:
    for file in project_files(project):
        digest.update(str(file).encode() + b"\0" + (project / file).read_bytes())
