"""Old images go, newest stay; what is wanted now or has a moving tag is never removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.images.conftest import Tiny
from toolkit.images.builder.build import build_images
from toolkit.images.progress import BuildProgress
from toolkit.images.registry.built import find_current
from toolkit.images.registry.promote import promote
from toolkit.images.registry.prune import EngineImage, list_images, prunable, remove_images
from toolkit.images.spec.network import Network

if TYPE_CHECKING:
    from docker import DockerClient


def image(number: int, variant: str, moving: bool) -> EngineImage:
    tags = (f"gilfree-app:{variant}",) if moving else ()
    name = f"gilfree-app:3.14.7-{number:012}"
    return EngineImage(
        name, f"{number:064}", f"sha256:{number}", "app", variant, "fast", 1, f"2026-{number:04}", "", tags
    )


IMAGES = st.lists(st.tuples(st.sampled_from(["3.14", "3.14t"]), st.booleans()), max_size=12).map(
    lambda rows: [image(number, variant, moving) for number, (variant, moving) in enumerate(rows)]
)


@given(IMAGES, st.integers(0, 5), st.sets(st.integers(0, 11)))
def test_what_is_wanted_promoted_or_among_the_newest_stays(
    found: list[EngineImage], keep: int, numbers: set[int]
) -> None:
    wanted = frozenset(f"{number:064}" for number in numbers)
    gone = prunable(found, keep, wanted)
    assert not any(one.moving or one.id in wanted for one in gone)
    for variant in ("3.14", "3.14t"):
        mine = sorted((one for one in found if one.variant == variant), key=lambda one: one.created, reverse=True)
        assert not set(mine[:keep]) & set(gone)
        assert all(one in gone for one in mine[keep:] if not one.moving and one.id not in wanted)


@pytest.mark.engine
def test_real_images_are_listed_and_the_old_ones_removed(
    client: DockerClient, tiny: Tiny, progress: BuildProgress, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations = [[tiny(f"RUN echo {number}", variant) for variant in ("3.14", "3.14t")] for number in range(3)]
    for number, made in enumerate(generations):
        monkeypatch.setattr(
            "toolkit.images.registry.state.now", lambda second=number: f"2026-01-01T00:00:0{second}+0000"
        )
        build_images(client, made, Network(), progress, "again")
    promote(client, generations[0], progress)
    mine = [one for one in list_images(client) if one.name.startswith(f"{generations[0][0].repository}:")]
    assert len(mine) == 6 and all(one.size_bytes > 0 for one in mine)
    assert {one.why for one in mine} == {"missing", "Dockerfile changed"}
    assert {one.name for one in mine if one.moving} == {one.name for one in generations[0]}
    removed = remove_images(client, prunable(mine, 1, frozenset()))
    assert sorted(removed) == sorted(one.name for one in generations[1])  # 0 is promoted, 2 the newest
    assert [find_current(client, one) is not None for made in generations for one in made] == [True] * 2 + [
        False
    ] * 2 + [True] * 2
