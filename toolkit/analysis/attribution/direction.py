"""Claims judged by their direction alone, where server and load generator share CPUs. Pure.

The load generator's work is then in requests/s and in latency (a true 0.80 reads 0.82), so no size is shown. A direction is,
where CPU per request, which holds none of that work, shows it as well and the load generator takes little of the set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from toolkit.analysis.stats.verdict_rule import ClaimVerdict
from toolkit.scenario.model import Claim

if TYPE_CHECKING:
    from toolkit.analysis.stats.paired import Estimate

MAX_LOADER_SHARE = 0.20
"""From this share of the shared CPUs on, the load generator's work could hide or make a direction."""

Doubt = Literal["", "interval", "cpu", "loader"]
"""Why a direction is not decided: the claimed metric's own interval holds 1, CPU per request does not agree, or the load
generator took too much of the CPUs."""


def direction_of(claim: Claim) -> Literal[-1, 1] | None:
    """1 for a claim of more, -1 for one of less, None for a band that holds 1."""
    if claim.high <= 1:
        return -1
    return 1 if claim.low >= 1 else None


def judge_direction(
    claim: Claim, own: Estimate, cpu: Estimate | None, loader_share: float | None
) -> tuple[ClaimVerdict, Doubt]:
    """The verdict on a claim's direction, and the doubt that leaves it inconclusive.

    own: the estimate of the claimed metric's ratio. cpu: that of CPU per request; None: not measured. loader_share: the part
    of the shared CPUs that the load generator used; None: unknown. The claim must have a direction.
    """
    if loader_share is None or loader_share >= MAX_LOADER_SHARE:
        return "inconclusive", "loader"
    shown = _sign(own)
    if not shown:
        return "inconclusive", "interval"
    # More requests/s are less CPU per request; latency and CPU per request itself rise with it.
    expected = -shown if claim.metric == "requests_per_second" else shown
    if cpu is None or _sign(cpu) != expected:
        return "inconclusive", "cpu"
    return ("direction holds" if shown == direction_of(claim) else "contradicted"), ""


def _sign(estimate: Estimate) -> int:
    """1 or -1 where the whole interval of a ratio is above or below 1, else 0."""
    return 1 if estimate.low > 1 else -1 if estimate.high < 1 else 0
