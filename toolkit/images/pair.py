"""What two images say of themselves, held against each other as two interpreters of one machine would be. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.pythons.environment import LIST_PACKAGES
from toolkit.pythons.pair import Interpreter, Pair, verified
from toolkit.trial.contract import SERVER_PYTHON

Answer = tuple[Interpreter, dict[str, str]]
"""An image's interpreter, and the packages in it by name."""


def question() -> list[str]:
    """The command that has an image's interpreter say what it is, and what is installed."""
    verify = (paths.shipped("images") / "cpython" / "verify.py").read_text()
    return [SERVER_PYTHON, "-I", "-c", f"{verify}\n{LIST_PACKAGES}"]


def answered(said: str, image: str, otherwise: str) -> Answer:
    """What the command printed, read. Raises GilfreeError with `otherwise` where it printed nothing of use."""
    lines = said.splitlines()
    try:
        told, packages = json.loads(lines[0]), json.loads(lines[1])
    except (IndexError, ValueError):
        raise GilfreeError(
            f"{image}: its {SERVER_PYTHON} cannot be asked what it is: {otherwise}",
            "see docs/images.md for what an image needs",
        ) from None
    series = ".".join(told["version"].split(".")[:2])
    variant = series + ("t" if told["gil_disabled_build"] else "")
    return Interpreter(variant, Path(SERVER_PYTHON), {**told, "image": image}), packages


def paired(answers: Sequence[Answer], names: Sequence[str], profile: str, *, built: bool) -> Pair:
    """GIL and free-threaded image as a pair. Raises GilfreeError naming in what they differ more than they may."""
    (one, mine), (other, theirs) = answers
    one, other = (  # in messages and records an image's name says more than the path that all of them share
        replace(found, executable=Path(f"{name}:{found.executable}"))
        for found, name in zip((one, other), names, strict=True)
    )
    differing = sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
    if differing:
        words = ", ".join(f"{name} ({mine.get(name, 'none')} and {theirs.get(name, 'none')})" for name in differing)
        raise GilfreeError(f"the two images hold different packages: {words}", "build both anew: gilfree images build")
    notes = verified(one, other, one.version, built=built)
    series = ".".join(one.version.split(".")[:2])
    return Pair(series, profile, f"images {names[0]}, {names[1]}", one, other, notes)
