"""Other Deployments on the same nodes, and sidecars."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.capacity.nodes.catalogue import GIB, MIB
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.planning.colocated import read_colocated, read_sidecar
from toolkit.errors import GilfreeError


def deployments(folder: Path, text: str) -> Path:
    """A file with this text."""
    file = folder / "others.yaml"
    file.write_text(text)
    return file


def test_deployments_are_read_with_the_requests_of_one_pod(tmp_path: Path) -> None:
    text = "deployments:\n  - { name: cache, replicas: 6, cpu: 500m, memory: 2Gi }\n"
    assert read_colocated(deployments(tmp_path, text)) == (Workload("cache", 500, 2 * GIB, 6),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("deployments: []", "others.yaml:1: deployments is not a list, or is empty"),
        ("deployments:\n  - { name: a, replicas: 0, cpu: 1, memory: 1Gi }", r":2: .*replicas: '0' is less than 1"),
        ("deployments:\n  - { name: a, replicas: 1, cpu: 1, memory: 128m }", r":2: .*'128m' is 0.128 bytes"),
        ("deployments:\n  - { name: a, replicas: 1, cpu: 1, memory: 1Gi, zone: b }", "unknown key 'zone'"),
        ("deployment: []", "'deployments' is missing"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GilfreeError, match=message):
        read_colocated(deployments(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("cpu=100m,memory=64Mi", (100, 64 * MIB)), ("memory=64Mi", (0, 64 * MIB)), (" cpu=0.5 ", (500, 0))],
)
def test_an_omitted_part_of_a_sidecar_is_0(text: str, expected: tuple[int, int]) -> None:
    assert read_sidecar(text) == expected


@pytest.mark.parametrize("text", ["", "gpu=1", "cpu", "cpu=-1", "memory=1"])
def test_a_sidecar_that_is_not_cpu_or_memory_is_refused(text: str) -> None:
    with pytest.raises(GilfreeError, match="--sidecar"):
        read_sidecar(text)
