"""Fixtures of tests on a real cluster: one restricted namespace a session, images pushed once, a backend a test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.backends.kubernetes.live import (
    a_namespace,
    changed_kubeconfig,
    left,
    real_nodes,
    registry,
    with_faulty_app,
)
from toolkit.backends.kubernetes.backend import KubernetesBackend
from toolkit.backends.kubernetes.client import Cluster
from toolkit.engine.client import connected
from toolkit.images.builder.build import build_images
from toolkit.images.progress import BuildProgress
from toolkit.images.registry.push import checked_registry, push, push_images
from toolkit.images.spec.inputs import ImageSpec
from toolkit.images.spec.network import Network
from toolkit.scenario.cluster import ClusterSettings
from toolkit.trial.model import Arm

if TYPE_CHECKING:
    from docker import DockerClient

Make = Callable[..., KubernetesBackend]


@dataclass(frozen=True)
class Pushed:
    """Images by digest. gil, free_threaded: the sample apps; faulty: free-threaded, with tests/apps/faulty.py."""

    gil: str
    free_threaded: str
    faulty: str
    load: str

    @property
    def arm(self) -> Arm:
        """What most tests serve from."""
        return Arm("3.14t", "free-threaded", self.faulty)


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """The engine."""
    with connected() as client:
        yield client


@pytest.fixture(scope="session")
def images(engine: DockerClient, built_images: list[ImageSpec]) -> Pushed:
    """The images, pushed to where the cluster pulls from."""
    progress = BuildProgress()
    current = build_images(engine, built_images, Network(), progress, "make images PROFILE=fast")
    digests = {
        one.spec.kind if one.spec.kind == "load" else one.spec.variant: str(one.digest)
        for one in push_images(engine, current, checked_registry(registry()), progress)
        if one.spec.kind != "python"
    }
    app = next(one.name for one in built_images if (one.kind, one.variant) == ("app", "3.14t"))
    repository = f"{registry()}/gilfree-tests/faulty"
    faulty = push(engine, with_faulty_app(engine, app), repository, "test", progress)
    engine.images.remove(f"{repository}:test")
    return Pushed(digests["3.14"], digests["3.14t"], faulty, digests["load"])


@pytest.fixture(scope="session")
def namespace() -> Iterator[Cluster]:
    """A namespace that enforces the restricted Pod Security Standard."""
    with a_namespace(f"gilfree-test-{os.getpid()}") as cluster:
        yield cluster


@pytest.fixture
def backend_on(namespace: Cluster, images: Pushed) -> Iterator[Make]:
    """Makes backends over the first real node; whatever the test did, nothing is left of it in the namespace."""
    made: list[KubernetesBackend] = []
    node = real_nodes(namespace)[0]

    def make(settings: ClusterSettings | None = None, cluster: Cluster | None = None) -> KubernetesBackend:
        here = cluster or Cluster(None, namespace.namespace)
        one = KubernetesBackend(here, images.load, settings or ClusterSettings(), [node.name], node.cpus)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()
    assert left(namespace) == []


@dataclass(frozen=True)
class Somebody:
    """A user without any right, as a kubeconfig and by name."""

    kubeconfig: Path
    user: str


@pytest.fixture
def somebody(namespace: Cluster, tmp_path: Path) -> Iterator[Somebody]:
    """A service account of the namespace."""
    path = namespace.path("serviceaccounts")
    namespace.create(path, {"metadata": {"name": "somebody"}})
    token = namespace.create(f"{path}/somebody/token", {"spec": {"expirationSeconds": 600}})["status"]["token"]

    def change(config: dict[str, Any]) -> None:
        for user in config["users"]:
            user["user"] = {"token": token}

    file = changed_kubeconfig(tmp_path, change)
    yield Somebody(file, f"system:serviceaccount:{namespace.namespace}:somebody")
    namespace.delete(f"{path}/somebody")
