"""The report as one self-contained HTML file: no scripts, nothing loaded from anywhere, the same bytes for the same data."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.report.page import Page
from toolkit.report.templates import render_template

TEMPLATE = "report.html.j2"


def render(pages: Sequence[Page], title: str, subtitle: str) -> str:
    """The whole file."""
    return render_template(TEMPLATE, pages=pages, title=title, subtitle=subtitle)
