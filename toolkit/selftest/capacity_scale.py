"""Whether capacity planning keeps its promises about size and speed: `gilfree selftest scale`.

A synthetic fleet of 5,000 services is read, ranked and written as HTML; a plan chooses among 200 node types; and 200
random plans are compared with first-fit-decreasing. With one Deployment first-fit-decreasing gives the node count; with
several, nodes are added until the simulated default scheduler places every pod, which packing alone does not ensure.
"""

from __future__ import annotations

import json
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from toolkit.capacity.knee.profile import BlockKnee, Profile, Role, VariantProfile, write_profile
from toolkit.capacity.nodes.catalogue import NodeType, load_catalogue
from toolkit.capacity.placement.pack import first_fit_decreasing, pack
from toolkit.capacity.placement.scheduler import Workload, all_placed
from toolkit.selftest.promises import PromiseCheck
from toolkit.selftest.random_inputs import random_node_types, random_workload

SERVICES, NODE_TYPES, CASES = 5000, 200, 200
FLEET_SECONDS, FLEET_MB, PLAN_SECONDS = 5.0, 300.0, 5.0


def check_promises(services: int = SERVICES, cases: int = CASES) -> Iterator[PromiseCheck]:
    """Each promise as soon as it was measured. The fleet comes first: its memory is the peak of the whole process."""
    yield from _fleet(services)
    rng = random.Random(1)
    types = _node_types(rng, NODE_TYPES)
    for workloads in ([_workload(rng)], [_workload(rng) for _ in range(3)]):
        began = time.perf_counter()
        pack(workloads, types, spare=1)
        what = f"plan with {NODE_TYPES} node types, {len(workloads)} Deployment{'s' if len(workloads) > 1 else ''}"
        yield PromiseCheck(what, time.perf_counter() - began, PLAN_SECONDS, "s")
    yield PromiseCheck(f"{cases} random plans: dearer than first-fit-decreasing", sum(_dearer_plans(cases)), 0, "plans")


def _fleet(services: int) -> Iterator[PromiseCheck]:
    from toolkit.fleet.inventory.files import read_inventory
    from toolkit.fleet.ranking import rank_services
    from toolkit.fleet.rules import read_rules
    from toolkit.fleet.usage import read_usage
    from toolkit.report.fleet import html

    with tempfile.TemporaryDirectory() as folder:
        write_synthetic_fleet(Path(folder), services)
        began = time.perf_counter()
        ranking = rank_services(
            read_inventory(Path(folder, "deployments.json")).services,
            read_rules(Path(folder, "rules.yaml")),
            read_usage(Path(folder, "usage.csv")).figures,
            load_catalogue(None),
        )
        html(ranking, "scale", "synthetic")
        yield PromiseCheck(
            f"fleet of {services:,} services, read to HTML", time.perf_counter() - began, FLEET_SECONDS, "s"
        )
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        yield PromiseCheck(f"fleet of {services:,} services, most memory of the process", peak_mb, FLEET_MB, "MB")


def write_synthetic_fleet(folder: Path, services: int, seed: int = 1) -> None:
    """Write deployments.json, usage.csv, rules.yaml and profile.json into `folder`, as the owner of a fleet has them."""
    rng = random.Random(seed)
    variants = _variant("gil", 900.0, 120.0), _variant("free-threaded", 1500.0, 170.0)
    profile = Profile(
        service="made up", campaign="made-up", interface="wsgi", p99_ms=50, headroom=0.7, variants=variants
    )
    write_profile(profile, folder)
    (folder / "rules.yaml").write_text(
        "profiles: { wsgi: { campaign: profile.json } }\n"
        'rules:\n  - { label: "lang=python", profile: wsgi }\n  - { image: "*jvm*", python: false }\n'
    )
    items, lines = [], ["namespace,name,rps,cpu,memory_max"]
    for index in range(services):
        namespace, name = f"team-{index % 97}", f"service-{index}"
        kind = rng.choice(["python", "python", "python", "jvm", "other"])
        requests = {"cpu": rng.choice(["250m", "500m", "1"]), "memory": rng.choice(["256Mi", "512Mi", "1Gi"])}
        container = {
            "name": "main",
            "image": f"registry/{kind}:1",
            "env": [{"name": f"SETTING_{number}", "value": f"value-{number}-of-{name}"} for number in range(25)],
            "livenessProbe": {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 10},
            "resources": {"requests": requests},
        }
        applied = json.dumps({"kind": "Deployment", "spec": {"template": {"spec": {"containers": [container]}}}})
        items.append(
            {
                "kind": "Deployment",
                "metadata": {
                    "namespace": namespace,
                    "name": name,
                    "labels": {"lang": kind, "app": name},
                    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied},
                },
                "spec": {
                    "replicas": rng.randint(1, 8),
                    "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
                },
            }
        )
        if rng.random() < 0.95:
            rps = rng.lognormvariate(6, 1)
            lines.append(
                f"{namespace},{name},{rps:.1f},{rps / 900 * rng.lognormvariate(0, 0.5):.3f},{rng.randint(90, 400)}Mi"
            )
    (folder / "deployments.json").write_text(json.dumps({"kind": "List", "items": items}))
    (folder / "usage.csv").write_text("\n".join(lines) + "\n")


def _variant(role: Role, knee: float, memory_mb: float) -> VariantProfile:
    return VariantProfile(
        variant="3.14" if role == "gil" else "3.14t",
        role=role,
        build_profile="release",
        point="made-up",
        endpoint="json",
        workers=1,
        threads=4,
        connections=64,
        server_cpus=1,
        blocks=tuple(
            BlockKnee(block=block, knee_rps=knee * factor, finished=True)
            for block, factor in enumerate((0.97, 1, 1.02))
        ),
        server_cpus_used=0.95,
        memory_high_mb=memory_mb,
        trials=9,
    )


def _dearer_plans(cases: int) -> Iterator[bool]:
    """For each random case, whether the plan costs more than the cheapest node type by first-fit-decreasing."""
    for seed in range(cases):
        rng = random.Random(seed)
        types = _node_types(rng, rng.randint(2, 12))
        workloads = [_workload(rng) for _ in range(1 if seed % 4 else rng.randint(2, 3))]
        prices = [price for one in types if (price := _first_fit_price(workloads, one)) is not None]
        if not prices:
            yield False
            continue
        yield pack(workloads, types).price_hour > min(prices) * (1 + 1e-9)


def _first_fit_price(workloads: list[Workload], one: NodeType) -> float | None:
    count = first_fit_decreasing(workloads, one)
    if count is None:
        return None
    while not all_placed(workloads, [one] * count):
        count += 1
    return count * one.price_hour


def _node_types(rng: random.Random, count: int) -> list[NodeType]:
    return random_node_types(rng, count, cpus=(4, 8, 16, 32, 64), max_pods=(29, 58, 110, 234))


def _workload(rng: random.Random) -> Workload:
    return random_workload(rng, f"web-{rng.randint(0, 10**6)}", most_replicas=100)
