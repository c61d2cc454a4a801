"""`gilfree plan`: from measured knees to pods, nodes and cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.shared.options import DEFAULT_RESULTS, AsJson, Results
from toolkit.console import Say

if TYPE_CHECKING:
    from toolkit.capacity.knee.profile import Profile
    from toolkit.capacity.planning.result import CapacityPlan
    from toolkit.capacity.planning.traffic import Traffic
    from toolkit.scenario.model import Scenario


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
    nodes_from_cluster: Annotated[
        bool, typer.Option("--nodes-from-cluster", help="Use the node types of a cluster, with prices from --nodes.")
    ] = False,
    context: Annotated[str | None, typer.Option(help="With --nodes-from-cluster: another kubectl context.")] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Plan for this endpoint; by default the one with the fewest requests/s per CPU.")
    ] = None,
    headroom: Annotated[
        float | None, typer.Option(help="Share of the knee that each pod serves; that of the run by default.")
    ] = None,
    zones: Annotated[int, typer.Option(help="Zones that the pods are spread over.")] = 1,
    spare_nodes: Annotated[int, typer.Option(help="How many nodes, whichever, may be missing.")] = 1,
    survive: Annotated[
        str | None, typer.Option(help="`zone`: all pods fit, and carry the rate at their knee, without any one zone.")
    ] = None,
    sidecar: Annotated[
        str, typer.Option(help="Requests of the other containers of each pod: cpu=100m,memory=64Mi.")
    ] = "",
    beside: Annotated[Path | None, typer.Option(help="YAML of Deployments that share the nodes.")] = None,
    memory_headroom: Annotated[
        float | None, typer.Option(help="Memory to add to the highest measured: 0.25; that of the run by default.")
    ] = None,
    arch: Annotated[str | None, typer.Option(help="Only nodes of this architecture: amd64, arm64.")] = None,
    spot: Annotated[bool, typer.Option("--spot", help="Plan with spot nodes too.")] = False,
    manifests: Annotated[
        Path | None, typer.Option(help="Write Deployments and HorizontalPodAutoscalers of the plan into this folder.")
    ] = None,
    images: Annotated[str | None, typer.Option(help="With --manifests: the images, GIL first: GIL,FREE.")] = None,
    results: Results = DEFAULT_RESULTS,
    json_output: AsJson = False,
) -> None:
    """Calculate pods, nodes by type and cost for each variant, and whether moving saves money. Measures nothing."""
    import json
    from functools import partial

    from toolkit.capacity.deploy.pod import pod_resources
    from toolkit.capacity.knee.slo import p99_ms_of
    from toolkit.capacity.knee.stored import find_profile
    from toolkit.capacity.planning.caveats import usable_types
    from toolkit.capacity.planning.colocated import read_colocated, read_sidecar
    from toolkit.capacity.planning.plan import make_capacity_plan
    from toolkit.capacity.planning.result import Requirements
    from toolkit.cli.shared.catalogues import read_catalogue
    from toolkit.cli.shared.output import progress
    from toolkit.errors import GilfreeError
    from toolkit.report.plan import text

    if context is not None and not nodes_from_cluster:
        raise GilfreeError("--context has no effect without --nodes-from-cluster", "give --nodes-from-cluster")
    if (manifests is None) != (images is None) or (images is not None and images.count(",") != 1):
        raise GilfreeError("--manifests and --images need each other", "give --manifests FOLDER --images GIL,FREE")
    if survive not in (None, "zone"):
        raise GilfreeError(f"--survive {survive}: only the loss of a zone is known", "give --survive zone")
    profile = find_profile(campaign, results)
    scenario = _scenario(campaign, results) if manifests is not None else None
    cpu, memory = read_sidecar(sidecar) if sidecar else (0, 0)
    requirements = Requirements(
        traffic=_traffic(rps, traffic),
        p99_ms=p99_ms_of(slo) if slo else profile.p99_ms,
        headroom=profile.headroom if headroom is None else headroom,
        zones=zones,
        spare_nodes=spare_nodes,
        survive_zone=survive == "zone",
        sidecar_cpu_millis=cpu,
        sidecar_memory_bytes=memory,
        colocated=read_colocated(beside) if beside else (),
        endpoint=endpoint,
    )
    catalogue = usable_types(read_catalogue(nodes, nodes_from_cluster, context), arch, spot)
    share = profile.memory_headroom if memory_headroom is None else memory_headroom
    if not 0 <= share < 100:
        raise GilfreeError(f"--memory-headroom {share:g} is no share", "give 0 or more, such as 0.25")
    made = make_capacity_plan(profile, requirements, catalogue, partial(pod_resources, memory_headroom=share))
    print(json.dumps(made.data(), indent=1, allow_nan=False) if json_output else text(made), end="")
    if scenario is not None and manifests is not None and images is not None:
        _write(made, profile, share, scenario, manifests, images, progress())


def _traffic(rps: float | None, file: Path | None) -> Traffic:
    from toolkit.capacity.planning.traffic import constant, read_traffic
    from toolkit.errors import GilfreeError

    if (rps is None) == (file is None):
        raise GilfreeError("give either --rps or --traffic", "for example --rps 50000, or --traffic day.csv")
    return constant(rps) if rps is not None else read_traffic(file or Path())


def _scenario(campaign: str, results: Path) -> Scenario:
    """The scenario of the campaign that is planned with. Raises GilfreeError for a profile without its campaign."""
    from toolkit.bench.runs import find_campaigns
    from toolkit.errors import GilfreeError

    if Path(campaign).is_file():
        raise GilfreeError(
            f"--manifests needs the campaign that {campaign} was measured in: a profile does not hold the command of the server",
            "name the run or the campaign's folder",
        )
    return find_campaigns(campaign, results)[0].scenario


def _write(
    made: CapacityPlan,
    profile: Profile,
    memory_headroom: float,
    scenario: Scenario,
    folder: Path,
    images: str,
    say: Say,
) -> None:
    """Write the manifests of every planned variant."""
    from toolkit.capacity.deploy.manifests import write_manifests
    from toolkit.capacity.planning.deployment import planned_deployments

    gil, _, free = images.partition(",")
    for recommendation, replicas in planned_deployments(made, profile, memory_headroom):
        image = gil if recommendation.role == "gil" else free
        for file in write_manifests(recommendation, scenario, image.strip(), replicas, folder):
            say(f"wrote {file}")
