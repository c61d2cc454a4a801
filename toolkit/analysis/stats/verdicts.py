"""From estimates to verdicts: Holm inside a family, the verdict of each metric, and whether a claim holds.

- *higher* / *lower*: the 95% interval excludes 1 and Holm's p is at most 0.05;
- *equivalent*: the whole interval lies within ±3%;
- *inconclusive*: everything else, and everything below the least number of blocks of the procedure (see procedure.py).

Nothing is *equivalent* where the interval is Student's t: so few blocks could seldom show it. A metric can be both lower and within ±3%: then the verdict is the direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toolkit.analysis.stats.paired import Estimate
from toolkit.analysis.stats.procedure import FULL, Procedure
from toolkit.analysis.stats.signflip import Floats, Ints
from toolkit.analysis.stats.verdict_rule import BAND, MIN_BLOCKS, SIGNIFICANCE, ClaimVerdict, Verdict

VERDICTS: tuple[Verdict, ...] = ("inconclusive", "higher", "lower", "equivalent")
INCONCLUSIVE, HIGHER, LOWER, EQUIVALENT = range(4)


@dataclass(frozen=True)
class HolmVerdict:
    """The verdict on one metric of a family; `holm_p` is p corrected for the other metrics of the family."""

    verdict: Verdict
    holm_p: float


def holm(p_values: Floats) -> Floats:
    """Holm's step-down p-values (1979) within each row."""
    size = p_values.shape[-1]
    order = np.argsort(p_values, axis=-1)
    stepped = np.take_along_axis(p_values, order, axis=-1) * np.arange(size, 0, -1)
    stepped = np.minimum(1.0, np.maximum.accumulate(stepped, axis=-1))
    found = np.empty_like(stepped)
    np.put_along_axis(found, order, stepped, axis=-1)
    return found


def verdict_codes(low: Floats, high: Floats, holm_p: Floats, n: Ints | int, procedure: Procedure = FULL) -> Ints:
    """Indices into VERDICTS, from the ends of the intervals as logs, p after Holm and the blocks: the rule itself."""
    found = np.full(np.shape(low), INCONCLUSIVE, dtype=np.int64)
    blocks = np.broadcast_to(np.asarray(n), found.shape)
    by_sign_flip = (blocks >= MIN_BLOCKS) | (not procedure.quick)
    found[by_sign_flip & (low >= np.log1p(-BAND)) & (high <= np.log1p(BAND))] = EQUIVALENT
    sure = holm_p <= SIGNIFICANCE
    found[sure & (low > 0)] = HIGHER
    found[sure & (high < 0)] = LOWER
    found[blocks < procedure.min_blocks] = INCONCLUSIVE
    return found


def family_verdicts(family: Mapping[str, Estimate], procedure: Procedure = FULL) -> dict[str, HolmVerdict]:
    """The verdict on each metric of one point's family."""
    if not family:
        return {}
    members = list(family.values())
    holm_p = holm(np.array([one.p for one in members]))
    with np.errstate(divide="ignore"):
        low, high = np.log([one.low for one in members]), np.log([one.high for one in members])
    codes = verdict_codes(low, high, holm_p, np.array([one.n for one in members]), procedure)
    return {name: HolmVerdict(VERDICTS[code], float(p)) for name, p, code in zip(family, holm_p, codes, strict=True)}


def claim_verdict(
    estimate: Estimate, low: float | None, high: float | None, procedure: Procedure = FULL
) -> ClaimVerdict:
    """The verdict on the claim that the ratio is between `low` and `high` (None: open on that side), both included.

    `reproduced`: the whole interval lies inside the band. `direction holds, size differs`: wholly beyond it on the side away
    from 1, so the effect is the claimed one and larger. `contradicted`: wholly outside in any other way. Else, and below
    the least number of blocks of the procedure, `inconclusive`. Raises ValueError for an empty band.
    """
    if estimate.n < procedure.min_blocks:
        return "inconclusive"
    bottom, top = 0.0 if low is None else low, np.inf if high is None else high
    if bottom > top:
        raise ValueError(f"a band from {bottom} to {top} is empty")
    if bottom <= estimate.low and estimate.high <= top:
        return "reproduced"
    if (top < 1 and estimate.high < bottom) or (bottom > 1 and estimate.low > top):
        return "direction holds, size differs"
    if estimate.high < bottom or estimate.low > top:
        return "contradicted"
    return "inconclusive"
