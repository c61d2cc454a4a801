"""What an image says of itself to whoever inspects it."""

from __future__ import annotations

import json

from tests.images.conftest import BASE, image_spec
from toolkit.images.spec.inputs import content_id
from toolkit.images.spec.labels import dockerfile, labels


def test_the_id_can_be_checked_from_the_inputs_in_the_label() -> None:
    one = image_spec()
    found = labels(one, "0" * 64)
    assert content_id(json.loads(found["io.gilfree.inputs"])) == found["io.gilfree.id"] == one.id


def test_a_fast_build_says_that_it_is_none_for_production() -> None:
    assert "not for production" in labels(image_spec(profile="fast"), "0")["org.opencontainers.image.description"]
    assert "not for" not in labels(image_spec(profile="release"), "0")["org.opencontainers.image.description"]


def test_base_and_version_are_where_other_tools_look() -> None:
    found = labels(image_spec(), "0")
    assert found["org.opencontainers.image.base.name"] == "debian:trixie-slim"
    assert found["org.opencontainers.image.base.digest"] == BASE.identity
    assert found["org.opencontainers.image.version"] == "3.14.7"


def test_a_users_app_is_what_its_image_serves() -> None:
    text = dockerfile("sha256:1", image_spec(), "0")
    assert 'CMD ["asgi:app"]' in text and text.startswith("FROM sha256:1\n")
