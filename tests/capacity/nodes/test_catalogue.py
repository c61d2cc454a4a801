"""Node catalogues: what is left for pods, and that a mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.capacity.nodes.catalogue import GIB, MIB, Catalogue, kubelet_reserved, load_catalogue
from toolkit.errors import GilfreeError


def catalogue(tmp_path: Path, text: str) -> Catalogue:
    """A catalogue of this text."""
    file = tmp_path / "nodes.yaml"
    file.write_text(text)
    return load_catalogue(file)


def test_the_shipped_sample_is_dated_and_says_where_its_prices_come_from() -> None:
    sample = load_catalogue(None)
    assert sample.date and "List prices" in sample.about
    assert all(one.priced and one.free_cpu_millis > 0 for one in sample.types)


@pytest.mark.parametrize(
    ("kind", "cpu", "memory_gib", "max_pods", "kept_cpu", "kept_mib"),
    [
        ("gke", 4000, 16, 110, 80, 1024 + 819.2 + 819.2 + 100),  # 25% of 4, 20% of 4, 10% of 8 GiB
        ("gke", 1000, 0.5, 110, 60, 255 + 100),
        ("eks", 2000, 8, 29, 70, 255 + 11 * 29 + 100),  # m5.large: 574 MiB and the threshold, as AWS documents it
        ("eks", 16000, 64, 234, 110, 255 + 11 * 234 + 100),
    ],
)
def test_reservations_are_the_documented_ones(
    kind: str, cpu: int, memory_gib: float, max_pods: int, kept_cpu: int, kept_mib: float
) -> None:
    found = kubelet_reserved(kind, cpu, int(memory_gib * GIB), max_pods)
    assert found[0] == kept_cpu
    assert found[1] == pytest.approx(kept_mib * MIB, abs=2)


def test_capacity_loses_reservations_and_daemonsets_but_allocatable_only_daemonsets(tmp_path: Path) -> None:
    found = catalogue(
        tmp_path,
        """
        vm_overhead: false
        daemonsets: { cpu: 0.1, memory: 100Mi, pods: 2 }
        nodes:
          - { name: a, capacity: { cpu: 2, memory: 8Gi }, reserve: eks, max_pods: 29, price_hour: 0.1 }
          - { name: b, allocatable: { cpu: 1930m, memory: 7Gi }, price_hour: 0.1 }
        """,
    )
    a, b = found.types
    assert (a.free_cpu_millis, a.free_pods) == (2000 - 70 - 100, 27)
    assert a.free_memory_bytes == 8 * GIB - (255 + 11 * 29 + 100 + 100) * MIB
    assert (b.free_cpu_millis, b.free_memory_bytes, b.free_pods) == (1830, 7 * GIB - 100 * MIB, 108)


def test_without_a_price_the_default_prices_stand_in_and_it_shows(tmp_path: Path) -> None:
    (one,) = catalogue(tmp_path, "nodes: [{ name: a, allocatable: { cpu: 4, memory: 16Gi } }]").types
    assert not one.priced
    assert one.price_hour == pytest.approx(4 * 0.031611 + 16 * 0.004237)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nodes: []", r"nodes.yaml:1: nodes is not a list"),
        (
            "nodes:\n - { name: a, capacity: { cpu: 2, memory: 1e3Mi }, reserve: none }",
            r":2: .*memory: '1e3Mi' has an exp",
        ),
        ("nodes:\n - { name: a, capacity: { cpu: 2, memory: 8 }, reserve: none }", r":2: .*'8' is 8 bytes of memory"),
        (
            "nodes:\n - { name: a, capacity: { cpu: -2, memory: 8Gi }, reserve: none }",
            r"cpu: '-2' is not above 0",
        ),
        ("nodes:\n - { name: a, capacity: { cpu: 2, memory: 8Gi } }", r"'reserve' is missing"),
        ("nodes:\n - { name: a, capacity: { cpu: 2, memory: 8Gi }, reserve: aks }", r"reserve: 'aks' is not gke"),
        ("nodes:\n - { name: a }", r"give either allocatable or capacity"),
        (
            "nodes:\n - { name: a, allocatable: { cpu: 2, memory: 8Gi }, price_hour: -1 }",
            r"price_hour: '-1' is less than 0",
        ),
        (
            "nodes:\n - { name: a, allocatable: { cpu: 2, memory: 8Gi }, price_hour: 0 }",
            r"price_hour: '0' is not above 0",
        ),
        ("nodes:\n - { name: a, allocatable: { cpu: 2, memory: 8Gi }, prize: 1 }", r"unknown key 'prize'"),
        (
            "nodes:\n - { name: a, capacity: { cpu: 0.1, memory: 200Mi }, reserve: gke }",
            r"no CPU, memory or pods are left",
        ),
        (
            "nodes:\n - { name: a, allocatable: { cpu: 2, memory: 8Gi } }\n - { name: a, allocatable: { cpu: 2, memory: 8Gi } }",
            r":3: 'a' is given twice",
        ),
        ("[]", r"is not keys with values"),
        ("", r"holds nothing"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_value(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(GilfreeError, match=said):
        catalogue(tmp_path, text)


def test_a_file_of_another_kind_is_not_repeated_whole(tmp_path: Path) -> None:
    with pytest.raises(GilfreeError) as raised:
        catalogue(tmp_path, "a,b,c\n" * 5000)
    assert len(str(raised.value)) < 300


FIELD = """
reserve: eks
daemonsets: { cpu: 250m, memory: 400Mi, pods: 5 }
nodes:
  - { name: large, capacity: { cpu: 2, memory: 4Gi }, max_pods: 29, price_hour: 0.09 }
  - { name: 2xlarge, capacity: { cpu: 8, memory: 16Gi }, max_pods: 58, price_hour: 0.36 }
"""


def test_memory_of_a_virtual_machine_is_what_its_kubelet_sees(tmp_path: Path) -> None:
    large, xlarge = catalogue(tmp_path, FIELD).types
    # Karpenter's own list of these two sizes: 3055Mi and 14103Mi allocatable.
    assert 3055 - 2 <= large.memory_bytes / MIB <= 3055
    assert 14103 - 2 <= xlarge.memory_bytes / MIB <= 14103
    assert large.estimated and xlarge.estimated


def test_sizes_as_a_kubelet_reports_them_lose_nothing_to_a_hypervisor(tmp_path: Path) -> None:
    (large, _) = catalogue(tmp_path, FIELD.replace("reserve: eks", "reserve: eks\nvm_overhead: false")).types
    assert large.memory_bytes == 4 * GIB - (255 + 11 * 29 + 100) * MIB and not large.estimated


def test_gpus_and_spot_nodes_are_marked(tmp_path: Path) -> None:
    text = "nodes: [{ name: g, allocatable: { cpu: 8, memory: 30Gi }, gpus: 1, spot: true, price_hour: 0.2 }]"
    (one,) = catalogue(tmp_path, text).types
    assert (one.gpus, one.spot) == (1, True)
