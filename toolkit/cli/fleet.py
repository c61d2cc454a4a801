"""`gilfree fleet`: which of many services should move first, and what it would save."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(fleet)


def fleet(
    inventory: Annotated[
        Path | None,
        typer.Argument(help="`kubectl get deploy -A -o json` in a file, or a CSV; left away with --from-cluster."),
    ] = None,
    from_cluster: Annotated[bool, typer.Option("--from-cluster", help="Read the cluster's Deployments.")] = False,
    rules: Annotated[Path | None, typer.Option(help="YAML: which services are Python, which profile fits.")] = None,
    usage: Annotated[Path | None, typer.Option(help="CSV: namespace,name,rps,cpu_p95,memory_max.")] = None,
    prometheus: Annotated[str | None, typer.Option(help="Instead: address of a Prometheus to ask.")] = None,
    queries: Annotated[Path | None, typer.Option(help="YAML of its queries: rps, cpu_p95, memory_max.")] = None,
    nodes: Annotated[Path | None, typer.Option(help="Node catalogue; by default the shipped sample.")] = None,
    headroom: Annotated[float, typer.Option(help="Share of its CPU that a pod may use at the 95th percentile.")] = 0.7,
    spare_nodes: Annotated[int, typer.Option(min=0, help="Nodes more than needed.")] = 1,
    html: Annotated[Path | None, typer.Option(help="Write the ranking as one self-contained HTML file.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of each list to print.")] = 10,
    json_output: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Rank services by what moving to free-threaded Python saves. Measures nothing; what is not known stays unknown."""
    import json

    from toolkit.capacity.nodes.catalogue import load_catalogue
    from toolkit.errors import GilfreeError
    from toolkit.fleet.inventory import from_cluster as services_of_cluster
    from toolkit.fleet.inventory import read_inventory
    from toolkit.fleet.ranking import judge
    from toolkit.fleet.rules import read_rules
    from toolkit.fleet.usage import read_usage
    from toolkit.report import fleet as report

    def say(words: str) -> None:
        if not quiet:
            print(words, file=sys.stderr, flush=True)

    if (inventory is None) != from_cluster:
        raise GilfreeError("give either an inventory or --from-cluster", "kubectl get deploy -A -o json > deploy.json")
    if rules is None:
        raise GilfreeError("--rules is missing", "a file says which services are Python: docs/capacity-plan.md")
    if (usage is None) == (prometheus is None):
        raise GilfreeError("give either --usage or --prometheus", "a CSV of namespace,name,rps,cpu_p95,memory_max")
    known = read_rules(rules)
    catalogue = load_catalogue(nodes)
    services = services_of_cluster() if inventory is None else read_inventory(inventory)
    say(f"{len(services):,} services, {len(known.rules)} rules, {len(known.profiles)} profiles")
    if usage is not None:
        figures = read_usage(usage)
    else:
        from toolkit.fleet import prometheus as prom

        say(f"asking {prometheus}")
        figures = prom.usage(prometheus or "", prom.read_queries(queries) if queries else prom.DEFAULT_QUERIES)
    found = judge(services, known, figures, catalogue, headroom, spare_nodes)
    if html is not None:
        subtitle = f"{inventory or 'the cluster'}, rules {rules}, usage {usage or prometheus}"
        _write(html, report.html(found, "Which services to move first", subtitle))
        say(f"report: {html}")
    print(json.dumps(found.data(), indent=1, allow_nan=False) if json_output else report.text(found, top), end="")


def _write(file: Path, text: str) -> None:
    from toolkit.errors import GilfreeError

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GilfreeError(
            f"{file} cannot be written: {error.strerror}", "name a file in a folder that exists"
        ) from None
