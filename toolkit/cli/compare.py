"""`gilfree compare`: the verdicts of a campaign, or of two campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.shared.options import DEFAULT_RESULTS, AsJson, CampaignName, Results
from toolkit.cli.shared.output import console

if TYPE_CHECKING:
    from rich.console import Console

    from toolkit.analysis.comparison import Comparison
    from toolkit.analysis.unpaired import Unpaired
    from toolkit.campaign.runner import Campaign
    from toolkit.report.cells import Grid


WIDTH = 160


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compare)


def compare(
    campaign: CampaignName = None,
    new: Annotated[
        str | None, typer.Argument(help="A second campaign, which is the new one; CAMPAIGN then is the old one.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Compare two campaigns although their scenarios or machines differ.")
    ] = False,
    results: Results = DEFAULT_RESULTS,
    json_output: AsJson = False,
) -> None:
    """Print each comparison with its ratio, interval and verdict; with NEW, compare two campaigns that share no blocks."""
    from toolkit.bench.runs import find_campaigns
    from toolkit.errors import GilfreeError

    if new is None:
        if force:
            raise GilfreeError("--force is for two campaigns, and one is named", "omit --force")
        print_comparisons(find_campaigns(campaign, results), json_output)
        return
    from toolkit.analysis.unpaired import compare_campaigns

    sides = []
    for name in (campaign or "", new):
        found = find_campaigns(name, results)
        if len(found) != 1:
            raise GilfreeError(
                f"{name} is a run of {len(found)} campaigns", f"name one of {', '.join(one.name for one in found)}"
            )
        sides.append(found[0])
    _print_unpaired(compare_campaigns(sides[0], sides[1], force=force), json_output)


def print_comparisons(campaigns: list[Campaign], json_output: bool) -> list[Comparison]:
    """Print the comparison of each campaign, and return them."""
    from toolkit.analysis.compare import compare as compare_campaign

    found = [compare_campaign(one) for one in campaigns]
    if json_output:
        import json

        from toolkit.report.comparison_json import comparison_data

        print(json.dumps([comparison_data(one) for one in found], indent=1, allow_nan=False))
        return found
    out = console(WIDTH)
    for one in found:
        _show(one, out)
    return found


def _show(one: Comparison, out: Console) -> None:
    from toolkit.report import comparison
    from toolkit.report.decision import comparison_caveats, first_line
    from toolkit.report.terminal import heading, plain, rich_table
    from toolkit.report.verdicts import stopping_words

    out.print(first_line(one), highlight=False, markup=False)
    out.print()
    heading(out, one.title, f"  ({one.campaign})")
    if any(best.choices > 1 for best in one.best):
        out.print()
        heading(out, "Best against best", ", at equal CPUs and memory")
        out.print(rich_table(comparison.best(one)))
    out.print()
    heading(out, "Identical settings", ": " + "; ".join(map(comparison.contrast, one.contrasts)))
    _print_table(out, comparison.verdicts(one))
    out.print()
    heading(out, "Other figures", " (no verdicts)")
    _print_table(out, comparison.descriptive(one))
    for point in one.points:
        if stopping := stopping_words(point, one.stopping_rule):
            plain(out, f"{point.point.label()} {point.contrast.label}: {stopping}")
    out.print()
    heading(out, "Noise")
    for words in comparison.noise(one.noise):
        plain(out, words)
    for words in comparison_caveats(one):
        plain(out, f"- {words}")
    out.print()


def _print_table(out: Console, grid: Grid) -> None:
    from toolkit.report.terminal import plain, rich_table

    if grid.lines:
        out.print(rich_table(grid))
    else:
        plain(out, "no block has both arms")


def _print_unpaired(found: Unpaired, json_output: bool) -> None:
    if json_output:
        import json

        from toolkit.report.comparison_json import unpaired_data

        print(json.dumps(unpaired_data(found), indent=1, allow_nan=False))
        return
    from toolkit.report import comparison
    from toolkit.report.terminal import plain, rich_table

    out = console(WIDTH)
    out.print(
        f"{found.new} / {found.old}, unpaired: {found.label}; not to be used as a gate", highlight=False, markup=False
    )
    out.print(rich_table(comparison.unpaired(found)))
    for words in found.differences:
        plain(out, f"- {words}")
