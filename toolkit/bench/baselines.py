"""The arms of `--against`, made real: the other pair found or built, the other requirements installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.pythons.environment import packages, pair_environments, project_requirements
from toolkit.pythons.find import find_pair
from toolkit.pythons.lock import load_lock
from toolkit.pythons.pair import Pair, ask, verified
from toolkit.trial.baseline import Reference, reference_arms
from toolkit.trial.model import Arm


@dataclass(frozen=True)
class Held:
    """The reference's arms, what campaign.json says of them, and the caveats that come with them."""

    arms: tuple[Arm, ...] = ()
    about: dict[str, Any] | None = None
    caveats: tuple[str, ...] = ()


def held_against(
    reference: Reference | None,
    main: Sequence[Arm],
    pair: Pair,
    requirements: Path,
    project: Path | None,
    profile: str,
    say: Say,
) -> Held:
    """The reference of `main`, whose arms are those of `pair` with `requirements`; nothing when there is none."""
    if reference is None:
        return Held()
    about: dict[str, Any] = {"text": reference.text, "kind": reference.kind, "settings": reference.settings}
    if reference.kind == "settings":
        return Held(tuple(reference_arms(main, reference, [arm.runtime for arm in main])), about)
    other = pair
    if reference.kind == "requirements":
        (requirements,) = reference.paths
    else:
        other = _other_pair(reference, pair, profile, say)
        requirements = load_lock().resolve(other.series).requirements()
        if project is not None:
            requirements = project_requirements(other, requirements, project, say)
    runtimes = pair_environments(other, requirements, project, say)
    if [str(path) for path in runtimes] == [arm.runtime for arm in main]:
        raise GilfreeError(
            f"--against {reference.text}: that is what is measured already", "take --aa for the same twice"
        )
    label = other.gil.version if other is not pair else ""
    if label == pair.gil.version:
        label = reference.label  # another build of one version
    about |= {"pair": other.describe(), "packages": packages(runtimes[0])}
    caveats: tuple[str, ...] = ()
    if other.profile != pair.profile:
        caveats = (f"the reference's interpreters are of profile {other.profile}, the others of {pair.profile}",)
    return Held(tuple(reference_arms(main, reference, [str(path) for path in runtimes], label)), about, caveats)


def _other_pair(reference: Reference, pair: Pair, profile: str, say: Say) -> Pair:
    if reference.kind == "version":
        found = find_pair(reference.text, profile=profile, say=say)
    else:
        gil, free_threaded = (ask(path) for path in reference.paths)
        notes = verified(gil, free_threaded, gil.version, built=False)
        series = ".".join(gil.version.split(".")[:2])
        found = Pair(series, "unknown", "paths given by --against", gil, free_threaded, notes)
    executables = {(one.gil.executable, one.free_threaded.executable) for one in (found, pair)}
    if len(executables) == 1:
        raise GilfreeError(
            f"--against {reference.text}: that pair is measured already",
            "name another, or take --aa for the same twice",
        )
    return found
