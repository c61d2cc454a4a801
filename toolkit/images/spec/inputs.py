"""What each image is made of. Its id is the SHA-256 of the canonical JSON of exactly that: contents, never times.

Ids are layered, source -> runtime -> app: the app's inputs hold the runtime's id, so a new FastAPI leaves the runtime as it
is. Each input has a name that a person can read (`file:images/app/asgi.py`), so that two sets of inputs tell what changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from toolkit import paths
from toolkit.images.spec.project import Project
from toolkit.pythons.lock import LockedSeries

Kind = Literal["python", "app", "load"]
Profile = Literal["fast", "release"]

FREE_THREADED_FLAG = "--disable-gil"
SAMPLE_TARGETS = "asgi:app,wsgi:app"


@dataclass(frozen=True)
class Base:
    """The image that all others begin with: what FROM names, what identifies its content, for which platform.

    identity: a registry's digest; `local:` and the engine's image id for a base that no registry knows.
    """

    name: str
    identity: str
    platform: str

    @property
    def local(self) -> bool:
        """Whether it exists only in this engine."""
        return self.identity.startswith("local:")

    @property
    def reference(self) -> str:
        """What FROM is given: pinned by digest where a registry knows it."""
        return self.name if self.local else f"{self.name.split('@')[0]}@{self.identity}"


@dataclass(frozen=True)
class Entry:
    """One file of a build's context: its name there, where it is, the input it counts as."""

    name: str
    path: Path
    input: str


@dataclass(frozen=True)
class Wanted:
    """One image as it has to be now. `files` are its context, `arguments` the Dockerfile's, `inputs` what its id is of."""

    kind: Kind
    variant: str
    version: str
    profile: str
    repository: str
    inputs: Mapping[str, str]
    arguments: Mapping[str, str]
    files: Sequence[Entry] = field(repr=False)
    runtime: Wanted | None = None
    targets: str = ""
    interface: str = "asgi"
    tarball: LockedSeries | None = None

    @property
    def id(self) -> str:
        """SHA-256 of all inputs."""
        return content_id(self.inputs)

    @property
    def tag(self) -> str:
        """The immutable tag: version, `t`, the id's first 12 characters."""
        return f"{self.version}{'t' if self.variant.endswith('t') else ''}-{self.id[:12]}"

    @property
    def name(self) -> str:
        """Repository and immutable tag, as the local engine has them."""
        return f"{self.repository}:{self.tag}"

    @property
    def moving(self) -> str:
        """The tag that moves to this image when its pair has passed: `3.14t`, for a fast build `3.14t-fast`."""
        word = self.variant or "latest"
        return word if self.profile == "release" or not self.variant else f"{word}-{self.profile}"

    @property
    def title(self) -> str:
        """For progress and messages: `app 3.14t (fast)`."""
        return (
            f"{self.repository.removeprefix('gilfree-')} {self.variant} ({self.profile})" if self.variant else self.kind
        )


