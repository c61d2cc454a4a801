"""`gilfree cluster cancel`: remove a campaign from a cluster."""

from __future__ import annotations

import typer

from toolkit.cli.cluster.shared import Name, connected
from toolkit.cli.shared.options import Context, Namespace


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(cancel)


def cancel(
    campaign: Name,
    context: Context = None,
    namespace: Namespace = None,
) -> None:
    """Remove the Jobs, pods and description of a campaign from the cluster.

    Records that were gathered stay where they are; trials that were measured and not gathered are lost.
    """
    from toolkit.backends.kubernetes import jobs
    from toolkit.backends.kubernetes.overview import find_descriptions, list_jobs

    cluster = connected(context, namespace)
    # Jobs whose description was removed still carry the name of their campaign.
    names = (
        [campaign]
        if any(list_jobs(cluster, campaign))
        else [str(one["name"]) for one in find_descriptions(cluster, campaign)]
    )
    for name in names:
        count = sum(1 for _ in list_jobs(cluster, name))
        jobs.remove_campaign(cluster, name)
        print(f"{name}: {count} Jobs removed, with their pods and logs and the description of the campaign")
