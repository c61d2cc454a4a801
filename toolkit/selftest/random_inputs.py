"""Random node types and Deployments for tests and self-tests of capacity planning, reproducible by the generator's seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from toolkit.capacity.nodes.catalogue import GIB, MIB, NodeType
from toolkit.capacity.placement.scheduler import Workload

POD_CPU_MILLIS = (100, 250, 300, 500, 750, 900, 1000, 1500, 2000)
POD_MEMORY_MIB = (96, 128, 256, 400, 512, 1024, 2048, 4096)


def random_node_types(
    generator: random.Random, count: int, *, cpus: Sequence[int], max_pods: Sequence[int], daemonsets: bool = False
) -> list[NodeType]:
    """Node types with sizes as clouds offer them and prices that vary by up to 15% around a linear price.

    `cpus` and `max_pods` are the values to choose from. `daemonsets`: a daemonset pod runs on every node.
    """
    found = []
    for index in range(count):
        cores = generator.choice(cpus)
        memory_gib = cores * generator.choice([2, 4, 8])
        found.append(
            NodeType(
                name=f"t{index}",
                cpu_millis=cores * 1000 - generator.choice([70, 80, 100, 110]),
                memory_bytes=round(memory_gib * GIB * generator.uniform(0.85, 0.97)),
                pods=generator.choice(max_pods),
                price_hour=(cores * 0.0316 + memory_gib * 0.00424) * generator.uniform(0.85, 1.15),
                daemon_cpu_millis=250 if daemonsets else 0,
                daemon_memory_bytes=400 * MIB if daemonsets else 0,
                daemon_pods=1 if daemonsets else 0,
            )
        )
    return found


def random_workload(
    generator: random.Random, name: str, *, most_replicas: int, most_cpu_millis: int = POD_CPU_MILLIS[-1]
) -> Workload:
    """A Deployment of 5 to `most_replicas` pods with requests as people write them."""
    return Workload(
        name=name,
        cpu_millis=generator.choice([millis for millis in POD_CPU_MILLIS if millis <= most_cpu_millis]),
        memory_bytes=generator.choice(POD_MEMORY_MIB) * MIB,
        replicas=generator.randint(5, most_replicas),
    )
