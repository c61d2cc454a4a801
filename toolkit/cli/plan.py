"""`gilfree plan`: from measured knees to pods, nodes and cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.shared.options import DEFAULT_RESULTS, AsJson, Results

if TYPE_CHECKING:
    from toolkit.capacity.knee.profile import Profile
    from toolkit.capacity.nodes.catalogue import Catalogue
    from toolkit.capacity.planning.traffic import Traffic


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(plan)


def plan(
    campaign: Annotated[
        str, typer.Argument(help="A run of `gilfree knee`, its campaign, or a profile.json; `last`: the newest.")
    ],
    rps: Annotated[float | None, typer.Option(help="Requests per second to serve.")] = None,
    traffic: Annotated[
        Path | None, typer.Option(help="Instead of --rps: a CSV of time,rps; the plan is for its peak.")
    ] = None,
    slo: Annotated[str | None, typer.Option(help="The objective: p99=50ms; the measured one by default.")] = None,
    nodes: Annotated[Path | None, typer.Option(help="Node catalogue; the shipped sample by default.")] = None,
    from_cluster: Annotated[
        bool, typer.Option("--from-cluster", help="Use the node types of the cluster, with prices from --nodes.")
    ] = False,
    endpoint: Annotated[
        str | None, typer.Option(help="Plan for this endpoint; by default the one with the fewest requests/s per CPU.")
    ] = None,
    headroom: Annotated[float, typer.Option(help="Share of the knee that each pod serves.")] = 0.7,
    zones: Annotated[int, typer.Option(help="Zones that the pods are spread over.")] = 1,
    spare_nodes: Annotated[int, typer.Option(help="How many nodes, whichever, may be missing.")] = 1,
    sidecar: Annotated[
        str, typer.Option(help="Requests of the other containers of each pod: cpu=100m,memory=64Mi.")
    ] = "",
    beside: Annotated[Path | None, typer.Option(help="YAML of Deployments that share the nodes.")] = None,
    memory_headroom: Annotated[float | None, typer.Option(help="Memory to add to the highest measured: 0.25.")] = None,
    arch: Annotated[str | None, typer.Option(help="Only nodes of this architecture: amd64, arm64.")] = None,
    results: Results = DEFAULT_RESULTS,
    json_output: AsJson = False,
) -> None:
    """Calculate pods, nodes by type and cost for each variant, and whether moving saves money. Measures nothing."""
    import json
    from dataclasses import replace
    from functools import partial

    from toolkit.capacity.deploy.pod import pod_resources
    from toolkit.capacity.knee.profile import MEMORY_HEADROOM
    from toolkit.capacity.knee.slo import p99_ms_of
    from toolkit.capacity.planning.colocated import read_colocated, read_sidecar
    from toolkit.capacity.planning.plan import make_capacity_plan, one_architecture
    from toolkit.capacity.planning.result import Requirements
    from toolkit.errors import GilfreeError
    from toolkit.report.plan import text

    profile = _profile(campaign, results)
    cpu, memory = read_sidecar(sidecar) if sidecar else (0, 0)
    requirements = Requirements(
        traffic=_traffic(rps, traffic),
        p99_ms=p99_ms_of(slo) if slo else profile.p99_ms,
        headroom=headroom,
        zones=zones,
        spare_nodes=spare_nodes,
        sidecar_cpu_millis=cpu,
        sidecar_memory_bytes=memory,
        colocated=read_colocated(beside) if beside else (),
        endpoint=endpoint,
    )
    catalogue = _catalogue(nodes, from_cluster)
    catalogue = replace(catalogue, types=one_architecture(catalogue.types, arch))
    share = MEMORY_HEADROOM if memory_headroom is None else memory_headroom
    if not 0 <= share < 100:
        raise GilfreeError(f"--memory-headroom {share:g} is not a share", "give 0 or more, such as 0.25")
    made = make_capacity_plan(profile, requirements, catalogue, partial(pod_resources, memory_headroom=share))
    print(json.dumps(made.data(), indent=1, allow_nan=False) if json_output else text(made), end="")


def _profile(campaign: str, results: Path) -> Profile:
    from toolkit.bench.runs import find_campaigns
    from toolkit.capacity.knee.profile import read_profile
    from toolkit.errors import GilfreeError

    for path in (Path(campaign), results / campaign):
        if path.exists():
            return read_profile(path)
    found = find_campaigns(campaign, results)
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise GilfreeError(f"run {campaign!r} has several campaigns", f"name the one to plan with: {names}")
    return read_profile(found[0].folder)


def _traffic(rps: float | None, file: Path | None) -> Traffic:
    from toolkit.capacity.planning.traffic import constant, read_traffic
    from toolkit.errors import GilfreeError

    if (rps is None) == (file is None):
        raise GilfreeError("give either --rps or --traffic", "for example --rps 50000, or --traffic day.csv")
    return constant(rps) if rps is not None else read_traffic(file or Path())


def _catalogue(nodes: Path | None, from_cluster: bool) -> Catalogue:
    from toolkit.capacity.nodes.catalogue import load_catalogue

    if not from_cluster:
        return load_catalogue(nodes)
    from toolkit.capacity.nodes.from_cluster import read_cluster_catalogue

    return read_cluster_catalogue(load_catalogue(nodes) if nodes else None)
