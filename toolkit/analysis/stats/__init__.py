"""From ratios to decisions: estimates, verdicts, claims, when to stop, and slopes. Pure; knows nothing of records.

The unit is a block: each gives one log ratio candidate/baseline for each metric. If the arms do not differ, every
ratio is as likely to be its inverse, so its sign may be flipped; a test that flips signs is exact then, whatever the
noise, the outliers and the drift are like (signflip.py). The 95 % interval is this test inverted, so p and interval
never disagree (paired.py). Verdicts follow Holm inside a family of metrics (verdicts.py). A point may be looked at
after every block if its p-values pay for it (looks.py, stopping.py). What all this promises is checked against
simulated campaigns whose truth is known, by `gilfree selftest simulate` (simulate.py).

Needs the extra `stats` (numpy, scipy). Import it inside functions wherever a start must be quick.
"""

from toolkit.analysis.stats.looks import Looks
from toolkit.analysis.stats.paired import SIGNIFICANCE, Estimate, estimates, log_ratios
from toolkit.analysis.stats.signflip import statistic
from toolkit.analysis.stats.stopping import Decision, StoppingRule, decide
from toolkit.analysis.stats.trend import Trend, trend
from toolkit.analysis.stats.unpaired import unpaired_estimate
from toolkit.analysis.stats.verdicts import BAND, MIN_BLOCKS, ClaimJudgement, Verdict, holm, judge, judge_claim

__all__ = [
    "BAND",
    "MIN_BLOCKS",
    "SIGNIFICANCE",
    "ClaimJudgement",
    "Decision",
    "Estimate",
    "Looks",
    "StoppingRule",
    "Trend",
    "Verdict",
    "decide",
    "estimates",
    "holm",
    "judge",
    "judge_claim",
    "log_ratios",
    "statistic",
    "trend",
    "unpaired_estimate",
]
