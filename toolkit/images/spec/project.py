"""A user's own app for both variants: `gilfree images build --project DIR --app pkg.module:app`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.pythons.environment import project_files, project_requirements
from toolkit.pythons.find import find_pair
from toolkit.pythons.lock import load_lock

Interface = Literal["asgi", "wsgi"]


@dataclass(frozen=True)
class Project:
    """A user's project: its folder, the files of it that go into the image (relative paths), the locked packages, and
    the app that Granian serves (`module:attribute`, its interface)."""

    name: str
    folder: Path
    files: tuple[str, ...]
    requirements: Path
    target: str
    interface: Interface


def open_project(folder: Path, target: str, interface: str, python: str, say: Say) -> Project:
    """Check folder, target and interface, and lock the project's dependencies with the server, once for both variants.

    Raises GilfreeError naming the wrong option, or for dependencies without wheels for the free-threaded build.
    """
    if not folder.is_dir():
        raise GilfreeError(f"--project {folder} is no folder", "name the folder with the app's pyproject.toml")
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", target):
        raise GilfreeError(f"--app {target!r} is no app", "give module and attribute: --app package.module:app")
    if interface not in ("asgi", "wsgi"):
        raise GilfreeError(f"there is no interface {interface!r}", "take asgi or wsgi")
    folder = folder.resolve()
    pair = find_pair(python, say=say)
    requirements = project_requirements(pair, load_lock().resolve(python).requirements(), folder, say)
    files = tuple(str(file) for file in project_files(folder))
    return Project(project_name(folder), folder, files, requirements, target, "wsgi" if interface == "wsgi" else "asgi")


def project_name(folder: Path) -> str:
    """The folder's name in the form that the image name `gilfree-app-<name>` allows."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    return name or "project"
