"""How often each arm failed by itself, and what that does to verdicts.

What the trials that counted say about an arm that often fails is said of its lucky trials. So where an arm fails in more
than 5% of cases, the other trials give no verdict; where two arms fail at different rates, that difference decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from toolkit.analysis.stats.proportions import clopper_pearson, fisher_p
from toolkit.analysis.stats.verdict_rule import SIGNIFICANCE
from toolkit.campaign.plan import failures
from toolkit.records.store import Record

MOST_FAILURES = 0.05
"""Above this failure rate (the lower end of its 95% interval) an arm's other trials give no verdict."""


@dataclass(frozen=True)
class FailureRate:
    """How often `arm` (of variant `role`) failed by itself at the point `key`: in `failed` of `concluded` trials, by reason.

    low, high: the 95% interval of the failure rate (Clopper and Pearson).
    """

    key: str
    arm: str
    role: str
    failed: int
    concluded: int
    low: float
    high: float
    reasons: Mapping[str, int]

    @property
    def often(self) -> bool:
        """Whether the arm fails so often that its other trials give no verdict."""
        return self.low > MOST_FAILURES

    @property
    def main_reason(self) -> str:
        """The most frequent reason, as records name it; "" where no trial failed."""
        return max(self.reasons, key=lambda reason: self.reasons[reason]) if self.reasons else ""


Rates = Mapping[tuple[str, str], FailureRate]
"""Failure rates by point key and arm."""


def failure_rates(records: Sequence[Record], arms: Collection[str]) -> dict[tuple[str, str], FailureRate]:
    """The failure rate of every arm at every point at which it has a trial that counted or failed."""
    roles = {one.arm: one.role for one in records}
    return {
        (key, arm): _rate(key, arm, roles[arm], one.failed, one.concluded, one.reasons)
        for (key, arm), one in failures(records, arms).items()
    }


def pooled(rates: Sequence[FailureRate]) -> FailureRate | None:
    """The rate of one arm over several points, named after the first; None without any."""
    if not rates:
        return None
    reasons: Counter[str] = Counter()
    for one in rates:
        reasons.update(one.reasons)
    failed, concluded = sum(one.failed for one in rates), sum(one.concluded for one in rates)
    return _rate(rates[0].key, rates[0].arm, rates[0].role, failed, concluded, reasons)


def differ(one: FailureRate, other: FailureRate) -> bool:
    """Whether two arms fail at different rates (Fisher's exact test, 5%)."""
    return fisher_p(one.failed, one.concluded, other.failed, other.concluded) <= SIGNIFICANCE


def _rate(key: str, arm: str, role: str, failed: int, concluded: int, reasons: Mapping[str, int]) -> FailureRate:
    if failed:
        low, high = clopper_pearson(failed, concluded)
    else:  # in closed form, so that a campaign without failures needs no scipy
        low, high = 0.0, 1 - (SIGNIFICANCE / 2) ** (1 / concluded)
    return FailureRate(key, arm, role, failed, concluded, low, high, dict(reasons))
