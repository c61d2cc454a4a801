"""What each image is made of. An image's id is the SHA-256 of the canonical JSON of its inputs: contents, never times.

Ids are layered, source -> runtime -> app: the app's inputs hold the runtime's id, so a new FastAPI leaves the runtime as it
is. Each input has a readable name (`file:images/app/asgi.py`), so that two sets of inputs can be compared in words.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from toolkit import paths
from toolkit.images.spec.project import Project
from toolkit.pythons.lock import LockedSeries

Kind = Literal["python", "app", "load"]
Profile = Literal["fast", "release"]
PROFILES: tuple[Profile, ...] = get_args(Profile)

FREE_THREADED_FLAG = "--disable-gil"
SAMPLE_TARGETS = "asgi:app,wsgi:app"


@dataclass(frozen=True)
class BaseImage:
    """The image that all others begin with, as `FROM` names it, for one platform (`linux/amd64`).

    identity: what identifies its content: a registry's digest (`sha256:…`), or `local:` and the engine's own image id for
    a base that came from no registry.
    """

    name: str
    identity: str
    platform: str

    @property
    def local(self) -> bool:
        """Whether it exists in this engine only."""
        return self.identity.startswith("local:")

    @property
    def reference(self) -> str:
        """The argument of `FROM`: pinned by digest, but for a local base."""
        return self.name if self.local else f"{self.name.split('@')[0]}@{self.identity}"


@dataclass(frozen=True)
class ContextFile:
    """One file of a build's context: its name in the context, where it is now, and the name of the input that it is."""

    name: str
    path: Path
    input: str


@dataclass(frozen=True)
class ImageSpec:
    """One image as it should be now, whether it is built or not.

    inputs: name -> value or SHA-256; the id is their hash. arguments: of the Dockerfile. files: the build context.
    runtime: the image below an app. targets: the apps that it serves (`module:attribute`, comma-separated).
    tarball: the locked source of a runtime. variant and profile are empty for the load image.
    """

    kind: Kind
    variant: str
    version: str
    profile: str
    repository: str
    inputs: Mapping[str, str]
    arguments: Mapping[str, str]
    files: Sequence[ContextFile] = field(repr=False)
    runtime: ImageSpec | None = None
    targets: str = ""
    interface: str = "asgi"
    tarball: LockedSeries | None = None

    @property
    def id(self) -> str:
        """SHA-256 of all inputs, in hexadecimal."""
        return content_id(self.inputs)

    @property
    def tag(self) -> str:
        """The immutable tag, `3.14.7t-1a2b3c4d5e6f`: version, `t` if free-threaded, the id's first 12 characters."""
        return f"{self.version}{'t' if self.variant.endswith('t') else ''}-{self.id[:12]}"

    @property
    def name(self) -> str:
        """Repository and immutable tag: the image's name in the local engine."""
        return f"{self.repository}:{self.tag}"

    @property
    def moving_tag(self) -> str:
        """The tag that moves to this image when its pair has passed its tests: `3.14t`, for a fast build `3.14t-fast`."""
        word = self.variant or "latest"
        return word if self.profile == "release" or not self.variant else f"{word}-{self.profile}"

    @property
    def title(self) -> str:
        """The name for progress and messages: `app 3.14t (fast)`, `load`."""
        return (
            f"{self.repository.removeprefix('gilfree-')} {self.variant} ({self.profile})" if self.variant else self.kind
        )


def content_id(inputs: Mapping[str, str]) -> str:
    """SHA-256 of the inputs as canonical JSON, in hexadecimal: the order of the names does not count."""
    text = json.dumps(dict(inputs), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def input_changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The differences between two sets of inputs in words: `images/app/asgi.py changed`, `python 3.14.6 -> 3.14.7`.

    Empty when the two are equal. A changed runtime is left out where the inputs of that runtime say what changed.
    """
    words = []
    differing = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    for name in differing:
        before, after = old.get(name), new.get(name)
        if name == "runtime" and len(differing) > 1:
            continue
        shown = name.removeprefix("file:")
        if before is None or after is None:
            words.append(f"{shown} {'is new' if before is None else 'is gone'}")
        elif name.startswith("file:") or re.fullmatch(r"[0-9a-f]{64}", after):
            words.append(f"{shown} changed")
        else:
            words.append(f"{shown} {before} -> {after}")
    return words


def pair_images(
    entry: LockedSeries, profile: Profile, base: BaseImage, project: Project | None = None
) -> tuple[ImageSpec, ImageSpec, ImageSpec, ImageSpec]:
    """Runtimes and apps of both variants, in this order: runtime 3.14, runtime 3.14t, app 3.14, app 3.14t."""
    gil, free_threaded = (runtime_image(entry, profile, base, flag) for flag in ("", FREE_THREADED_FLAG))
    return gil, free_threaded, app_image(gil, entry, project), app_image(free_threaded, entry, project)


def runtime_image(entry: LockedSeries, profile: Profile, base: BaseImage, flag: str) -> ImageSpec:
    """One variant of CPython on the base. flag: `--disable-gil`, or empty for the GIL build."""
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
    return ImageSpec(
        "python", variant, entry.version, profile, "gilfree-python", inputs, arguments, files, tarball=entry
    )


def app_image(runtime: ImageSpec, entry: LockedSeries, project: Project | None) -> ImageSpec:
    """The sample apps (project None) or a user's project on a runtime, with the packages locked for `entry`'s series."""
    shipped = {name: name for name in ("Dockerfile", "gate.py", "healthy.py")}
    files = [*_shipped("app", shipped), *_agent()]
    if project is None:
        folder = paths.shipped("images") / "app"
        apps = ("asgi.py", "runtime.py", "wsgi.py")
        files += [ContextFile(f"app/{name}", folder / name, f"file:images/app/{name}") for name in apps]
        requirements, repository, targets, interface = entry.requirements(), "gilfree-app", SAMPLE_TARGETS, "asgi"
        locked = f"file:images/app/{requirements.name}"
    else:
        files += [ContextFile(f"app/{name}", project.folder / name, f"file:{name}") for name in project.files]
        requirements, repository, targets = project.requirements, f"gilfree-app-{project.name}", project.target
        interface, locked = project.interface, "file:locked requirements"
    files.append(ContextFile("requirements.txt", requirements, locked))
    # With the runtime's inputs, so that a stale app says "python 3.14.6 -> 3.14.7" and not that a hash changed.
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
    return ImageSpec(
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


def load_image(base: BaseImage) -> ImageSpec:
    """The load generators (rewrk, oha) and the agent: one image for all variants."""
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
    return ImageSpec("load", "", versions["rewrk"], "", "gilfree-load", inputs, arguments, files)


def hashes(files: Sequence[ContextFile]) -> dict[str, str]:
    """Input name -> SHA-256 of the content, of each file."""
    return {entry.input: hashlib.sha256(entry.path.read_bytes()).hexdigest() for entry in files}


def _shipped(kind: str, names: Mapping[str, str]) -> list[ContextFile]:
    folder = paths.shipped("images")
    files = [
        ContextFile(name, folder / kind / source, f"file:images/{kind}/{source}") for name, source in names.items()
    ]
    return [*files, ContextFile("network.sh", folder / "network.sh", "file:images/network.sh")]


def _agent() -> list[ContextFile]:
    folder = Path(__file__).parents[2] / "agent"
    return [
        ContextFile(f"agent/{file.name}", file, f"file:toolkit/agent/{file.name}")
        for file in sorted(folder.glob("*.py"))
    ]
