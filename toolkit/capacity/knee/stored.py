"""Profiles by the name that the user knows: of a run or one of its campaigns, a folder, a file, or `last`."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

from toolkit.campaign.runner import Campaign
from toolkit.capacity.knee.from_records import profile_of
from toolkit.capacity.knee.profile import Profile, read_profile
from toolkit.errors import GilfreeError


def find_profile(name: str, results: Path) -> Profile:
    """The profile of a run of `gilfree knee`, by the run's name, a campaign's name or folder, or of a profile.json.

    It is calculated from the campaign's records where they are there, so that a verification or a soak since then counts.
    Raises GilfreeError, naming the runs in `results`, when there is no such run or it has several campaigns.
    """
    for path in (Path(name), results / name):
        if path.exists():
            return _profile_at(path)
    runs = _runs(results)
    if name == "last" and runs:
        name = list(runs)[-1]
    if name not in runs:
        near = difflib.get_close_matches(name, runs, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        choice = f"there are: {', '.join(runs)}" if runs else "`gilfree knee` makes one; --results names another folder"
        raise GilfreeError(f"there is no run {name!r} of gilfree knee in {results}", hint + choice)
    if len(runs[name]) > 1:
        names = ", ".join(folder.name for folder in runs[name])
        raise GilfreeError(f"run {name!r} has several campaigns", f"name the one to plan with: {names}")
    return _profile_at(runs[name][0])


def _profile_at(path: Path) -> Profile:
    if (path / "campaign.json").exists():
        return profile_of(Campaign.open(path))
    return read_profile(path)


def _runs(results: Path) -> dict[str, list[Path]]:
    """The folders of the campaigns that searched for knees, by run, the oldest run first."""
    found: dict[str, list[Path]] = {}
    for file in sorted(results.glob("*/campaign.json"), key=lambda file: file.stat().st_mtime):
        try:
            description = json.loads(file.read_text())
        except ValueError:
            continue
        if isinstance(description, dict) and description.get("knee"):
            found.setdefault(str(description.get("run", file.parent.name)), []).append(file.parent)
    return found
