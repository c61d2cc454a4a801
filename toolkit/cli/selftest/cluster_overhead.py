"""`gilfree selftest cluster-overhead`: how much longer a trial on a cluster takes than a Job that does nothing."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from toolkit.cli.shared.options import (
    DEFAULT_PROFILE,
    DEFAULT_PYTHON,
    AsJson,
    ClusterFile,
    Context,
    Namespace,
    ProfileName,
    Python,
    Registry,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("cluster-overhead")(cluster_overhead)


def cluster_overhead(
    python: Python = DEFAULT_PYTHON,
    profile: ProfileName = DEFAULT_PROFILE,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of a bare Job and a trial, in turn.")] = 3,
    registry: Registry = None,
    context: Context = None,
    namespace: Namespace = None,
    cluster: ClusterFile = None,
    json_output: AsJson = False,
) -> None:
    """Time trials on a cluster, and Jobs of the same shape that do nothing.

    Exit 1 when a trial takes 1.6 times as long, its windows of load not counted.
    """
    import json
    import time
    from contextlib import closing
    from dataclasses import asdict

    from toolkit.backends.kubernetes.backend import KubernetesBackend
    from toolkit.backends.kubernetes.client import Cluster
    from toolkit.backends.kubernetes.nodes import list_nodes, suitable_nodes
    from toolkit.bench.runs import quick_scenario
    from toolkit.cli.shared.output import progress
    from toolkit.errors import CHECK_FAILED, GilfreeError
    from toolkit.images.registry.resolve import resolve
    from toolkit.scenario.cluster import ClusterSettings, read_settings
    from toolkit.scenario.loading import load_scenario
    from toolkit.selftest.cluster_cost import LARGEST_RATIO, measure
    from toolkit.trial.model import Arm, Trial

    say = progress()
    images = resolve(python, profile, registry=registry)
    settings = read_settings(cluster) if cluster else ClusterSettings()
    here = Cluster(context, namespace or settings.namespace)
    nodes, reasons = suitable_nodes(list_nodes(here), settings, None)
    if not nodes:
        raise GilfreeError(f"no node takes trials: {reasons}", "see `kubectl get nodes`")
    scenario, _ = quick_scenario(load_scenario("asgi"), 1, 2)
    arm = Arm(f"{python}t", "free-threaded", images.free_threaded.pinned)
    name = f"overhead-{time.strftime('%H%M%S')}"
    backend = KubernetesBackend(here, images.load.pinned, settings, [nodes[0].name], nodes[0].cpus)
    with closing(backend):
        backend.prepare(scenario, [arm])
        found = measure(
            backend, lambda attempt: Trial(name, scenario, scenario.points()[0], 0, arm, attempt), pairs, say
        )
    print(json.dumps({**asdict(found), "ratio": found.ratio}) if json_output else found.text())
    if found.ratio > LARGEST_RATIO:
        sys.exit(CHECK_FAILED)
