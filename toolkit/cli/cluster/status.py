"""`gilfree cluster status`: how far campaigns on a cluster are, from any machine that reaches the cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli.cluster.shared import connected
from toolkit.cli.shared.options import AsJson, Context, Namespace


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(
    campaign: Annotated[str | None, typer.Argument(help="A campaign or a run; all by default.")] = None,
    context: Context = None,
    namespace: Namespace = None,
    json_output: AsJson = False,
) -> None:
    """Print the state of each trial of the campaigns on a cluster."""
    import json

    from toolkit.backends.kubernetes.overview import find_descriptions, list_descriptions
    from toolkit.bench.gather import job_states

    cluster = connected(context, namespace)
    found = find_descriptions(cluster, campaign) if campaign else list_descriptions(cluster)
    states_by_campaign = {
        str(one["name"]): [state for _, state in job_states(cluster, str(one["name"]))] for one in found
    }
    if json_output:
        print(
            json.dumps({name: [one.data() for one in states] for name, states in states_by_campaign.items()}, indent=1)
        )
        return
    if not states_by_campaign:
        print(f"no campaign in namespace {cluster.namespace} of context {cluster.context}")
    for name, states in states_by_campaign.items():
        counts = {kind: sum(one.state == kind for one in states) for kind in dict.fromkeys(s.state for s in states)}
        words = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "no Job yet"
        print(f"{name}: {words}")
        for one in states if campaign else [one for one in states if one.state not in ("done", "failed")]:
            about = f"  {one.state:8} block {one.block + 1} {one.point} {one.arm}"
            again = f" attempt {one.attempt}" if one.attempt > 1 else ""
            where = f" on {one.node}" if one.node else ""
            print(f"{about}{again}{where}" + (f": {one.detail}" if one.detail else ""))
