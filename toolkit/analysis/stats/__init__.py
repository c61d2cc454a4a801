"""From ratios to verdicts: estimates, Holm, claims, when to stop, slopes. Pure; knows nothing of records and words nothing.

The unit is a block: each gives one log ratio candidate/baseline for each metric. If the arms do not differ, every
ratio is as likely to be its inverse, so its sign may be flipped; a test that flips signs is then exact, whatever the
noise, the outliers and the drift (signflip.py). The 95% interval is this test inverted, so p and interval never
disagree (paired.py). Verdicts follow Holm inside a family of metrics (verdicts.py). A point may be analysed after every
block if its p-values are corrected for these interim analyses (interim.py, stopping.py). `gilfree selftest simulate`
checks all this on simulated campaigns whose truth is known (toolkit/selftest/simulate.py).

Nothing is imported here: `verdict_rule` must load without numpy, and all others need the extra `stats` (numpy, scipy).
Import those inside functions wherever a start must be quick.
"""
