"""Prepares the kubernetes backend: preflight, one question to the user, and a look into the images.

The backend runs trials on all nodes that can hold them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.backends.kubernetes import preflight, preflight_queries
from toolkit.backends.kubernetes.backend import KubernetesBackend
from toolkit.backends.kubernetes.client import Cluster
from toolkit.backends.kubernetes.nodes import SuitableNode, list_nodes, node_identity, suitable_nodes
from toolkit.backends.kubernetes.preflight import PreflightResult
from toolkit.backends.kubernetes.probe import probe_images
from toolkit.backends.kubernetes.render import Shares, container_shares, render_job
from toolkit.bench.baselines import BaselineArms, baseline_arms, baseline_images, settings_baseline
from toolkit.bench.request import BackendOptions, BenchRequest, PreparedBackend, check_loops
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.host.cpus import CpuSplit
from toolkit.host.facts import machine_facts
from toolkit.images.image_app import probed_apps
from toolkit.images.image_python import image_pair
from toolkit.images.registry.resolve import resolve
from toolkit.loadgen.binaries import pinned_versions
from toolkit.pythons.lock import load_lock
from toolkit.scenario.cluster import ClusterSettings, merge, read_settings
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm, Trial

TRIAL_OVERHEAD_SECONDS = 12
"""Placing, starting, validating, stopping; only for the estimate that is shown before anything is created."""


def prepare(request: BenchRequest, scenarios: Sequence[Scenario], say: Say) -> PreparedBackend:
    """Check the cluster, ask the user once, look into the images. Only two short probe pods are created.

    Raises GilfreeError with all that a preflight check found to be in the way, when no node can hold a trial, when the
    user does not agree, or when the images are no pair.
    """
    options = request.options
    given = read_settings(options.cluster_file) if options.cluster_file else ClusterSettings()
    settings = [merge(scenario.cluster, given) for scenario in scenarios]
    cluster = Cluster(options.context, options.namespace or settings[0].namespace)
    access = preflight_queries.check_access(cluster)
    preflight.raise_blocking(access)
    served, load = _choose_images(request)
    old_images = _baseline_images(request)
    nodes, node_cpus = _choose_nodes(cluster, scenarios, settings)
    names = [one.name for one in nodes]
    shares = [container_shares(one, own, node_cpus) for one, own in zip(scenarios, settings, strict=True)]
    results = [*access, *_check_trials(cluster, names, served[0], load, scenarios, settings, shares)]
    preflight.raise_blocking(results)
    unknown = list(dict.fromkeys(one.text() for one in results if one.state == "unknown"))
    for line in unknown:
        say(f"preflight: {line}")
    _confirm(request, cluster, names, scenarios, say)
    apps = probed_apps(scenarios) if request.own_images else ()
    memory_bytes = max(one.resources.server.memory_bytes for one in scenarios)
    answers = probe_images(cluster, served, settings[0], names[0], apps, memory_bytes)
    profile = "unknown" if request.explicit else request.profile
    pair = image_pair(answers, served, profile, built=not request.explicit)
    packages = answers[0][1]
    check_loops(scenarios, pair.series, packages, request.against)
    arms = (
        Arm(pair.gil.variant, "gil", served[0]),
        Arm(pair.free_threaded.variant, "free-threaded", served[1]),
    )
    description: dict[str, Any] = {
        "pair": pair.describe(),
        "locked": load_lock().resolve(request.python).model_dump(),
        "packages": packages,
        "images": {"gil": served[0], "free_threaded": served[1], "load": load},
        "cluster": {
            "context": cluster.context,
            "namespace": cluster.namespace,
            "nodes": names,
            "node_cpus": node_cpus,
            "settings": given.model_dump(mode="json", exclude_unset=True),
        },
        "generators": pinned_versions(),
        "machine": machine_facts(),
        "preflight": unknown,
    }
    baseline = BaselineArms()
    if request.against is not None:
        against = request.against
        baseline = baseline_arms(against, arms, old_images) if old_images else settings_baseline(against, arms)
    cpus = tuple(
        CpuSplit(tuple(range(int(one.server_cpus) or 1)), tuple(range(int(one.load_cpus) or 1)), ()) for one in shares
    )
    backend = KubernetesBackend(cluster, load, given, names, node_cpus, options.keep)
    return PreparedBackend(backend, arms, baseline, description, cpus)


def identity(description: Mapping[str, Any], arms: Sequence[Arm], backend: KubernetesBackend) -> dict[str, Any]:
    """The machines of the nodes that trials run on, by the node's name. Arms name their images by digest."""
    known = {str(node["metadata"]["name"]): node for node in list_nodes(backend.cluster)}
    return {
        "node": run_nodes({name: node_identity(known[name]) for name in backend.slots() if name in known}, description)
    }


def run_nodes(now: Mapping[str, Any], description: Mapping[str, Any]) -> dict[str, Any]:
    """The nodes of a run: those it began with, as they are `now` or as they were where they are not available, and new ones
    that are unlike all of them. A new node of the same kind changes nothing: blocks are never split over nodes. Pure.
    """
    before: Mapping[str, Any] = description.get("identity", {}).get("node", {})
    kinds = [_kind(one) for one in before.values()]
    return {**before, **{name: one for name, one in now.items() if name in before or _kind(one) not in kinds}}


def _kind(node: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != "machine"}


def cpu_sets(scenario: Scenario, backend: KubernetesBackend) -> dict[str, tuple[int, ...]]:
    """CPUs of a pod by number: the kubelet chooses which."""
    shares = backend.shares(scenario)
    return {
        "server": tuple(range(int(shares.server_cpus) or 1)),
        "load": tuple(range(int(shares.load_cpus) or 1)),
    }


