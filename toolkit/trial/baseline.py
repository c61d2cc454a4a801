"""`--against REF`: what a campaign's arms are held against. Reading REF is pure; making its arms may build and install.

REF is one of: settings (`threads=8`, `granian.loop=uvloop,workers=2`), a requirements file (`old.txt`), a version in
the lock (`3.14.6`), or two interpreters (`path/to/python3.14,path/to/python3.14t`), which are two images where images
are served. The reference is the old side, so
ratios are what is asked for over REF.
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
class Reference:
    """REF as it was read. `label` tells its arms from the main ones."""

    kind: Literal["settings", "requirements", "version", "pair", "images"]
    text: str
    label: str
    settings: dict[str, Any] = field(default_factory=dict)
    paths: tuple[Path, ...] = ()
    images: tuple[str, ...] = ()


def read(text: str, *, images: bool = False) -> Reference:
    """What kind of reference REF is; with `images`, two names are images. Raises GilfreeError for one that is none."""
    if "=" in text and not Path(text).exists():
        settings = dict(_setting(part) for part in text.split(","))
        return Reference("settings", text, ",".join(f"{name}={value}" for name, value in settings.items()), settings)
    if _VERSION.match(text):
        return Reference("version", text, text)
    if images and text.count(",") == 1:
        gil, free_threaded = (part.strip() for part in text.split(","))
        return Reference("images", text, "old", images=(gil, free_threaded))
    files = [Path(part) for part in text.split(",")]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise GilfreeError(f"--against {text}: there is no file {missing[0]}", f"give {FORMS}")
    if len(files) == 2:
        return Reference("pair", text, "old", paths=(files[0].absolute(), files[1].absolute()))
    if len(files) == 1 and files[0].suffix == ".txt":
        names = {_PIN.match(line).group(1).lower() for line in files[0].read_text().splitlines() if _PIN.match(line)}  # type: ignore[union-attr]
        lacking = [name for name in SERVING if name not in names]
        if lacking:
            raise GilfreeError(
                f"--against {text}: it does not pin {' and '.join(lacking)}, with which every app is served and measured",
                "lock it with hashes, as images/app/requirements-3.14.txt is",
            )
        return Reference("requirements", text, files[0].stem, paths=(files[0].absolute(),))
    raise GilfreeError(f"--against {text}: neither one requirements file (*.txt) nor two interpreters", f"give {FORMS}")


def check(reference: Reference, scenario: Scenario) -> None:
    """Refuse settings that a scenario's server cannot have, or has already at every point."""
    if reference.kind != "settings":
        return
    same = True
    for point in scenario.points():
        try:
            changed, moved = with_settings(scenario, point, reference.settings)
        except ValidationError as error:
            problem = error.errors()[0]
            name, value = problem["loc"][0], problem["input"]
            raise GilfreeError(f"--against {reference.text}: {name}: {value!r}: {problem['msg']}") from None
        for _, message in point_problems(changed, moved):
            raise GilfreeError(f"--against {reference.text}, scenario {scenario.name}: {message}")
        same = same and (changed, moved) == (scenario, point)
    if same:
        raise GilfreeError(
            f"--against {reference.text}: scenario {scenario.name} has these settings at every point already",
            "give another value, or --aa to measure the same thing twice",
        )


def reference_arms(main: Sequence[Arm], reference: Reference, runtimes: Sequence[str], version: str = "") -> list[Arm]:
    """The arms of the reference, one beside each main arm; `runtimes` in their order, `version` of another pair."""
    arms = []
    for arm, runtime in zip(main, runtimes, strict=True):
        label = version or reference.label
        name = f"{arm.name}-{label}"
        arms.append(Arm(name, arm.role, runtime, reference.settings, "reference"))
    return arms


def again_arms(main: Sequence[Arm], which: ArmSet) -> list[Arm]:
    """The arms that are measured a second time: none, all (A/A alone), or the GIL build beside the variants."""
    chosen = {"variants": [], "aa": list(main), "variants+aa": [arm for arm in main if arm.role == "gil"]}[which]
    return [Arm(f"{arm.name}-again", arm.role, arm.runtime, arm.settings, "again") for arm in chosen]


def _setting(part: str) -> tuple[str, Any]:
    name, equals, value = part.strip().partition("=")
    name = name.removeprefix("granian.")
    known = [*SERVER_SETTINGS, *(one for one in GranianSettings.model_fields if one != "http")]
    if name not in known or not equals or not value:
        raise GilfreeError(f"--against {part!r}: not a setting of the server", f"settings are {', '.join(known)}")
    if value.isdecimal():
        return name, int(value)
    return name, {"true": True, "false": False}.get(value, value)
