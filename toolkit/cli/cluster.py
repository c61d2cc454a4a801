"""`gilfree status|gather|cancel`: campaigns on a cluster, from any machine that has their name and the cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from toolkit.backends.kubernetes.client import Cluster

Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig; the current one by default.")]
Namespace = Annotated[str | None, typer.Option(help="Namespace of the Jobs; the context's by default.")]
Name = Annotated[str, typer.Argument(help="A campaign, or a run with all of its campaigns.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(gather)
    app.command()(cancel)


def _connected(context: str | None, namespace: str | None) -> Cluster:
    """The cluster, once it has answered: patience is for campaigns, not for whoever waits in front of a terminal."""
    from toolkit.backends.kubernetes.client import Cluster

    found = Cluster(context, namespace)
    found.get_once("/version")
    return found


def status(
    campaign: Annotated[str | None, typer.Argument(help="A campaign or a run; all that there are by default.")] = None,
    context: Context = None,
    namespace: Namespace = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show how the trials of campaigns on a cluster stand."""
    import json

    from toolkit.backends.kubernetes.overview import find_descriptions, list_descriptions
    from toolkit.bench.gather import job_states

    cluster = _connected(context, namespace)
    found = find_descriptions(cluster, campaign) if campaign else list_descriptions(cluster)
    standing = {str(one["name"]): [state for _, state in job_states(cluster, str(one["name"]))] for one in found}
    if json_output:
        print(json.dumps({name: [one.data() for one in states] for name, states in standing.items()}, indent=1))
        return
    if not standing:
        print(f"no campaign in namespace {cluster.namespace} of context {cluster.context}")
    for name, states in standing.items():
        counts = {kind: sum(one.state == kind for one in states) for kind in dict.fromkeys(s.state for s in states)}
        words = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "no Job yet"
        print(f"{name}: {words}")
        for one in states if campaign else [one for one in states if one.state not in ("done", "failed")]:
            about = f"  {one.state:8} block {one.block + 1} {one.point} {one.arm}"
            again = f" attempt {one.attempt}" if one.attempt > 1 else ""
            where = f" on {one.node}" if one.node else ""
            print(f"{about}{again}{where}" + (f": {one.detail}" if one.detail else ""))


def gather(
    campaign: Name,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    context: Context = None,
    namespace: Namespace = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the tables as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Rebuild a campaign's records from its Jobs and their logs, and print the tables. Nothing is changed there."""
    from toolkit.backends.kubernetes.overview import find_descriptions
    from toolkit.bench.gather import gather as take
    from toolkit.cli.show import print_tables
    from toolkit.errors import CHECK_FAILED

    def say(words: str) -> None:
        if not quiet:
            print(words, file=sys.stderr, flush=True)

    wanted = find_descriptions(_connected(context, namespace), campaign)
    found = [take(_connected(context, namespace), one, results, say) for one in wanted]
    for one in found:
        running = f", {one.running} not over yet (gather again later)" if one.running else ""
        known = f", {one.known} were there before" if one.known else ""
        say(f"{one.campaign.name}: {one.added} trials gathered{known}{running}")
    if not any(one.added + one.known for one in found):
        print("gilfree: no finished trial yet", file=sys.stderr)
        sys.exit(CHECK_FAILED)
    print_tables([one.campaign for one in found], "json" if json_output else "text")
    say("results: " + ", ".join(str(one.campaign.folder) for one in found))


def cancel(
    campaign: Name,
    context: Context = None,
    namespace: Namespace = None,
) -> None:
    """Remove a campaign's Jobs, pods and description from the cluster; records on machines stay. What was measured and
    not gathered is lost."""
    from toolkit.backends.kubernetes import jobs
    from toolkit.backends.kubernetes.overview import find_descriptions, list_jobs

    cluster = _connected(context, namespace)
    # Jobs whose description is gone have their campaign's name still.
    names = (
        [campaign]
        if any(list_jobs(cluster, campaign))
        else [str(one["name"]) for one in find_descriptions(cluster, campaign)]
    )
    for name in names:
        count = sum(1 for _ in list_jobs(cluster, name))
        jobs.remove_campaign(cluster, name)
        print(f"{name}: {count} Jobs with their pods and logs are removed, and its description")
