"""`gilfree compare`: what a campaign comes to, or two of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from toolkit.analysis.comparison import Comparison
    from toolkit.analysis.unpaired import Unpaired
    from toolkit.campaign.runner import Campaign


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compare)


def compare(
    campaign: Annotated[
        str | None, typer.Argument(help="A run or one of its campaigns; the newest run by default.")
    ] = None,
    new: Annotated[str | None, typer.Argument(help="A second campaign: CAMPAIGN is the old, this the new one.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Compare two campaigns of different scenarios or machines all the same.")
    ] = False,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    json_output: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Print each comparison with its ratio, interval and verdict; with NEW, of two campaigns that share no blocks."""
    from toolkit.bench.runs import find_campaigns
    from toolkit.errors import GilfreeError

    if new is None:
        if force:
            raise GilfreeError("--force is for two campaigns, one is named", "leave --force away")
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

        print(json.dumps([one.data() for one in found], indent=1, allow_nan=False))
        return found
    console = _console()
    for one in found:
        _show(one, console)
    return found


def _show(one: Comparison, console: Console) -> None:
    from toolkit.report import compared
    from toolkit.report.terminal import plain, rich_table

    console.print(one.first_line, highlight=False, markup=False)
    console.print(f"\n[bold]{one.title}[/bold]  ({one.campaign})", highlight=False)
    if any(best.choices > 1 for best in one.best):
        console.print("\n[bold]Best against best[/bold], at equal CPUs and memory")
        console.print(rich_table(compared.best(one)))
    console.print("\n[bold]Identical settings[/bold]: " + "; ".join(map(compared.contrast, one.contrasts)))
    console.print(rich_table(compared.verdicts(one)))
    console.print("\n[bold]Beside[/bold] (no verdicts)")
    console.print(rich_table(compared.descriptive(one)))
    for point in one.points:
        if point.stopped:
            plain(console, f"{point.point.label()} {point.contrast.words}: {point.stopped}")
    console.print("\n[bold]Noise[/bold]")
    for words in compared.noise(one.noise):
        plain(console, words)
    for words in one.caveats:
        plain(console, f"- {words}")
    console.print()


def _print_unpaired(found: Unpaired, json_output: bool) -> None:
    if json_output:
        import json

        print(json.dumps(found.data(), indent=1, allow_nan=False))
        return
    from toolkit.report import compared
    from toolkit.report.terminal import plain, rich_table

    console = _console()
    console.print(
        f"{found.new} / {found.old}, unpaired: {found.label}; not to be used as a gate", highlight=False, markup=False
    )
    console.print(rich_table(compared.unpaired(found)))
    for words in found.differences:
        plain(console, f"- {words}")


def _console() -> Console:
    from rich.console import Console

    console = Console(soft_wrap=False)
    return console if console.is_terminal else Console(width=max(console.width, 160))
