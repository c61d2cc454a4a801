"""`gilfree selftest cluster-overhead`: what a trial on a cluster costs beyond warming up and measuring."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("cluster-overhead")(cluster_overhead)


def cluster_overhead(
    python: Annotated[str, typer.Option(help="A series or an exact version of gilfree.lock.")] = "3.14",
    profile: Annotated[str, typer.Option(help="fast or release.")] = "fast",
    pairs: Annotated[int, typer.Option(min=1, help="Bare Jobs and trials, in turn.")] = 3,
    registry: Annotated[str | None, typer.Option(help="Images as pushed there: HOST[/PREFIX].")] = None,
    context: Annotated[str | None, typer.Option(help="Context of the kubeconfig.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Namespace for the Jobs.")] = None,
    cluster: Annotated[Path | None, typer.Option(help="A file with `cluster:` settings.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Time trials on a cluster against Jobs of the same shape that do nothing. Exit 1 when they cost 1.6 times as much."""
    import json
    import time
    from contextlib import closing
    from dataclasses import asdict

    from toolkit.backends.kubernetes.backend import KubernetesBackend
    from toolkit.backends.kubernetes.client import Cluster
    from toolkit.backends.kubernetes.nodes import list_nodes, suitable_nodes
    from toolkit.bench.runs import quick_scenario
    from toolkit.errors import CHECK_FAILED, GilfreeError
    from toolkit.images.registry.resolve import resolve
    from toolkit.scenario.cluster import ClusterSettings, read_settings
    from toolkit.scenario.loading import load_scenario
    from toolkit.selftest.cluster_cost import LARGEST_RATIO, measure
    from toolkit.trial.model import Arm, Trial

    def say(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

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
    print(json.dumps({**asdict(found), "ratio": found.ratio}) if json_output else found.words())
    if found.ratio > LARGEST_RATIO:
        sys.exit(CHECK_FAILED)
