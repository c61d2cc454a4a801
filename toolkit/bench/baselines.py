"""The arms that `--against` adds to a campaign: on this machine a pair of interpreters, elsewhere a pair of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.images.registry.resolve import resolve
from toolkit.pythons.environment import pair_environments, project_requirements
from toolkit.pythons.find import find_pair
from toolkit.pythons.lock import load_lock, series_of
from toolkit.pythons.packages import installed_packages
from toolkit.pythons.pair import Pair, foreign_pair, inspect_interpreter
from toolkit.trial.baseline import Baseline, arms_on_baseline
from toolkit.trial.contract import ImageRef
from toolkit.trial.model import Arm


@dataclass(frozen=True)
class BaselineArms:
    """The arms that `--against` adds (none without it), their entry in campaign.json, and the caveats they bring."""

    arms: tuple[Arm, ...] = ()
    description: dict[str, Any] | None = None
    caveats: tuple[str, ...] = ()


def baseline_arms(
    baseline: Baseline,
    main: Sequence[Arm],
    runtimes: Sequence[str],
    label: str = "",
    facts: Mapping[str, Any] | None = None,
    caveats: tuple[str, ...] = (),
) -> BaselineArms:
    """One arm for each arm of `main`, run by the runtime at the same position.

    label: what their names end in, by default the baseline's own label. facts: further keys of the description.
    """
    description = {"text": baseline.text, "kind": baseline.kind, "settings": baseline.settings, **(facts or {})}
    return BaselineArms(tuple(arms_on_baseline(main, baseline, runtimes, label)), description, caveats)


def settings_baseline(baseline: Baseline, main: Sequence[Arm]) -> BaselineArms:
    """The arms of `main` with the baseline's settings."""
    return baseline_arms(baseline, main, [arm.runtime for arm in main])


def local_baseline(
    baseline: Baseline,
    main: Sequence[Arm],
    pair: Pair,
    requirements: Path,
    project: Path | None,
    profile: str,
    say: Say,
) -> BaselineArms:
    """The baseline of arms that run on `pair` with `requirements`; interpreters and environments are made when absent.

    Raises GilfreeError when they cannot be made, or are those that are measured already.
    """
    if baseline.kind == "settings":
        return settings_baseline(baseline, main)
    other = pair
    if baseline.kind == "requirements":
        (requirements,) = baseline.paths
    else:
        other = _baseline_pair(baseline, pair, profile, say)
        requirements = load_lock().resolve(other.series).requirements()
        if project is not None:
            requirements = project_requirements(other, requirements, project, say)
    runtimes = [str(path) for path in pair_environments(other, requirements, project, say)]
    if runtimes == [arm.runtime for arm in main]:
        raise already_measured(baseline)
    # Two builds of one version differ in nothing but the baseline's own label.
    label = other.gil.version if other.gil.version != pair.gil.version else ""
    caveats: tuple[str, ...] = ()
    if other.profile != pair.profile:
        caveats = (f"the baseline's interpreters have profile {other.profile}, the others {pair.profile}",)
    facts = {"pair": other.describe(), "packages": installed_packages(Path(runtimes[0]))}
    return baseline_arms(baseline, main, runtimes, label, facts, caveats)


def baseline_images(baseline: Baseline, profile: str, registry: str | None) -> tuple[ImageRef, ImageRef]:
    """The GIL's and the free-threaded app image of a baseline that is not a setting.

    Images that the user named have neither an id of ours nor a digest. Raises GilfreeError for a kind of baseline that
    images cannot have, and when the images of a version were not built.
    """
    if baseline.kind == "images":
        gil, free_threaded = (ImageRef("app", "", "", name) for name in baseline.images)
        return gil, free_threaded
    if baseline.kind == "version":
        images = resolve(baseline.text, profile, registry=registry)
        return images.gil, images.free_threaded
    raise GilfreeError(
        f"--against {baseline.text}: on images it is a setting, a version, or two images (GIL,FREE)",
        "build images with the old requirements and name them, or take BACKEND=local",
    )


def already_measured(baseline: Baseline) -> GilfreeError:
    """The error for a baseline that is what the main arms are."""
    return GilfreeError(
        f"--against {baseline.text}: that is what is measured already",
        "name another, or take --aa to measure the same thing twice",
    )


def _baseline_pair(baseline: Baseline, pair: Pair, profile: str, say: Say) -> Pair:
    if baseline.kind == "version":
        # Compared with a fast pair, a release one would only show how it was built.
        found = find_pair(baseline.text, profile=profile, say=say, optimised=pair.profile != "fast")
    else:
        gil, free_threaded = (inspect_interpreter(path) for path in baseline.paths)
        series = series_of(gil.version)
        found = foreign_pair(series, gil.version, "paths given by --against", gil, free_threaded)
    executables = {(one.gil.executable, one.free_threaded.executable) for one in (found, pair)}
    if len(executables) == 1:
        raise already_measured(baseline)
    return found
