"""What tests of images share: an engine, a cache of their own, tiny images that are built in a second."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolkit.images.progress import BuildProgress
from toolkit.images.spec.inputs import BaseImage, ContextFile, ImageSpec, hashes

if TYPE_CHECKING:
    from docker import DockerClient

BASE = BaseImage("debian:trixie-slim", "sha256:" + "a" * 64, "linux/amd64")


def image_spec(
    kind: str = "app", variant: str = "3.14t", profile: str = "fast", *, repository: str = "gilfree-test", **inputs: str
) -> ImageSpec:
    """An image of nothing, for pure functions."""
    given = {"kind": kind, "base": f"{BASE.name}@{BASE.identity}", "source": "b" * 64, **inputs}
    return ImageSpec(
        "app" if kind == "app" else "python", variant, "3.14.7", profile, repository, given, {}, (), targets="asgi:app"
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that starts empty: what is built and pushed here is nobody else's concern."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def client() -> Iterator[DockerClient]:
    """The engine."""
    from toolkit.engine.client import connected

    with connected() as one:
        yield one


@pytest.fixture
def progress() -> BuildProgress:
    """Progress that nobody sees."""
    return BuildProgress(stream=io.StringIO())


Tiny = Callable[..., ImageSpec]

FAKE_PYTHON = """#!/bin/sh
echo '{"python": "3.14.7", "wheels": [], "debian": [], "release": "debian"}'
"""
"""Answers the inventory's question as an interpreter would, in an image that has none."""


@pytest.fixture
def tiny(tmp_path: Path, client: DockerClient, cache: Path, request: pytest.FixtureRequest) -> Iterator[Tiny]:
    """Makes an image of a Dockerfile's lines on the base; all that come of it are removed."""
    repository = f"gilfree-test-{abs(hash(request.node.nodeid)) % 10**8}"

    def make(lines: str, variant: str = "3.14t", profile: str = "fast") -> ImageSpec:
        folder = tmp_path / f"tiny-{variant}-{profile}-{abs(hash(lines))}"
        folder.mkdir(exist_ok=True)
        (folder / "python3").write_text(FAKE_PYTHON)
        (folder / "python3").chmod(0o755)
        text = f"FROM {BASE.name}\nCOPY python3 /usr/local/bin/python3\n{lines}\n"
        (folder / "Dockerfile").write_text(text)
        files = [ContextFile(name, folder / name, f"file:{name}") for name in ("Dockerfile", "python3")]
        base = f"{BASE.name}@local"
        inputs = {"kind": "app", "variant": variant, "profile": profile, "base": base, **hashes(files)}
        return ImageSpec("app", variant, "3.14.7", profile, repository, inputs, {}, files, targets="asgi:app,wsgi:app")

    yield make
    for listed in client.api.images():  # not images.list, which asks again for each, and others remove theirs meanwhile
        for tag in listed.get("RepoTags") or ():
            if tag.startswith(f"{repository}:") or f"/{repository}:" in tag:
                client.images.remove(tag, force=True)