def content_id(inputs: Mapping[str, str]) -> str:
    """SHA-256 of canonical JSON."""
    text = json.dumps(dict(inputs), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What differs between two sets of inputs, in words: `file:images/app/asgi.py changed`, `python 3.14.6 -> 3.14.7`."""
    words = []
    differing = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    for name in differing:
        before, after = old.get(name), new.get(name)
        if name == "runtime" and len(differing) > 1:
            continue  # said by what the runtime is made of
        shown = name.removeprefix("file:")
        if before is None or after is None:
            words.append(f"{shown} {'is new' if before is None else 'is gone'}")
        elif name.startswith("file:") or re.fullmatch(r"[0-9a-f]{64}", after):
            words.append(f"{shown} changed")
        else:
            words.append(f"{shown} {before} -> {after}")
    return words


def pair_images(
    entry: LockedSeries, profile: Profile, base: Base, project: Project | None = None
) -> tuple[Wanted, Wanted, Wanted, Wanted]:
    """Runtime and app of both variants: runtime 3.14, runtime 3.14t, app 3.14, app 3.14t."""
    gil, free_threaded = (runtime_image(entry, profile, base, flag) for flag in ("", FREE_THREADED_FLAG))
    return gil, free_threaded, app_image(gil, entry, project), app_image(free_threaded, entry, project)


def runtime_image(entry: LockedSeries, profile: Profile, base: Base, flag: str) -> Wanted:
    """CPython on the base, one variant."""
    files = _shipped("cpython", {"Dockerfile": "Dockerfile", "build.sh": "build.sh", "verify.py": "verify.py"})
    arguments = {"BASE": base.reference, "PROFILE": profile, "VARIANT": flag}
    inputs = {
        "kind": "python",
        "python": entry.version,
        "source": entry.sha256,
        "base": f"{base.name}@{base.identity}",
        "platform": base.platform,
        "profile": profile,
        "variant": flag or "with the GIL",
        **hashes(files),
    }
    variant = entry.series + ("t" if flag else "")
    return Wanted("python", variant, entry.version, profile, "gilfree-python", inputs, arguments, files, tarball=entry)


def app_image(runtime: Wanted, entry: LockedSeries, project: Project | None) -> Wanted:
    """The sample apps, or a user's project, on a runtime."""
    shipped = {name: name for name in ("Dockerfile", "gate.py", "healthy.py")}
    files = [*_shipped("app", shipped), *_agent()]
    if project is None:
        folder = paths.shipped("images") / "app"
        apps = ("asgi.py", "runtime.py", "wsgi.py")
        files += [Entry(f"app/{name}", folder / name, f"file:images/app/{name}") for name in apps]
        requirements, repository, targets, interface = entry.requirements(), "gilfree-app", SAMPLE_TARGETS, "asgi"
        locked = f"file:images/app/{requirements.name}"
    else:
        files += [Entry(f"app/{name}", project.folder / name, f"file:{name}") for name in project.files]
        requirements, repository, targets = project.requirements, f"gilfree-app-{project.name}", project.target
        interface, locked = project.interface, "file:locked requirements"
    files.append(Entry("requirements.txt", requirements, locked))
    # What the runtime is made of is told too, so that a stale app says "python 3.14.6 -> 3.14.7" and not a hash.
    below = {name: value for name, value in runtime.inputs.items() if name != "kind"}
    inputs = {
        **below,
        "kind": "app",
        "runtime": runtime.id,
        "targets": targets,
        "interface": interface,
        **hashes(files),
    }
    arguments = {"RUNTIME": runtime.name, "TARGETS": targets}
    return Wanted(
        "app",
        runtime.variant,
        runtime.version,
        runtime.profile,
        repository,
        inputs,
        arguments,
        files,
        runtime=runtime,
        targets=targets,
        interface=interface,
    )


def load_image(base: Base) -> Wanted:
    """rewrk and oha beside the agent, one image for all variants."""
    folder = paths.shipped("images") / "load"
    tools = tomllib.loads((folder / "tools.toml").read_text())
    files = [*_shipped("load", {"Dockerfile": "Dockerfile"}), *_agent()]
    versions = {name: str(pin["version"]) for name, pin in sorted(tools.items())}
    arguments = {"BASE": base.reference, **{f"{name.upper()}_VERSION": one for name, one in versions.items()}}
    inputs = {
        "kind": "load",
        "base": f"{base.name}@{base.identity}",
        "platform": base.platform,
        **versions,
        **hashes(files),
    }
    return Wanted("load", "", versions["rewrk"], "", "gilfree-load", inputs, arguments, files)


def hashes(files: Sequence[Entry]) -> dict[str, str]:
    """Each file's input name and the SHA-256 of its content."""
    return {entry.input: hashlib.sha256(entry.path.read_bytes()).hexdigest() for entry in files}


def _shipped(kind: str, names: Mapping[str, str]) -> list[Entry]:
    folder = paths.shipped("images")
    files = [Entry(name, folder / kind / source, f"file:images/{kind}/{source}") for name, source in names.items()]
    return [*files, Entry("network.sh", folder / "network.sh", "file:images/network.sh")]


def _agent() -> list[Entry]:
    folder = Path(__file__).parents[2] / "agent"
    return [
        Entry(f"agent/{file.name}", file, f"file:toolkit/agent/{file.name}") for file in sorted(folder.glob("*.py"))
    ]
