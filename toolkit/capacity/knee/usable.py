"""Which knees are fit to deploy and to plan with, and how sure they are. Pure.

When in doubt a setting is not planned with, and the reason is named: pods, nodes and money follow from these numbers.
"""

from __future__ import annotations

from typing import Literal

from toolkit.capacity.knee.profile import MIN_KNEES, Profile, VariantProfile
from toolkit.errors import GilfreeError

Confidence = Literal["high", "medium", "low"]


def why_unusable(one: VariantProfile) -> str | None:
    """Why the knees of a setting are not fit to deploy or to plan with, although there are some; None when they are."""
    if one.no_rate_blocks:
        note = f" ({one.no_rate_blocks[0].note})" if one.no_rate_blocks[0].note else ""
        return f"in {len(one.no_rate_blocks)} of {len(one.blocks)} blocks no rate met the SLO{note}"
    if one.verification == "failed":
        missed = next(seen for seen in one.verified if seen.expected == "met")
        return f"the verification missed the SLO at {missed.share:.2f} x the knee, {missed.rate_rps:,.0f} req/s: {missed.why}"
    return None


def usable_knees(one: VariantProfile, measured_p99_ms: float, required_p99_ms: float) -> list[float]:
    """The blocks' knees under the required SLO, in requests/s. Raises GilfreeError when they are not fit to plan with."""
    what = f"{one.variant} {one.point}"
    if not one.rates and not one.knees_rps() and one.rejected_total:
        causes = ", ".join(f"{count} × {cause}" for cause, count in sorted(one.rejected.items()))
        raise GilfreeError(f"{what}: all {one.rejected_total} trials were rejected ({causes})", "measure it again")
    if one.loader_saturated:
        raise GilfreeError(
            f"{what}: the load generator, not the server, ended the search, so the knee is only a lower bound",
            "give the loader more CPUs, or the server fewer, and measure again",
        )
    if one.knees_rps() and (why := why_unusable(one)):
        raise GilfreeError(f"{what}: {why}", "measure it again, with more --blocks; or give a higher --slo")
    found = one.knees_rps()
    if required_p99_ms < measured_p99_ms and found:
        found = _stricter_knees(one, required_p99_ms, what)
    if len(found) < MIN_KNEES:
        note = next((f" ({block.note})" for block in one.blocks if block.note and block.knee_rps is None), "")
        raise GilfreeError(
            f"{what}: {len(found)} of {len(one.blocks)} blocks found a knee{note}, a plan needs {MIN_KNEES}",
            "continue the measurement: gilfree knee --resume … with a larger --budget; or plan for another --endpoint",
        )
    return found


def _stricter_knees(one: VariantProfile, p99_ms: float, what: str) -> list[float]:
    blocks = one.stricter_knees(p99_ms)
    found = [block.knee_rps for block in blocks if block.knee_rps is not None]
    if len(found) == len(blocks):
        return found
    seen = [rate.p99_ms for rate in one.rates if rate.passed and rate.p99_ms is not None]
    lowest = f": the lowest measured p99 was {min(seen):.3g} ms" if seen else ""
    where = f"in {len(blocks) - len(found)} of {len(blocks)} blocks " if found else ""
    raise GilfreeError(
        f"{what}: {where}no measured rate met p99 under {p99_ms:g} ms{lowest}",
        f"measure for it: gilfree knee … --slo p99={p99_ms:g}ms; or give a higher --slo",
    )


def unconfirmed_blocks(one: VariantProfile, measured_p99_ms: float, required_p99_ms: float) -> int:
    """In how many blocks the knee under the required SLO was met in a window of a ladder only, not on a fresh server."""
    if required_p99_ms >= measured_p99_ms:
        return 0
    return sum(block.knee_rps is not None and not block.confirmed for block in one.stricter_knees(required_p99_ms))


def confidence_of(one: VariantProfile, profile: Profile, required_p99_ms: float) -> tuple[Confidence, str]:
    """How sure the knees and the memory of a setting are, and why, in words."""
    if count := unconfirmed_blocks(one, profile.p99_ms, required_p99_ms):
        return "low", (
            f"not confirmed: under {required_p99_ms:g} ms the knees of {count} of {len(one.blocks)} blocks were met in a"
            f" window of a ladder, not on a fresh server; measure with --slo p99={required_p99_ms:g}ms"
        )
    if one.soak is not None and one.soak.grows_mb_an_hour is not None:
        return "low", f"memory grew by {one.soak.grows_mb_an_hour:.1f} MB an hour in {one.soak.run}"
    doubts = []
    if one.verification == "unknown":
        doubts.append("the verification could not decide")
    elif one.verification == "too low":
        doubts.append("the verification met the SLO above the knee too: more pods than needed")
    elif one.verification == "none" or required_p99_ms != profile.p99_ms:
        doubts.append(f"the knees were not verified for a minute (gilfree knee --resume {profile.run or '…'} --verify)")
    if one.soak is None:
        doubts.append("memory was not seen over hours (gilfree soak)")
    if doubts:
        return "medium", "; ".join(doubts)
    assert one.soak is not None
    return (
        "high",
        f"verified for a minute on fresh servers; no growth of memory in {one.soak.seconds / 60:.0f} min of {one.soak.run}",
    )