def reopen(
    description: Mapping[str, Any], arms: Sequence[Arm], options: BackendOptions, port: int | None
) -> KubernetesBackend:
    """The backend of a run that was started earlier: the same context, namespace and load image, and the nodes that can
    hold a trial now. Raises GilfreeError when none can.
    """
    place = description["cluster"]
    cluster = Cluster(options.context or place["context"], options.namespace or place["namespace"])
    settings = ClusterSettings.model_validate(place["settings"])
    nodes, reasons = suitable_nodes(list_nodes(cluster), settings, None)
    names = [one.name for one in nodes]
    if not names:
        raise GilfreeError(f"no node can hold a trial: {_reasons_text(reasons)}", "free one, or change `cluster:`")
    return KubernetesBackend(cluster, description["images"]["load"], settings, names, place["node_cpus"], options.keep)


def _check_trials(
    cluster: Cluster,
    nodes: Sequence[str],
    server_image: str,
    load_image: str,
    scenarios: Sequence[Scenario],
    settings: Sequence[ClusterSettings],
    shares: Sequence[Shares],
) -> list[PreflightResult]:
    """The preflight results for one trial of each scenario."""
    results = []
    for scenario, own, share in zip(scenarios, settings, shares, strict=True):
        trial = Trial("preflight", scenario, scenario.points()[0], 0, Arm("gil", "gil", server_image), 1)
        job = render_job(trial, load_image, own, share, node=nodes[0], namespace=cluster.namespace)
        pinned, required = share.pinned_cpus is not None, own.pinning == "required"
        results += preflight_queries.check_trials(cluster, job, nodes, pinned=pinned, required=required)
    return results


def _choose_images(request: BenchRequest) -> tuple[list[str], str]:
    """The images to serve from, GIL first, and the load image. Raises GilfreeError for one that was not pushed."""
    from toolkit.images.spec.project import project_name

    project = project_name(request.project) if request.project is not None and request.explicit is None else None
    images = resolve(request.python, request.profile, registry=request.options.registry, project=project)
    served = list(request.explicit) if request.explicit else [images.gil.pinned, images.free_threaded.pinned]
    return served, images.load.pinned


def _baseline_images(request: BenchRequest) -> list[str]:
    """The images of `--against`, GIL first; none without it and for settings, which run on the images of the main arms."""
    against = request.against
    if against is None or against.kind == "settings":
        return []
    pair = baseline_images(against, request.profile, request.options.registry)
    return [one.name if against.kind == "images" else one.pinned for one in pair]


def _choose_nodes(
    cluster: Cluster, scenarios: Sequence[Scenario], settings: Sequence[ClusterSettings]
) -> tuple[list[SuitableNode], float]:
    """The nodes that can hold every scenario's trials, and the CPUs of the largest, which `auto` is sized by."""
    nodes = list_nodes(cluster)
    selected, reasons = suitable_nodes(nodes, settings[0], None)
    node_cpus = max((one.cpus for one in selected), default=0.0)
    for scenario, own in zip(scenarios, settings, strict=True):
        fitting, unfit = suitable_nodes(nodes, own, container_shares(scenario, own, node_cpus))
        selected = [one for one in selected if one in fitting]
        reasons = {**unfit, **reasons}
    if not selected:
        raise GilfreeError(
            f"no node can hold a trial: {_reasons_text(reasons) or 'there are no nodes'}{_without_sharing(scenarios)}",
            "ask for less (`cluster: {server: {cpus: …}}` or the scenario's resources), or change `cluster:` so that it fits",
        )
    return selected, node_cpus


def _without_sharing(scenarios: Sequence[Scenario]) -> str:
    shared = any(one.resources.server.share for one in scenarios)
    return (
        "; a pod's server and load generator do not share CPUs (`share: true` is for local and docker)"
        if shared
        else ""
    )


def _reasons_text(reasons: Mapping[str, str]) -> str:
    some = [f"{name} {reason}" for name, reason in list(reasons.items())[:5]]
    return "; ".join(some) + (f"; and {len(reasons) - 5} more" if len(reasons) > 5 else "")


def _confirm(
    request: BenchRequest, cluster: Cluster, nodes: Sequence[str], scenarios: Sequence[Scenario], say: Say
) -> None:
    """Show what is about to happen and where. Raises GilfreeError unless the user agrees, on the terminal or by --yes."""
    arms = 2 * (2 if request.against else 1) + (1 if request.aa else 0)
    trials = sum(len(one.points()) * one.load.rounds * arms for one in scenarios)
    seconds = sum(
        len(one.points())
        * one.load.rounds
        * arms
        * (one.load.warmup_seconds + one.load.duration_seconds + TRIAL_OVERHEAD_SECONDS)
        for one in scenarios
    )
    shown = ", ".join(nodes[:5]) + (f" and {len(nodes) - 5} more" if len(nodes) > 5 else "")
    say(
        f"context {cluster.context}, namespace {cluster.namespace}: {trials} Jobs, one at a time on"
        f" {f'each of {len(nodes)} nodes' if len(nodes) > 1 else '1 node'} ({shown}): about {seconds / len(nodes) / 60:.0f} min, {seconds / 3600:.2f} node-hours;"
        " Jobs, pods and a ConfigMap per campaign are created and removed at the end"
    )
    if request.options.yes:
        return
    if not sys.stdin.isatty():
        raise GilfreeError("there is no terminal to ask on", "YES=1 (or --yes) goes on without asking")
    if input("go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise GilfreeError("nothing was created", "say y to go on")
