"""From ratios to verdicts: estimates, Holm, claims, when to stop, slopes. Pure; knows nothing of records and words nothing.

The unit is a block: each gives one log ratio candidate/baseline for each metric. If the arms do not differ, every
ratio is as likely to be its inverse, so its sign may be flipped; a test that flips signs is then exact, whatever the
noise, the outliers and the drift (signflip.py). The 95 % interval is this test inverted, so p and interval never
disagree (paired.py). Verdicts follow Holm inside a family of metrics (verdicts.py). A point may be analysed after every
block if its p-values are corrected for these interim analyses (interim.py, stopping.py). `gilfree selftest simulate`
checks all this on simulated campaigns whose truth is known (toolkit/selftest/simulate.py).

Needs the extra `stats` (numpy, scipy). Import it inside functions wherever a start must be quick.
"""

from toolkit.analysis.stats.interim import InterimAnalyses
from toolkit.analysis.stats.paired import Estimate, estimates, log_ratios
from toolkit.analysis.stats.stopping import StoppingDecision, StoppingRule, stopping_decision
from toolkit.analysis.stats.trend import Trend, trend
from toolkit.analysis.stats.unpaired import unpaired_estimate
from toolkit.analysis.stats.verdicts import HolmVerdict, claim_verdict, family_verdicts, holm

__all__ = [
    "Estimate",
    "HolmVerdict",
    "InterimAnalyses",
    "StoppingDecision",
    "StoppingRule",
    "Trend",
    "claim_verdict",
    "estimates",
    "family_verdicts",
    "holm",
    "log_ratios",
    "stopping_decision",
    "trend",
    "unpaired_estimate",
]
