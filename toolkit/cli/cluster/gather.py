"""`gilfree cluster gather`: the records of campaigns, rebuilt from what the cluster still has."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.cluster.shared import Context, Name, Namespace, connected


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(gather)


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
    from toolkit.cli.shared.tables import print_tables
    from toolkit.errors import CHECK_FAILED

    def say(words: str) -> None:
        if not quiet:
            print(words, file=sys.stderr, flush=True)

    wanted = find_descriptions(connected(context, namespace), campaign)
    found = [take(connected(context, namespace), one, results, say) for one in wanted]
    for one in found:
        running = f", {one.running} not over yet (gather again later)" if one.running else ""
        known = f", {one.known} were there before" if one.known else ""
        say(f"{one.campaign.name}: {one.added} trials gathered{known}{running}")
    if not any(one.added + one.known for one in found):
        print("gilfree: no finished trial yet", file=sys.stderr)
        sys.exit(CHECK_FAILED)
    print_tables([one.campaign for one in found], "json" if json_output else "text")
    say("results: " + ", ".join(str(one.campaign.folder) for one in found))
