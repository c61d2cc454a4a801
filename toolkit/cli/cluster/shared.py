"""What the commands about a cluster share: their argument, and the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from toolkit.backends.kubernetes.client import Cluster

Name = Annotated[str, typer.Argument(help="A campaign, or a run with all its campaigns.")]


def connected(context: str | None, namespace: str | None) -> Cluster:
    """The cluster, after one request that is not repeated: a user at a terminal should not wait for retries.

    Raises GilfreeError when the cluster does not answer.
    """
    from toolkit.backends.kubernetes.client import Cluster

    found = Cluster(context, namespace)
    found.get_once("/version")
    return found
