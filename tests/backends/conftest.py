"""What tests of the docker backend share: the real images with faulty apps added, and a backend on the engine."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import APPS
from toolkit.backends.docker.backend import DockerBackend
from toolkit.engine.client import connected
from toolkit.images.spec.inputs import ImageSpec
from toolkit.trial.model import Arm

if TYPE_CHECKING:
    from docker import DockerClient

REPOSITORY = "gilfree-test-faulty"
APP_FILES = ("faulty.py", "one_arm.py")


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """The engine."""
    with connected() as client:
        yield client


@pytest.fixture(scope="session")
def apps(built_images: list[ImageSpec]) -> dict[str, str]:
    """Names of the pair's app images by variant, and of the load image under `load`."""
    return {one.kind if one.kind == "load" else one.variant: one.name for one in built_images if one.kind != "python"}


@pytest.fixture(scope="session")
def image_arms(engine: DockerClient, apps: dict[str, str]) -> Iterator[tuple[Arm, Arm]]:
    """Both variants' images with the apps of tests/apps alongside the sample apps."""
    found = []
    for variant, role in (("3.14", "gil"), ("3.14t", "free-threaded")):
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as archive:
            for name in APP_FILES:
                archive.add(APPS / name, name)
            lines = f"FROM {apps[variant]}\nCOPY {' '.join(APP_FILES)} /app/\n".encode()
            dockerfile = tarfile.TarInfo("Dockerfile")
            dockerfile.size = len(lines)
            archive.addfile(dockerfile, io.BytesIO(lines))
        context.seek(0)
        image, _ = engine.images.build(fileobj=context, custom_context=True, tag=f"{REPOSITORY}:{variant}", rm=True)
        found.append(Arm(variant, "gil" if role == "gil" else "free-threaded", str(image.id)))
    yield found[0], found[1]
    for arm in found:
        engine.images.remove(f"{REPOSITORY}:{arm.name}")


@pytest.fixture
def docker_backend(engine: DockerClient, apps: dict[str, str]) -> Iterator[DockerBackend]:
    """A backend on the engine; the machine's lock is given back."""
    made = DockerBackend(engine, str(engine.images.get(apps["load"]).id))
    yield made
    made.close()
