"""`gilfree cluster cancel`: remove a campaign from a cluster."""

from __future__ import annotations

import typer

from toolkit.cli.cluster.shared import Context, Name, Namespace, connected


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(cancel)


def cancel(
    campaign: Name,
    context: Context = None,
    namespace: Namespace = None,
) -> None:
    """Remove a campaign's Jobs, pods and description from the cluster; records on machines stay. What was measured and
    not gathered is lost."""
    from toolkit.backends.kubernetes import jobs
    from toolkit.backends.kubernetes.overview import find_descriptions, list_jobs

    cluster = connected(context, namespace)
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
