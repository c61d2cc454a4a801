"""Environments of the served apps: the locked packages, the same versions in both variants, cached by content."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.pythons.pair import Interpreter, Pair
from toolkit.pythons.uv import UvFailed, run_uv

Say = Callable[[str], None]

_LIST = """
import importlib.metadata, json
print(json.dumps({d.metadata["Name"].lower().replace("_", "-"): d.version for d in importlib.metadata.distributions()}))
"""
_IGNORED = ("*.pyc", "__pycache__", ".git", ".venv", "results")


def pair_environments(pair: Pair, requirements: Path, project: Path | None, say: Say) -> tuple[Path, Path]:
    """The Python executables of both environments (GIL, free-threaded).

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
    done = subprocess.run([str(python), "-I", "-c", _LIST], capture_output=True, text=True, check=True)
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
        if project is not None:
            say(f"environment: installing {project} for {interpreter.variant}")
            _install_project(project, requirements, folder, target)
    except UvFailed as error:
        raise GilfreeError(
            f"the packages for {interpreter.variant} cannot be installed: {error.message}",
            "`gilfree doctor REQUIREMENTS` lists dependencies that have no wheel for the free-threaded build",
        ) from None
    (folder / "complete").write_text(time.strftime("%Y-%m-%dT%H:%M:%S\n"))
    return python


def _install_project(project: Path, requirements: Path, folder: Path, target: list[str]) -> None:
    """A user's project with dependencies of its own; what is locked stays at the locked version."""
    constraints = folder / "constraints.txt"
    pins = [line.split()[0] for line in requirements.read_text().splitlines() if line[:1].isalnum() and "==" in line]
    constraints.write_text("\n".join(pins) + "\n")
    if any((project / name).exists() for name in ("pyproject.toml", "setup.py", "setup.cfg")):
        what = [str(project)]
    elif (project / "requirements.txt").exists():
        what = ["-r", str(project / "requirements.txt")]
    else:
        return
    run_uv(["pip", "install", *target, "--constraint", str(constraints), *what])


def _key(interpreter: Interpreter, requirements: Path, project: Path | None) -> str:
    facts = interpreter.facts
    parts = [str(interpreter.executable), facts["version"], facts["abi"], facts["build"], facts["config_args"]]
    digest = hashlib.sha256(json.dumps(parts).encode())
    digest.update(requirements.read_bytes())
    if project is not None:
        for file in sorted(project.rglob("*")):
            inside = file.relative_to(project)
            if file.is_file() and not any(part.startswith(".") or part in _IGNORED for part in inside.parts):
                digest.update(str(inside).encode() + b"\0" + file.read_bytes())
    return f"{interpreter.variant}-{digest.hexdigest()[:16]}"
