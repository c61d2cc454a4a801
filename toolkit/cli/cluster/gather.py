"""`gilfree cluster gather`: the records of campaigns, rebuilt from the Jobs and logs on the cluster."""

from __future__ import annotations

import sys

import typer

from toolkit.cli.cluster.shared import Name, connected
from toolkit.cli.shared.options import DEFAULT_RESULTS, AsJson, Context, Namespace, Quiet, Results


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(gather)


def gather(
    campaign: Name,
    results: Results = DEFAULT_RESULTS,
    context: Context = None,
    namespace: Namespace = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Rebuild the records of a campaign from its Jobs and their logs, and print the tables. Changes nothing there."""
    from toolkit.backends.kubernetes.overview import find_descriptions
    from toolkit.bench.gather import gather as take
    from toolkit.cli.shared.output import progress
    from toolkit.cli.shared.tables import print_tables
    from toolkit.errors import CHECK_FAILED

    say = progress(quiet)
    wanted = find_descriptions(connected(context, namespace), campaign)
    found = [take(connected(context, namespace), one, results, say) for one in wanted]
    for one in found:
        running = f", {one.running} still running (gather again later)" if one.running else ""
        known = f", {one.known} were there before" if one.known else ""
        say(f"{one.campaign.name}: {one.added} trials gathered{known}{running}")
    if not any(one.added + one.known for one in found):
        print("gilfree: no finished trial yet", file=sys.stderr)
        sys.exit(CHECK_FAILED)
    print_tables([one.campaign for one in found], "json" if json_output else "text")
    say("results: " + ", ".join(str(one.campaign.folder) for one in found))
