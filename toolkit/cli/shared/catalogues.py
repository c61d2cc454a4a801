"""The node types that `plan` and `fleet` count with: of a file, the sample, or a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.capacity.nodes.catalogue import Catalogue


def read_catalogue(nodes: Path | None, from_cluster: bool, context: str | None) -> Catalogue:
    """The catalogue in a file (None: the sample), or that of a cluster with the prices of the file. Raises GilfreeError."""
    from toolkit.capacity.nodes.catalogue import load_catalogue

    if not from_cluster:
        return load_catalogue(nodes)
    from toolkit.capacity.nodes.from_cluster import read_cluster_catalogue

    return read_cluster_catalogue(load_catalogue(nodes) if nodes else None, context)
