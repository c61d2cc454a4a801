"""The inventory is CycloneDX with a package URL for every component, and the same for the same image."""

from __future__ import annotations

from tests.images.conftest import image_spec
from toolkit.images.spec.inventory import cyclonedx

FOUND = {
    "python": "3.14.7",
    "wheels": [["Flask", "3.1.3"], ["pydantic_core", "2.50.4"]],
    "debian": [["libssl3t64", "3.5.1-1+deb13u1", "amd64"], ["zlib1g", "1:1.3", "amd64"]],
    "release": "debian",
}


def test_every_component_has_a_package_url_by_its_kind() -> None:
    purls = [one["purl"] for one in cyclonedx(FOUND, image_spec())["components"]]
    assert purls == [
        "pkg:generic/python@3.14.7",
        "pkg:pypi/flask@3.1.3",
        "pkg:pypi/pydantic-core@2.50.4",
        "pkg:deb/debian/libssl3t64@3.5.1-1%2Bdeb13u1?arch=amd64",
        "pkg:deb/debian/zlib1g@1%3A1.3?arch=amd64",
    ]


def test_it_names_the_image_it_is_of_and_holds_no_time() -> None:
    one = image_spec()
    found = cyclonedx(FOUND, one)
    assert found["metadata"]["component"]["bom-ref"] == f"gilfree:{one.id}"
    assert "timestamp" not in found["metadata"] and "serialNumber" not in found
    assert found == cyclonedx(FOUND, one)
