"""Fixtures of tests on a real cluster: one restricted namespace a session, images pushed once, a backend a test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.cluster.live import a_namespace, left, pushed, real_nodes, with_faulty_app
from toolkit.backends.kubernetes import KubernetesBackend
from toolkit.cluster.client import Cluster
from toolkit.cluster.settings import ClusterSettings
from toolkit.engine.client import connected
from toolkit.images.inputs import Wanted
from toolkit.trial import Arm

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
def images(engine: DockerClient, built_images: list[Wanted]) -> Pushed:
    """The images, pushed to where the cluster pulls from."""
    names = {one.kind if one.kind == "load" else one.variant: one.name for one in built_images if one.kind != "python"}
    faulty = with_faulty_app(engine, names["3.14t"])
    return Pushed(
        pushed(engine, names["3.14"], "app"),
        pushed(engine, names["3.14t"], "app-t"),
        pushed(engine, faulty, "faulty"),
        pushed(engine, names["load"], "load"),
    )


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
