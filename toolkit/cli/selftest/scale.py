"""`gilfree selftest scale`: what gilfree promises about time and size, measured on made-up campaigns and fleets."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.shared.options import AsJson

if TYPE_CHECKING:
    from toolkit.selftest.promises import PromiseCheck

PARTS = ("capacity", "campaign")
"""The fleet comes first: its memory limit is one of the whole process."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(scale)


def scale(
    only: Annotated[
        str | None, typer.Option(help="Only one part: campaign (compare, report) or capacity (fleet, plan).")
    ] = None,
    json_output: AsJson = False,
) -> None:
    """Time comparing and reporting 1,000 points with 20 blocks each, ranking 5,000 services, and planning.

    Exit 1 when one takes longer, or more memory, than promised.
    """
    from toolkit.errors import GilfreeError

    if only is not None and only not in PARTS:
        raise GilfreeError(f"--only {only}: there is no such part", f"give {' or '.join(PARTS)}")
    print_promises(_check_promises(only), json_output)


def _check_promises(only: str | None) -> Iterator[PromiseCheck]:
    from toolkit.selftest import campaign_scale, capacity_scale

    if only != "campaign":
        yield from capacity_scale.check_promises()
    if only != "capacity":
        yield from campaign_scale.check_promises()


def print_promises(checks: Iterable[PromiseCheck], as_json: bool) -> None:
    """Print each promise as soon as it is measured (as JSON all at the end); exit 1 when one is broken."""
    from toolkit.errors import CHECK_FAILED

    found = []
    for one in checks:
        found.append(one)
        if not as_json:
            state = "" if one.kept else "  BROKEN"
            print(
                f"{one.what}: {one.took:.1f} {one.unit}, at most {one.limit:g} {one.unit} promised{state}", flush=True
            )
    if as_json:
        print(json.dumps([{**asdict(one), "kept": one.kept} for one in found], indent=1))
    if not all(one.kept for one in found):
        sys.exit(CHECK_FAILED)
