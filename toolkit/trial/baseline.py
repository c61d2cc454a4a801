"""`--against BASELINE`: what a campaign's arms are compared with. Pure; bench/baselines.py builds what the arms need.

A baseline is one of: settings (`threads=8`, `granian.loop=uvloop,workers=2`), a requirements file (`old.txt`), a version
in the lock (`3.14.6`), two interpreters (`path/to/python3.14,path/to/python3.14t`) or, where images are served, two
images. Ratios are arm / baseline. In campaign.json the arms of a baseline have the side `reference`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from toolkit.errors import GilfreeError
from toolkit.scenario.loading import point_problems
from toolkit.scenario.matrix import SERVER_SETTINGS
from toolkit.scenario.model import ArmSet, GranianSettings, Scenario
from toolkit.trial.model import Arm, with_settings

FORMS = (
    "a setting (threads=8), a requirements file (old.txt), a version of gilfree.lock, or two interpreters (GIL,FREE)"
)
SERVING = ("granian", "psutil")
_VERSION = re.compile(r"^3\.\d+(\.\d+((a|b|rc)\d+)?)?$")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)\s*==")


@dataclass(frozen=True)
class Baseline:
    """A parsed baseline. `text`: as the user gave it. `label`: what the names of its arms end in."""

    kind: Literal["settings", "requirements", "version", "pair", "images"]
    text: str
    label: str
    settings: dict[str, Any] = field(default_factory=dict)
    paths: tuple[Path, ...] = ()
    images: tuple[str, ...] = ()


def parse_baseline(text: str, *, images: bool = False) -> Baseline:
    """The baseline in `text`; with `images`, two names separated by a comma are images.

    Raises GilfreeError for a text that has none of the forms of a baseline.
    """
    if "=" in text and not Path(text).exists():
        settings = dict(_setting(part) for part in text.split(","))
        return Baseline("settings", text, ",".join(f"{name}={value}" for name, value in settings.items()), settings)
    if _VERSION.match(text):
        return Baseline("version", text, text)
    if images and text.count(",") == 1:
        gil, free_threaded = (part.strip() for part in text.split(","))
        return Baseline("images", text, "old", images=(gil, free_threaded))
    files = [Path(part) for part in text.split(",")]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise GilfreeError(f"--against {text}: there is no file {missing[0]}", f"give {FORMS}")
    if len(files) == 2:
        return Baseline("pair", text, "old", paths=(files[0].absolute(), files[1].absolute()))
    if len(files) == 1 and files[0].suffix == ".txt":
        names = {_PIN.match(line).group(1).lower() for line in files[0].read_text().splitlines() if _PIN.match(line)}  # type: ignore[union-attr]
        lacking = [name for name in SERVING if name not in names]
        if lacking:
            raise GilfreeError(
                f"--against {text}: it does not pin {' and '.join(lacking)}, which every app needs to be served and measured",
                "lock the file with hashes, like images/app/requirements-3.14.txt",
            )
        return Baseline("requirements", text, files[0].stem, paths=(files[0].absolute(),))
    raise GilfreeError(
        f"--against {text}: this is neither one requirements file (*.txt) nor two interpreters", f"give {FORMS}"
    )


def check_baseline(baseline: Baseline, scenario: Scenario) -> None:
    """Raise GilfreeError for settings that the scenario's server cannot have, or already has at every point."""
    if baseline.kind != "settings":
        return
    same = True
    for point in scenario.points():
        try:
            changed, moved = with_settings(scenario, point, baseline.settings)
        except ValidationError as error:
            problem = error.errors()[0]
            name, value = problem["loc"][0], problem["input"]
            raise GilfreeError(f"--against {baseline.text}: {name}: {value!r}: {problem['msg']}") from None
        for _, message in point_problems(changed, moved):
            raise GilfreeError(f"--against {baseline.text}, scenario {scenario.name}: {message}")
        same = same and (changed, moved) == (scenario, point)
    if same:
        raise GilfreeError(
            f"--against {baseline.text}: scenario {scenario.name} already has these settings at every point",
            "give another value, or --aa to measure the same thing twice",
        )


def arms_on_baseline(main: Sequence[Arm], baseline: Baseline, runtimes: Sequence[str], version: str = "") -> list[Arm]:
    """The arms of the baseline, one for each main arm.

    runtimes: what each is served from, in the order of `main`. version: replaces the baseline's label in their names.
    """
    arms = []
    for arm, runtime in zip(main, runtimes, strict=True):
        label = version or baseline.label
        name = f"{arm.name}-{label}"
        arms.append(Arm(name, arm.role, runtime, baseline.settings, "reference"))
    return arms


def repeated_arms(main: Sequence[Arm], which: ArmSet) -> list[Arm]:
    """The arms that are measured a second time: none, all (A/A alone), or the GIL build (A/A alongside the variants)."""
    chosen = {"variants": [], "aa": list(main), "variants+aa": [arm for arm in main if arm.role == "gil"]}[which]
    return [Arm(f"{arm.name}-again", arm.role, arm.runtime, arm.settings, "again") for arm in chosen]


def _setting(part: str) -> tuple[str, Any]:
    name, equals, value = part.strip().partition("=")
    name = name.removeprefix("granian.")
    known = [*SERVER_SETTINGS, *(one for one in GranianSettings.model_fields if one != "http")]
    if name not in known or not equals or not value:
        raise GilfreeError(f"--against {part!r}: not a setting of the server", f"the settings are {', '.join(known)}")
    if value.isdecimal():
        return name, int(value)
    return name, {"true": True, "false": False}.get(value, value)
