"""Random nodes and Deployments from a seed, and made-up profiles, for the tests of capacity planning."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from toolkit.capacity.deploy.pod import PodResources
from toolkit.capacity.knee.profile import BlockKnee, MeasuredRate, Profile, Role, VariantProfile
from toolkit.capacity.nodes.catalogue import NodeType
from toolkit.capacity.placement.scheduler import Workload
from toolkit.selftest.random_inputs import random_node_types, random_workload


def node_types(
    generator: random.Random, count: int = 4, *, largest: int = 16, daemonsets: bool = False
) -> list[NodeType]:
    """Random node types of 2 to `largest` CPUs."""
    cpus = [size for size in (2, 4, 8, 16, 32, 64) if size <= largest]
    return random_node_types(generator, count, cpus=cpus, max_pods=(8, 29, 58, 110), daemonsets=daemonsets)


def random_deployment(generator: random.Random, name: str, most_replicas: int = 60) -> Workload:
    """A random Deployment whose pods fit on the smallest of these types."""
    return random_workload(generator, name, most_replicas=most_replicas, most_cpu_millis=1500)


def nodes_of(counts: Mapping[str, int], types: Sequence[NodeType]) -> list[NodeType]:
    """The nodes of a packing one by one, as the simulated scheduler takes them."""
    known = {one.name: one for one in types}
    return [known[name] for name, count in counts.items() for _ in range(count)]


def variant(
    role: Role,
    knees: Sequence[float],
    *,
    memory_mb: float = 200.0,
    cpus_used: float = 0.95,
    build_profile: str = "release",
    saturated: bool = False,
    threads: int = 1,
    rates: Sequence[MeasuredRate] = (),
    rejected: dict[str, int] | None = None,
) -> VariantProfile:
    """One variant at one setting with these knees, a block each."""
    return VariantProfile(
        variant="3.14" if role == "gil" else "3.14t",
        role=role,
        build_profile=build_profile,
        point=f"json-w1-t{threads}-c64",
        endpoint="json",
        workers=1,
        threads=threads,
        connections=64,
        server_cpus=1.0,
        blocks=tuple(
            BlockKnee(block=index, knee_rps=knee, finished=True, loader_saturated=saturated)
            for index, knee in enumerate(knees)
        ),
        server_cpus_used=cpus_used,
        memory_high_mb=memory_mb,
        memory_kind="working set",
        trials=3 * len(knees),
        rates=tuple(rates),
        rejected=rejected or {},
    )


def measured(*variants: VariantProfile, p99_ms: float = 50.0) -> Profile:
    """A profile of these variants."""
    return Profile(
        service="orders",
        campaign="knee-orders",
        interface="wsgi",
        p99_ms=p99_ms,
        headroom=0.7,
        variants=variants,
    )


def pod(one: VariantProfile) -> PodResources:
    """A pod of one CPU and the memory that was measured, so that tests can calculate with it."""
    memory = round((one.memory_high_mb or 0) * 1e6)
    return PodResources(1000, 1000, memory, memory)
