"""matplotlib figures as small inline SVG that follows the page: its colours are the page's CSS variables.

Figures are drawn with marker colours of their own, which are then replaced by `var(--…)`, so one drawing serves light
and dark. Text stays text (small, selectable). The same figure always gives the same bytes: a fixed salt, no date.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 5.0
"""360 units of 1/72 inch: drawn one to one on a phone of 390 pixels, a little larger where there is room."""

INK, FAINT, GRID, BAND = "#010101", "#020202", "#030303", "#040404"
ARMS = ("#0a0a01", "#0a0a02", "#0a0a03", "#0a0a04")
_VARIABLES = {INK: "ink", FAINT: "faint", GRID: "grid", BAND: "band"} | {
    colour: f"arm{index}" for index, colour in enumerate(ARMS)
}
MARKERS, LINES = ("o", "D", "s", "^"), ("-", "--", "-.", ":")
"""Arms differ in shape and line as well as in colour."""

_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",  # wide: what fits in it fits in any other
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "path.simplify": True,
}


@contextmanager
def figure(height_inches: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure with one axes in our style; close to it nothing of matplotlib's global state is touched."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        made = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
        yield made, made.add_subplot()


def inline(made: Figure, name: str, title: str, description: str) -> str:
    """The figure as an `<svg>` element with a title and a description for readers who do not see it."""
    import matplotlib as mpl

    buffer = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        made.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # groups are never referred to, and their names would clash on the page
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    view = re.search(r'viewBox="([^"]+)"', text)
    assert view is not None, "matplotlib always writes a viewBox"
    head = (
        f'<svg viewBox="{view[1]}" role="img" aria-labelledby="{name}-title {name}-text" class="plot">'
        f'<title id="{name}-title">{html.escape(title)}</title><desc id="{name}-text">{html.escape(description)}</desc>'
    )
    body = text[text.index(">") + 1 :]
    return head + re.sub(r"\s*\n\s*", "\n", body).strip()
