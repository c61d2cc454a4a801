"""`gilfree images list`: the images of gilfree in the Docker engine."""

from __future__ import annotations

from typing import Any

import typer

from toolkit.cli.shared.options import AsJson


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list")(list_images)


def list_images(json_output: AsJson = False) -> None:
    """List the images of gilfree in the Docker engine: tag, id, size, age, and why each was built."""
    import json
    from dataclasses import asdict

    from toolkit.engine.client import connected
    from toolkit.images.registry import prune

    with connected() as client:
        found = prune.list_images(client)
    if json_output:
        print(json.dumps([asdict(one) for one in found], indent=1))
        return
    if found:
        print(f"{'tag':44} {'id':12}  {'size':>8}  {'age':>9}  why it was built")
    for one in found:
        print(f"{one.name:44} {one.image_id[7:19]}  {one.size_bytes / 1e6:5.0f} MB  {_age(one.created):>9}  {one.why}")
        for tag in one.moving:
            print(f"  {tag}")
    if not found:
        print("no images; `gilfree images build` builds them")


def _age(created: str) -> str:
    from datetime import UTC, datetime

    if created.isdigit():
        then = datetime.fromtimestamp(int(created), UTC)
    else:
        try:
            then = datetime.strptime(created, "%Y-%m-%dT%H:%M:%S%z")
        except ValueError:
            return created
    seconds: Any = (datetime.now(UTC) - then).total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
