"""`gilfree images prune`: remove old images of gilfree."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli.shared.options import AsJson


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(prune)


def prune(
    keep: Annotated[
        int, typer.Option(min=0, help="How many images of each kind and variant to keep, newest first.")
    ] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print which images would be removed.")] = False,
    json_output: AsJson = False,
) -> None:
    """Remove old images of gilfree, but none that is current or that a moving tag points to."""
    import json

    from toolkit.engine.client import connected
    from toolkit.images.registry.prune import list_images, prunable, remove_images
    from toolkit.images.staleness.observe import current_ids

    with connected() as client:
        gone = prunable(list_images(client), keep, current_ids(client))
        names = [one.name for one in gone] if dry_run else remove_images(client, gone)
    if json_output:
        print(json.dumps(names, indent=1))
        return
    for name in names:
        print(f"{'would remove' if dry_run else 'removed'} {name}")
    print(f"{len(names)} images")
