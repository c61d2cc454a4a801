"""Comparisons as grids of text cells, for the terminal, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toolkit.analysis.comparison import BestComparison, Comparison
from toolkit.analysis.failures import FailureRate
from toolkit.analysis.families import DescriptiveFigure, MetricComparison
from toolkit.analysis.noise import Noise, RejectionCount
from toolkit.analysis.unpaired import Unpaired
from toolkit.campaign.contrasts import Contrast
from toolkit.report.cells import Grid, Line
from toolkit.report.verdicts import often_failing
from toolkit.report.words import METRICS, interval, loosened, number, verdict
from toolkit.scenario.matrix import SERVER_SETTINGS

NOISE_WORDS = {
    "steal": "stolen by the host",
    "foreign_cpu": "taken by other processes",
    "throttled_periods": "server throttled",
    "loader_throttled_periods": "loader throttled",
    "loader_saturation": "loader's use of its CPUs",
}
MOST_SPREADS = 3
HEAD = ("", "metric", "baseline", "candidate", "ratio", "95% interval", "Holm p", "visible from", "n", "verdict")


def verdicts(found: Comparison) -> Grid:
    """Every primary metric of every contrast at every point, with its verdict."""
    lines = [
        line
        for one in found.points
        for line in _family(f"{one.point.label()}\n{one.contrast.label}", one.family, one.failures)
    ]
    return Grid(HEAD, tuple(lines), 2)


def best(found: Comparison) -> Grid:
    """Each side at its own best setting."""
    lines = [line for one in found.best for line in _family(_best(one), one.family, one.failures)]
    return Grid(HEAD, tuple(lines), 2)


def descriptive(found: Comparison) -> Grid:
    """Figures without a verdict; those that no trial has are omitted."""
    lines = [
        Line((f"{point.point.label()} {point.contrast.label}", METRICS[one.metric].heading, *_values(one), str(one.n)))
        for point in found.points
        for one in point.descriptive
        if one.n
    ]
    return Grid(("", "figure", "baseline", "candidate", "ratio", "n"), tuple(lines), 2)


def unpaired(found: Unpaired) -> Grid:
    """New over old of two campaigns, every primary metric with its verdict."""
    lines = [
        line for one in found.points for line in _family(f"{one.point.label()}\n{one.role}", one.family, one.failures)
    ]
    return Grid((*HEAD[:2], "old", "new", *HEAD[4:]), tuple(lines), 2)


def noise(found: Noise) -> list[str]:
    """How quiet a campaign was, a line for each disturbance and each cause of rejection."""
    lines = [
        f"{NOISE_WORDS[one.name]}: median {one.median:.1%}, highest {one.highest:.1%}"
        + (f", limit {one.limit:.1%}" if one.limit is not None else "")
        for one in found.shares
    ]
    if found.frequency_mhz_median is None:
        lines.append("CPU frequency: this machine does not report it")
    else:
        lines.append(
            f"CPU frequency: {found.frequency_mhz_lowest:,.0f} to {found.frequency_mhz_highest:,.0f} MHz,"
            f" median {found.frequency_mhz_median:,.0f}"
        )
    if found.spread_median is not None:
        widest = ", ".join(f"{one.arm} {one.point} {one.relative:.1%}" for one in found.spreads[:MOST_SPREADS])
        lines.append(
            f"spread of {METRICS[found.spread_metric].name} over blocks: median {found.spread_median:.1%}; widest: {widest}"
        )
    lines += [f"loosened limit {loosened(one)}" for one in found.loosened]
    for what, environmental in (("failed", False), ("rejected", True)):
        reasons = [one for one in found.rejected if one.environmental == environmental]
        lines += [f"{what} of {found.trials} trials: {_reason(one)}" for one in reasons] or [
            f"{what} of {found.trials} trials: none"
        ]
    return lines


def _reason(one: RejectionCount) -> str:
    example = f", such as: {one.example}" if one.example else ""
    return f"{one.count} {one.reason}{example}"


def contrast(one: Contrast) -> str:
    """A contrast with its kind."""
    kinds = {"variants": "variants", "against": "new against old", "aa": "the same twice (A/A)"}
    return f"{kinds[one.kind]}: {one.label}"


def _best(one: BestComparison) -> str:
    where = one.candidate.label(omit=SERVER_SETTINGS)
    sides = (point.label(omit=("endpoint", "connections")) for point in (one.candidate, one.baseline))
    return f"{where} {one.contrast.label}\n{' / '.join(sides)}"


def _family(head: str, family: Sequence[MetricComparison], failures: Sequence[FailureRate]) -> Iterable[Line]:
    for index, one in enumerate(family):
        form = METRICS[one.metric].form
        yield Line(
            (
                (head.split("\n")[index : index + 1] or [""])[0],
                METRICS[one.metric].heading,
                number(one.baseline, form),
                number(one.candidate, form),
                number(one.ratio, "×{:.3f}"),
                interval(one.low, one.high),
                number(one.holm_p, "{:.3f}"),
                number(one.smallest_effect, "{:.1%}"),
                str(one.n),
                one.verdict if often_failing(failures) else verdict(one),
            ),
            ends=index + 1 == len(family),
        )


def _values(one: DescriptiveFigure) -> tuple[str, str, str]:
    form = METRICS[one.metric].form
    return number(one.baseline, form), number(one.candidate, form), number(one.ratio, "×{:.3f}")
