"""Comparisons as grids of text cells, beside cells.py: what the terminal, Markdown and HTML print of verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toolkit.analysis.comparison import Best, Comparison
from toolkit.analysis.families import Described, Judged
from toolkit.analysis.headline import WORDS
from toolkit.analysis.noise import Noise
from toolkit.analysis.unpaired import Unpaired
from toolkit.campaign.contrasts import Contrast
from toolkit.report.cells import Grid, Line, number
from toolkit.scenario.matrix import SERVER_SETTINGS

FORMS = {
    "requests_per_second": ("requests/s", "{:,.0f}"),
    "cpu_seconds_per_1000_requests": ("CPU s / 1,000 requests", "{:.3f}"),
    "memory_mb": ("memory MB", "{:,.0f}"),
    "latency_p99_ms": ("p99 ms", "{:,.1f}"),
    "latency_mean_ms": ("mean latency ms", "{:,.1f}"),
    "requests_per_second_per_cpu_used": ("requests/s per CPU used", "{:,.0f}"),
    "requests_per_second_per_gb": ("requests/s per GB", "{:,.0f}"),
    "rss_mb": ("RSS MB", "{:,.0f}"),
    "uss_mb": ("USS MB", "{:,.0f}"),
    "working_set_mb": ("working set MB", "{:,.0f}"),
}
NOISE_WORDS = {
    "steal": "stolen by the host",
    "foreign_cpu": "taken by other processes",
    "throttled_periods": "server throttled",
    "loader_throttled_periods": "loader throttled",
    "loader_saturation": "loader's use of its CPUs",
}
MOST_SPREADS = 3
HEAD = ("", "metric", "baseline", "candidate", "ratio", "95 % interval", "Holm p", "visible from", "n", "verdict")


def verdicts(found: Comparison) -> Grid:
    """Every primary metric of every contrast and point."""
    lines = [line for one in found.points for line in _family(f"{one.point.label()}\n{one.contrast.words}", one.family)]
    return Grid(HEAD, tuple(lines), 2)


def best(found: Comparison) -> Grid:
    """Each side at its own best setting."""
    lines = [line for one in found.best for line in _family(_best(one), one.family)]
    return Grid(HEAD, tuple(lines), 2)


def descriptive(found: Comparison) -> Grid:
    """Figures without a verdict; those that no trial has are left out."""
    lines = [
        Line((f"{point.point.label()} {point.contrast.words}", FORMS[one.metric][0], *_values(one), str(one.n)))
        for point in found.points
        for one in point.described
        if one.n
    ]
    return Grid(("", "figure", "baseline", "candidate", "ratio", "n"), tuple(lines), 2)


def unpaired(found: Unpaired) -> Grid:
    """New over old of two campaigns."""
    lines = [line for one in found.points for line in _family(f"{one.point.label()}\n{one.role}", one.family)]
    return Grid((*HEAD[:2], "old", "new", *HEAD[4:]), tuple(lines), 2)


def noise(found: Noise) -> list[str]:
    """How quiet it was, a line each."""
    lines = [
        f"{NOISE_WORDS[one.name]}: median {one.median:.1%}, highest {one.highest:.1%}"
        + (f", limit {one.limit:.1%}" if one.limit is not None else "")
        for one in found.shares
    ]
    if found.frequency_mhz_median is None:
        lines.append("CPU frequency: this machine does not tell it")
    else:
        lines.append(
            f"CPU frequency: {found.frequency_mhz_lowest:,.0f} to {found.frequency_mhz_highest:,.0f} MHz,"
            f" median {found.frequency_mhz_median:,.0f}"
        )
    if found.spread_median is not None:
        widest = ", ".join(f"{one.arm} {one.point} {one.relative:.1%}" for one in found.spreads[:MOST_SPREADS])
        lines.append(f"spread of requests/s over blocks: median {found.spread_median:.1%}; widest: {widest}")
    rejected = [
        f"{one.count} {one.reason}{' (the machine)' if one.environmental else ''}, such as: {one.example}".rstrip(": ")
        for one in found.rejected
    ]
    lines += [f"rejected of {found.trials} trials: {words}" for words in rejected] or [
        f"rejected of {found.trials} trials: none"
    ]
    return lines


def contrast(one: Contrast) -> str:
    """What is compared with what."""
    kinds = {"variants": "variants", "against": "new against old", "aa": "the same twice (A/A)"}
    return f"{kinds[one.kind]}: {one.words}"


def percent(value: float | None) -> str:
    """A ratio as a change."""
    return "" if value is None else f"{value - 1:+.1%}"


def _best(one: Best) -> str:
    where = one.candidate.label(omit=SERVER_SETTINGS)
    sides = (point.label(omit=("endpoint", "connections")) for point in (one.candidate, one.baseline))
    return f"{where} {one.contrast.words}\n{' / '.join(sides)}"


def _family(head: str, family: Sequence[Judged]) -> Iterable[Line]:
    for index, one in enumerate(family):
        form = FORMS[one.metric][1]
        interval = f"{percent(one.low)} to {percent(one.high)}" if one.low is not None else ""
        yield Line(
            (
                (head.split("\n")[index : index + 1] or [""])[0],
                WORDS[one.metric] if one.metric != "cpu_seconds_per_1000_requests" else "CPU s / 1,000 req",
                number(one.baseline, form),
                number(one.candidate, form),
                number(one.ratio, "×{:.3f}"),
                interval,
                number(one.holm_p, "{:.3f}"),
                number(one.smallest_effect, "{:.1%}"),
                str(one.n),
                one.verdict,
            ),
            ends=index + 1 == len(family),
        )


def _values(one: Described) -> tuple[str, str, str]:
    form = FORMS[one.metric][1]
    return number(one.baseline, form), number(one.candidate, form), number(one.ratio, "×{:.3f}")
