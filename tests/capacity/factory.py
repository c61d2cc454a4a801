"""Made-up nodes, Deployments and profiles for the tests of capacity planning, from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from toolkit.capacity.deploy.pod import PodResources
from toolkit.capacity.knee.profile import BlockKnee, Profile, RateSeen, Role, VariantProfile
from toolkit.capacity.nodes.catalogue import GIB, MIB, NodeType
from toolkit.capacity.placement.scheduler import Workload


def random_types(drawn: random.Random, count: int = 4, *, largest: int = 16, daemons: bool = False) -> list[NodeType]:
    """Node types of sizes and prices as clouds have them, prices a little off the line."""
    found = []
    for index in range(count):
        cpus = drawn.choice([size for size in (2, 4, 8, 16, 32, 64) if size <= largest])
        memory_gib = cpus * drawn.choice([2, 4, 8])
        found.append(
            NodeType(
                name=f"t{index}",
                cpu_millis=cpus * 1000 - drawn.choice([70, 80, 100, 110]),
                memory_bytes=round(memory_gib * GIB * drawn.uniform(0.85, 0.97)),
                pods=drawn.choice([8, 29, 58, 110]),
                price_hour=(cpus * 0.0316 + memory_gib * 0.00424) * drawn.uniform(0.85, 1.15),
                daemon_cpu_millis=250 if daemons else 0,
                daemon_memory_bytes=400 * MIB if daemons else 0,
                daemon_pods=1 if daemons else 0,
            )
        )
    return found


def random_workload(drawn: random.Random, name: str, most: int = 60) -> Workload:
    """A Deployment with a size as people write it."""
    return Workload(
        name=name,
        cpu_millis=drawn.choice([100, 250, 300, 500, 750, 900, 1000, 1500]),
        memory_bytes=drawn.choice([96, 128, 256, 400, 512, 1024, 2048, 4096]) * MIB,
        replicas=drawn.randint(5, most),
    )


def variant(
    role: Role,
    knees: Sequence[float],
    *,
    memory_mb: float = 200.0,
    cpus_used: float = 0.95,
    profile: str = "release",
    saturated: bool = False,
    threads: int = 1,
    rates: Sequence[RateSeen] = (),
    rejected: dict[str, int] | None = None,
) -> VariantProfile:
    """One variant at one setting with these knees, a block each."""
    return VariantProfile(
        variant="3.14" if role == "gil" else "3.14t",
        role=role,
        profile=profile,
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
    """A pod of one CPU and the memory that was measured, so that tests can reckon with it."""
    memory = round((one.memory_high_mb or 0) * 1e6)
    return PodResources(1000, 1000, memory, memory)
