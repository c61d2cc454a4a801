"""What the commands about a cluster share: their options, and the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from toolkit.backends.kubernetes.client import Cluster

Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig; the current one by default.")]
Namespace = Annotated[str | None, typer.Option(help="Namespace of the Jobs; the context's by default.")]
Name = Annotated[str, typer.Argument(help="A campaign, or a run with all of its campaigns.")]


def connected(context: str | None, namespace: str | None) -> Cluster:
    """The cluster, once it has answered: patience is for campaigns, not for whoever waits in front of a terminal."""
    from toolkit.backends.kubernetes.client import Cluster

    found = Cluster(context, namespace)
    found.get_once("/version")
    return found
