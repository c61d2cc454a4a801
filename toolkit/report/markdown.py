"""The report as Markdown: the decision, the tables, what was rejected and how to measure it again; no plots."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.report.cells import Grid
from toolkit.report.page import Page

MAX_LINES = 200


def render(pages: Sequence[Page], title: str, subtitle: str) -> str:
    """The whole file."""
    lines = [f"# {escape(title)}", "", escape(subtitle), ""]
    for page in pages:
        lines += [f"**{escape(page.content.table.title)}**: {escape(page.decision.first)}", ""]
        lines += [*(f"- {escape(words)}" for words in page.decision.lines), ""]
    for page in pages:
        lines += _page(page)
    return "\n".join(lines).rstrip() + "\n"


def _page(page: Page) -> list[str]:
    table = page.content.table
    lines = [f"## {escape(table.title)}", "", escape(f"{table.campaign}, {page.content.created}. {page.counted}."), ""]
    lines += [f"### {page.figures_heading}", "", *grid(page.figures), ""]
    if page.claims.lines:
        lines += ["### Claims", "", *grid(page.claims), ""]
    if page.best:
        lines += ["### Best against best", "", *grid(page.best), ""]
    if page.ratios.lines:
        lines += ["### Identical settings", "", *grid(page.ratios), ""]
    lines += ["### Caveats", "", *(f"- {escape(words)}" for words in page.caveats), ""]
    lines += ["### Noise, failed and rejected trials", "", *(f"- {escape(words)}" for words in page.noise), ""]
    lines += [
        "### Environment",
        "",
        *(f"- {escape(name)}: {escape(value)}" for name, value in page.content.environment),
    ]
    lines += ["", "### Commands", ""]
    for one in page.content.commands:
        lines += [f"{escape(one.what)}:", "", f"    {one.line}", ""]
    return lines


def grid(one: Grid) -> list[str]:
    """A grid as a pipe table; what goes beyond 200 lines is named, not printed."""
    heads = [escape(head.replace("\n", " ")) for head in one.head]
    lines = ["| " + " | ".join(heads) + " |"]
    lines.append("|" + "|".join("---" if index < one.left else "--:" for index in range(len(heads))) + "|")
    lines += ["| " + " | ".join(escape(cell) for cell in line.cells) + " |" for line in one.lines[:MAX_LINES]]
    if len(one.lines) > MAX_LINES:
        lines += ["", f"{len(one.lines) - MAX_LINES} further rows: see --html, --csv or --json."]
    return [*lines, *(f"\n{escape(note)}" for note in one.notes)]


def escape(text: str) -> str:
    """Text that Markdown leaves as it is."""
    for letter in "\\`*_|<>[]":
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\n", " ")
