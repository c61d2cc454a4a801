"""`gilfree fleet`: which of many services to move first, and what that saves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.shared.options import DEFAULT_RESULTS, AsJson, Quiet, Results

if TYPE_CHECKING:
    from toolkit.fleet.inventory.model import Inventory

INIT = ("inventory", "services_from_cluster", "context", "init", "quiet")
"""Options that apply to --init; all others are about a ranking."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(fleet)


def fleet(
    invoked: typer.Context,
    inventory: Annotated[
        Path | None,
        typer.Argument(help="Output of `kubectl get deploy,hpa,pdb,ns -A -o json`, manifests in YAML, or a CSV."),
    ] = None,
    services_from_cluster: Annotated[
        bool, typer.Option("--services-from-cluster", help="Instead of an inventory: the services of a cluster.")
    ] = False,
    rules: Annotated[
        Path | None, typer.Option(help="YAML: which services are Python, and which profile fits each.")
    ] = None,
    usage: Annotated[
        Path | None, typer.Option(help="CSV: namespace,name,rps,cpu,memory_max; also with a column time.")
    ] = None,
    prometheus: Annotated[str | None, typer.Option(help="Instead of --usage: address of a Prometheus.")] = None,
    queries: Annotated[
        Path | None, typer.Option(help="With --prometheus: YAML of queries: requests, cpu, memory.")
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(help="With --prometheus: NAME=env:VARIABLE or NAME=file:PATH, such as X-Scope-OrgID=env:TENANT."),
    ] = None,
    nodes: Annotated[Path | None, typer.Option(help="Node catalogue; the shipped sample by default.")] = None,
    nodes_from_cluster: Annotated[
        bool, typer.Option("--nodes-from-cluster", help="Use the node types of a cluster, with prices from --nodes.")
    ] = False,
    context: Annotated[str | None, typer.Option(help="With …-from-cluster: another kubectl context.")] = None,
    arch: Annotated[str | None, typer.Option(help="Only nodes of this architecture: amd64, arm64.")] = None,
    spot: Annotated[bool, typer.Option("--spot", help="Count spot nodes too.")] = False,
    headroom: Annotated[float, typer.Option(help="Share of its CPU request that a pod may use at the peak.")] = 0.7,
    spare_nodes: Annotated[int, typer.Option(min=0, help="Nodes to plan beyond those needed.")] = 1,
    least_saving: Annotated[
        str, typer.Option(help="What a service must save a month to move first: a share of its cost and an amount.")
    ] = "5%,50",
    init: Annotated[
        Path | None, typer.Option(help="Write rules.yaml and usage.csv to begin with into this folder, and stop.")
    ] = None,
    results: Results = DEFAULT_RESULTS,
    html: Annotated[Path | None, typer.Option(help="Write the ranking as one self-contained HTML file.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Services to print of each list.")] = 10,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Rank services by what moving to free-threaded Python saves.

    Measures nothing. A service without figures is listed as unknown.
    """
    import json

    from toolkit.capacity.planning.caveats import usable_types
    from toolkit.cli.shared.catalogues import read_catalogue
    from toolkit.cli.shared.output import progress, write_file
    from toolkit.errors import GilfreeError
    from toolkit.fleet.ranking import LeastSaving, rank_services
    from toolkit.fleet.rules import read_rules
    from toolkit.fleet.starter import write_starter
    from toolkit.fleet.usage import read_usage
    from toolkit.report import fleet as report

    say = progress(quiet)
    _refuse_what_cannot_apply(invoked)
    if init is not None:
        found = _inventory(inventory, context) if inventory or services_from_cluster else None
        for file in write_starter(init, found.services if found else ()):
            print(f"written: {file}")
        named = f" --context {context}" if context else ""
        shown = inventory or (f"--services-from-cluster{named}" if services_from_cluster else "INVENTORY")
        print(f"edit them, then: gilfree fleet {shown} --rules {init / 'rules.yaml'} --usage {init / 'usage.csv'}")
        return
    least = LeastSaving.parse(least_saving)
    if rules is None:
        raise GilfreeError("--rules is missing", f"write one to begin with: gilfree fleet {inventory or ''} --init .")
    if (usage is None) == (prometheus is None):
        raise GilfreeError(
            "give either --usage or --prometheus", "the CSV has the columns namespace,name,rps,cpu,memory_max"
        )
    known = read_rules(rules, results)
    catalogue = usable_types(read_catalogue(nodes, nodes_from_cluster, context), arch, spot)
    of_fleet = _inventory(inventory, context)
    services = of_fleet.services
    say(f"{len(services):,} services, {len(known.rules)} rules, {len(known.profiles)} profiles")
    if usage is not None:
        figures = read_usage(usage)
    else:
        from toolkit.fleet.prometheus.client import access
        from toolkit.fleet.prometheus.queries import Queries, read_queries
        from toolkit.fleet.prometheus.usage import query_usage

        to = access(prometheus or "", header or ())
        say(f"asking {to.url}")
        figures = query_usage(to, read_queries(queries) if queries else Queries(), say=say)
    notes = *of_fleet.notes, *figures.notes
    ranking = rank_services(services, known, figures.figures, catalogue, headroom, spare_nodes, least, notes)
    if html is not None:
        subtitle = f"{inventory or 'the cluster'}, rules {rules}, usage {usage or prometheus}"
        write_file(html, report.html(ranking, "Which services to move first", subtitle))
        say(f"report: {html}")
    print(json.dumps(ranking.data(), indent=1, allow_nan=False) if json_output else report.text(ranking, top), end="")


def _refuse_what_cannot_apply(invoked: typer.Context) -> None:
    """Raise GilfreeError for options that have no effect on what was asked, and for no inventory or two of them."""
    from toolkit.cli.shared.given import given_options, refuse_others
    from toolkit.errors import GilfreeError

    given = given_options(invoked)
    if "init" in given:
        refuse_others(invoked, INIT, "--init only writes files to begin with")
    sources = sum(name in given for name in ("inventory", "services_from_cluster"))
    if sources > 1 or (not sources and "init" not in given):
        raise GilfreeError(
            "give either an inventory or --services-from-cluster", "kubectl get deploy -A -o json > deploy.json"
        )
    if "context" in given and not {"services_from_cluster", "nodes_from_cluster"} & set(given):
        raise GilfreeError(
            "--context has no effect without a cluster", "give --services-from-cluster or --nodes-from-cluster"
        )
    for name in ("queries", "header"):
        if name in given and "prometheus" not in given:
            raise GilfreeError(f"--{name} has no effect without --prometheus", "give --prometheus ADDRESS")


def _inventory(file: Path | None, context: str | None) -> Inventory:
    """The inventory in a file; None: that of the cluster."""
    from toolkit.fleet.inventory.files import inventory_of_cluster, read_inventory

    return inventory_of_cluster(context) if file is None else read_inventory(file)
