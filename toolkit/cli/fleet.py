"""`gilfree fleet`: which of many services to move first, and what that saves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.shared.options import AsJson, Quiet


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(fleet)


def fleet(
    inventory: Annotated[
        Path | None,
        typer.Argument(help="Output of `kubectl get deploy -A -o json`, or a CSV; omitted with --from-cluster."),
    ] = None,
    from_cluster: Annotated[bool, typer.Option("--from-cluster", help="Read the cluster's Deployments.")] = False,
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
    headroom: Annotated[float, typer.Option(help="Share of its CPU request that a pod may use at the peak.")] = 0.7,
    spare_nodes: Annotated[int, typer.Option(min=0, help="Nodes to plan beyond those needed.")] = 1,
    html: Annotated[Path | None, typer.Option(help="Write the ranking as one self-contained HTML file.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Services to print of each list.")] = 10,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Rank services by what moving to free-threaded Python saves.

    Measures nothing. A service without figures is listed as unknown.
    """
    import json

    from toolkit.capacity.nodes.catalogue import load_catalogue
    from toolkit.cli.shared.output import progress, write_file
    from toolkit.errors import GilfreeError
    from toolkit.fleet.inventory import from_cluster as services_of_cluster
    from toolkit.fleet.inventory import read_inventory
    from toolkit.fleet.ranking import rank_services
    from toolkit.fleet.rules import read_rules
    from toolkit.fleet.usage import read_usage
    from toolkit.report import fleet as report

    say = progress(quiet)
    if (inventory is None) != from_cluster:
        raise GilfreeError("give either an inventory or --from-cluster", "kubectl get deploy -A -o json > deploy.json")
    if rules is None:
        raise GilfreeError(
            "--rules is missing", "give a file that says which services are Python: docs/capacity-plan.md"
        )
    if (usage is None) == (prometheus is None):
        raise GilfreeError(
            "give either --usage or --prometheus", "the CSV has the columns namespace,name,rps,cpu,memory_max"
        )
    if prometheus is None and (queries or header):
        raise GilfreeError("--queries and --header are of --prometheus", "give --prometheus, or omit them")
    known = read_rules(rules)
    catalogue = load_catalogue(nodes)
    services = services_of_cluster() if inventory is None else read_inventory(inventory)
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
    found = rank_services(services, known, figures.figures, catalogue, headroom, spare_nodes, notes=figures.notes)
    if html is not None:
        subtitle = f"{inventory or 'the cluster'}, rules {rules}, usage {usage or prometheus}"
        write_file(html, report.html(found, "Which services to move first", subtitle))
        say(f"report: {html}")
    print(json.dumps(found.data(), indent=1, allow_nan=False) if json_output else report.text(found, top), end="")
