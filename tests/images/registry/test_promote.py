"""Moving tags follow a whole pair, or stay where they are; what is pushed is known by the registry's digest."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.images.conftest import Tiny
from toolkit.errors import GilfreeError
from toolkit.images.builder.build import build_images
from toolkit.images.progress import BuildProgress
from toolkit.images.registry import state
from toolkit.images.registry.engine_images import inspected
from toolkit.images.registry.promote import promote
from toolkit.images.registry.push import checked_registry, push_error, push_images
from toolkit.images.spec.inputs import ImageSpec
from toolkit.images.spec.network import Network

if TYPE_CHECKING:
    from docker import DockerClient

engine = pytest.mark.engine


@pytest.fixture
def registry() -> str:
    """The registry that the environment names."""
    found = os.environ.get("REGISTRY")
    if not found:
        pytest.skip("no registry; to enable: REGISTRY=HOST:PORT of one that this engine may push to")
    return f"{found}/gilfree-tests"


def pair(client: DockerClient, tiny: Tiny, progress: BuildProgress, words: str) -> list[ImageSpec]:
    made = [tiny(f"RUN echo {words}", variant) for variant in ("3.14", "3.14t")]
    build_images(client, made, Network(), progress, "again")
    return made


def where(client: DockerClient, one: ImageSpec) -> str | None:
    found = inspected(client, f"{one.repository}:{one.moving_tag}")
    return found["Id"] if found else None


@engine
def test_both_tags_of_a_pair_move_together(client: DockerClient, tiny: Tiny, progress: BuildProgress) -> None:
    old = pair(client, tiny, progress, "old")
    moved = promote(client, old, progress)
    assert moved == {f"{one.repository}:{one.moving_tag}": one.name for one in old}
    new = pair(client, tiny, progress, "new")
    promote(client, new, progress)
    assert [where(client, one) for one in new] == [(inspected(client, one.name) or {})["Id"] for one in new]


@engine
def test_neither_tag_moves_when_one_image_is_missing(client: DockerClient, tiny: Tiny, progress: BuildProgress) -> None:
    old = pair(client, tiny, progress, "old")
    promote(client, old, progress)
    before = [where(client, one) for one in old]
    new = [tiny("RUN echo new", variant) for variant in ("3.14", "3.14t")]
    build_images(client, new[:1], Network(), progress, "again")
    with pytest.raises(GilfreeError, match="is not built"):
        promote(client, new, progress)
    assert [where(client, one) for one in old] == before


@engine
def test_tags_go_back_when_a_later_one_cannot_be_moved(
    client: DockerClient, tiny: Tiny, progress: BuildProgress
) -> None:
    old = pair(client, tiny, progress, "old")
    promote(client, old, progress)
    before = [where(client, one) for one in old]
    new = pair(client, tiny, progress, "new")
    with pytest.raises(GilfreeError):  # nobody listens there
        promote(client, new, progress, registry="localhost:1")
    assert [where(client, one) for one in old] == before
    assert next(iter(state.read()["promoted"].values()))["name"] in {one.name for one in old}


@engine
def test_variants_of_different_profiles_are_no_pair(client: DockerClient, tiny: Tiny, progress: BuildProgress) -> None:
    made = [tiny("RUN echo x", "3.14", "fast"), tiny("RUN echo x", "3.14t", "release")]
    build_images(client, made, Network(), progress, "again")
    with pytest.raises(GilfreeError, match="no pair"):
        promote(client, made, progress)


@engine
def test_what_is_pushed_is_recorded_by_digest_and_pushed_once(
    client: DockerClient, tiny: Tiny, progress: BuildProgress, registry: str
) -> None:
    made = pair(client, tiny, progress, "hello")
    built = build_images(client, made, Network(), progress, "again")
    first = push_images(client, built, registry, progress)
    for one in first:
        assert one.digest is not None and one.digest.startswith(f"{registry}/{one.spec.repository}@sha256:")
        assert client.images.get_registry_data(one.digest).id in one.digest
        assert state.read()["images"][one.spec.id]["pushed"] == {registry: one.digest}
    assert [one.digest for one in push_images(client, built, registry, progress)] == [one.digest for one in first]


@engine
def test_a_registry_that_does_not_answer_is_named(client: DockerClient, tiny: Tiny, progress: BuildProgress) -> None:
    built = build_images(client, [tiny("RUN echo hello")], Network(), progress, "again")
    with pytest.raises(GilfreeError, match="localhost:1 cannot be reached"):
        push_images(client, built, "localhost:1", progress)


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("denied: requested access to the resource is denied", "docker login r.example"),
        ("http: server gave HTTP response to HTTPS client", "insecure-registries"),
        ("x509: certificate signed by unknown authority", "certs.d/r.example"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", "check that it runs"),
        ("write: no space left on device", "free some"),
    ],
)
def test_each_refusal_of_a_registry_has_its_own_remedy(words: str, remedy: str) -> None:
    assert remedy in push_error("r.example/team/app:1", words).remedy


@pytest.mark.parametrize("wrong", ["https://r.example", "", "/", "R.example/x", "me@r.example"])
def test_an_address_is_no_registry(wrong: str) -> None:
    with pytest.raises(GilfreeError, match="is no registry"):
        checked_registry(wrong)
