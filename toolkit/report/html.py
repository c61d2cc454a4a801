"""The report as one self-contained HTML file: no scripts, nothing loaded from anywhere, the same bytes for the same data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.report.page import Page

TEMPLATE = "report.html.j2"


def render(pages: Sequence[Page], title: str, subtitle: str) -> str:
    """The whole file."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(pages=pages, title=title, subtitle=subtitle)
