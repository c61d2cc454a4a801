"""What `gilfree knee` prints and writes when it has measured, or is asked about an earlier run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.console import Say

if TYPE_CHECKING:
    from toolkit.campaign.runner import Campaign
    from toolkit.capacity.deploy.recommend import Recommendation, Unknown

    Found = list[Recommendation | Unknown]


def recommended(campaign: Campaign, headroom: float | None, memory_headroom: float | None) -> Found:
    """What to deploy, with the given headrooms, else with those of the campaign."""
    from toolkit.capacity.deploy.recommend import recommendations
    from toolkit.capacity.knee.from_records import profile_of

    profile = profile_of(campaign)
    if headroom is not None:
        profile = profile.model_copy(update={"headroom": headroom})
    return recommendations(profile, memory_headroom)


def show_knees(campaigns: list[Campaign], found: list[Found], verify: bool, json_output: bool) -> bool:
    """Print all figures, and return whether a knee is missing or does not hold."""
    from toolkit.capacity.deploy.recommend import scaling, scaling_over_cpus
    from toolkit.capacity.knee import run as measure
    from toolkit.report import knee as show

    profiles = measure.profiles(campaigns)
    laws = [scaling(one) for one in profiles]
    over_cpus: Any = {key: [law] for key, law in scaling_over_cpus(profiles).items()} if len(profiles) > 1 else {}
    verified = measure.verifications(campaigns)
    missing = [w for c in campaigns for w in measure.verification_plan_of(c).missing(c.records())] if verify else []
    if json_output:
        data = [
            {
                **one.model_dump(mode="json"),
                "recommendations": [each.data() for each in mine],
                "scaling": _law_data(law),
            }
            for one, mine, law in zip(profiles, found, laws, strict=True)
        ]
        whole = {"knee_schema": 1, "profiles": data, "over_cpus": _law_data(over_cpus)}
        print(json.dumps({**whole, "tried_out": [vars(one) for one in verified]}, indent=1, allow_nan=False))
    else:
        for one, mine, law in zip(profiles, found, laws, strict=True):
            print(
                "\n".join([*show.knee_lines(one), "", *show.recommendation_lines(mine), "", *show.scaling_lines(law)])
            )
        for line in show.scaling_lines(over_cpus):
            print(line)
        for seen in verified:
            print(f"verification: {seen.words}")
        for words in missing:
            print(f"not verified: {words}")
    without = any(not variant.knees_rps() or variant.no_rate_blocks for one in profiles for variant in one.variants)
    return without or bool(missing) or any(one.holds is not True for one in verified)


def _law_data(laws: Any) -> list[dict[str, Any]]:
    return [{"of": of, "variant": variant, **law.data()} for (of, variant), found in laws.items() for law in found]


def write_knee_manifests(
    campaigns: list[Campaign], found: list[Found], folder: Path, images: str, replicas: int, say: Say
) -> None:
    """Write the manifests of every recommendation."""
    from toolkit.capacity.deploy.manifests import write_manifests
    from toolkit.capacity.deploy.recommend import Recommendation
    from toolkit.capacity.deploy.replicas import unplanned

    gil, _, free = images.partition(",")
    for campaign, mine in zip(campaigns, found, strict=True):
        for one in mine:
            if isinstance(one, Recommendation):
                image = gil if one.role == "gil" else free
                for file in write_manifests(one, campaign.scenario, image.strip(), unplanned(replicas), folder):
                    say(f"wrote {file}")
