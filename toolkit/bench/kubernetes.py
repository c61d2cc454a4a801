"""A place on a cluster: preflight, one question, what the images hold, and a backend over the nodes that can hold trials."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.backends.kubernetes import preflight, preflight_queries
from toolkit.backends.kubernetes.backend import KubernetesBackend
from toolkit.backends.kubernetes.client import Cluster
from toolkit.backends.kubernetes.nodes import SuitableNode, list_nodes, suitable_nodes
from toolkit.backends.kubernetes.probe import probe_images
from toolkit.backends.kubernetes.render import render_job, shares
from toolkit.bench.baselines import Held
from toolkit.bench.request import BackendOptions, BenchRequest, PreparedBackend, check_loops
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.host.cpus import CpuSplit
from toolkit.host.facts import machine_facts
from toolkit.images.pair import paired
from toolkit.images.registry.resolve import resolve
from toolkit.pythons.lock import load_lock
from toolkit.scenario.cluster import ClusterSettings, merged, read_settings
from toolkit.scenario.model import Scenario
from toolkit.trial.baseline import reference_arms
from toolkit.trial.contract import Images
from toolkit.trial.model import Arm, Trial

TRIAL_OVERHEAD_SECONDS = 12
"""Placing, starting, validating, stopping; only for the estimate that is shown before anything is created."""


def prepare(request: BenchRequest, scenarios: Sequence[Scenario], say: Say) -> PreparedBackend:
    """Check the cluster, ask the user once, ask the images. Only two short probe pods are created here."""
    options = request.options
    given = read_settings(options.cluster_file) if options.cluster_file else ClusterSettings()
    settings = [merged(scenario.cluster, given) for scenario in scenarios]
    cluster = _cluster(options, settings[0])
    results = preflight_queries.check_access(cluster)
    preflight.raise_blocking(results)
    images, references = _images(request)
    nodes, node_cpus = _nodes(cluster, scenarios, settings)
    load = images[1]
    names = [one.name for one in nodes]
    found = [shares(one, mine, node_cpus) for one, mine in zip(scenarios, settings, strict=True)]
    for scenario, mine, share in zip(scenarios, settings, found, strict=True):
        arm = Arm("gil", "gil", images[0][0])
        trial = Trial("preflight", scenario, scenario.points()[0], 0, arm, 1)
        job = render_job(trial, load, mine, share, node=names[0], namespace=cluster.namespace)
        required = mine.pinning == "required"
        results += preflight_queries.check_trials(
            cluster, job, names, pinned=share.pinned_cpus is not None, required=required
        )
    preflight.raise_blocking(results)
    unknown = list(dict.fromkeys(one.words() for one in results if one.state == "unknown"))
    for words in unknown:
        say(f"preflight: {words}")
    _agree(request, cluster, names, scenarios, say)
    answers = probe_images(cluster, images[0], settings[0], names[0])
    pair = paired(
        answers[:2], images[0][:2], "unknown" if request.explicit else request.profile, built=not request.explicit
    )
    packages = answers[0][1]
    check_loops(scenarios, pair.series, packages, request.against)
    arms = (
        Arm(pair.gil.variant, "gil", images[0][0]),
        Arm(pair.free_threaded.variant, "free-threaded", images[0][1]),
    )
    about: dict[str, Any] = {
        "pair": pair.describe(),
        "locked": load_lock().resolve(request.python).model_dump(),
        "packages": packages,
        "images": {"gil": images[0][0], "free_threaded": images[0][1], "load": load},
        "cluster": {
            "context": cluster.context,
            "namespace": cluster.namespace,
            "nodes": names,
            "node_cpus": node_cpus,
            "settings": given.model_dump(mode="json", exclude_unset=True),
        },
        "machine": machine_facts(),
        "preflight": unknown,
    }
    held = Held()
    if references is not None and request.against is not None:
        against = request.against
        label = "" if against.kind == "settings" else against.label
        runtimes = images[0][:2] if against.kind == "settings" else references
        about_reference = {"text": against.text, "kind": against.kind, "settings": against.settings}
        held = Held(tuple(reference_arms(arms, against, runtimes, label)), about_reference)
    cpus = tuple(
        CpuSplit(tuple(range(int(one.server_cpus) or 1)), tuple(range(int(one.load_cpus) or 1)), ()) for one in found
    )
    backend = KubernetesBackend(cluster, load, given, names, node_cpus, options.keep)
    return PreparedBackend(backend, arms, held, about, cpus)


def reopen(
    about: Mapping[str, Any], arms: Sequence[Arm], options: BackendOptions, port: int | None
) -> KubernetesBackend:
    """The backend of a run that was started before: the same context, namespace, nodes and load image."""
    told = about["cluster"]
    cluster = Cluster(options.context or told["context"], options.namespace or told["namespace"])
    settings = ClusterSettings.model_validate(told["settings"])
    there, reasons = suitable_nodes(list_nodes(cluster), settings, None)
    names = [one.name for one in there]
    if not names:
        raise GilfreeError(f"no node can hold a trial: {_words(reasons)}", "free one, or change `cluster:`")
    return KubernetesBackend(cluster, about["images"]["load"], settings, names, told["node_cpus"], options.keep)


def _cluster(options: BackendOptions, settings: ClusterSettings) -> Cluster:
    return Cluster(options.context, options.namespace or settings.namespace)


def _images(request: BenchRequest) -> tuple[tuple[list[str], str], list[str] | None]:
    """The images to serve from, GIL first, the load image, and those of `--against`."""
    from toolkit.images.spec.project import project_name

    project = project_name(request.project) if request.project is not None and request.explicit is None else None
    found: Images = resolve(request.python, request.profile, registry=request.options.registry, project=project)
    served = list(request.explicit) if request.explicit else [found.gil.pinned, found.free_threaded.pinned]
    against, references = request.against, None
    if against is not None and against.kind == "settings":
        references = served
    elif against is not None and against.kind == "images":
        references = list(against.images)
    elif against is not None and against.kind == "version":
        old = resolve(against.text, request.profile, registry=request.options.registry)
        references = [old.gil.pinned, old.free_threaded.pinned]
    elif against is not None:
        raise GilfreeError(
            f"--against {against.text}: on images it is a setting, a version, or two images (GIL,FREE)",
            "build images with the old requirements and name them, or take BACKEND=local",
        )
    return (served, found.load.pinned), references


def _nodes(
    cluster: Cluster, scenarios: Sequence[Scenario], settings: Sequence[ClusterSettings]
) -> tuple[list[SuitableNode], float]:
    """The nodes that can hold every scenario's trials, and the CPUs of the largest, by which `auto` is sized."""
    there = list_nodes(cluster)
    selected, reasons = suitable_nodes(there, settings[0], None)
    node_cpus = max((one.cpus for one in selected), default=0.0)
    for scenario, mine in zip(scenarios, settings, strict=True):
        fitting, why = suitable_nodes(there, mine, shares(scenario, mine, node_cpus))
        selected = [one for one in selected if one in fitting]
        reasons = {**why, **reasons}
    if not selected:
        raise GilfreeError(
            f"no node can hold a trial: {_words(reasons) or 'there are no nodes'}",
            "ask for less (`cluster: {server: {cpus: …}}` or the scenario's resources), or change `cluster:` so that it fits",
        )
    return selected, node_cpus


def _words(reasons: Mapping[str, str]) -> str:
    some = [f"{name} {why}" for name, why in list(reasons.items())[:5]]
    return "; ".join(some) + (f"; and {len(reasons) - 5} more" if len(reasons) > 5 else "")


def _agree(
    request: BenchRequest, cluster: Cluster, nodes: Sequence[str], scenarios: Sequence[Scenario], say: Say
) -> None:
    """Show what is about to happen where; go on only with YES=1 or a yes."""
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
        f"context {cluster.context}, namespace {cluster.namespace}: {trials} Jobs, one at a time on each of {len(nodes)}"
        f" node{'s' if len(nodes) > 1 else ''} ({shown}): about {seconds / len(nodes) / 60:.0f} min, {seconds / 3600:.2f} node-hours;"
        " Jobs, pods and a ConfigMap per campaign are created and removed at the end"
    )
    if request.options.yes:
        return
    if not sys.stdin.isatty():
        raise GilfreeError("nobody is there to say yes", "YES=1 (or --yes) goes on without asking")
    if input("go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise GilfreeError("nothing was created", "say y to go on")
