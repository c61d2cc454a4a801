"""The interpreters in two images, compared as two interpreters of one machine would be. Runs nothing itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.pythons.lock import series_of
from toolkit.pythons.optimisation import build_profile
from toolkit.pythons.packages import LIST_PACKAGES, differences_in_words, package_differences
from toolkit.pythons.pair import Interpreter, Pair, variant_of, verify_pair
from toolkit.trial.contract import SERVER_PYTHON

ImagePython = tuple[Interpreter, dict[str, str]]
"""An image's interpreter, and version by name of the packages in the image."""


def image_python_command() -> list[str]:
    """The command that prints, in a container of an image, what `parse_image_python` reads."""
    verify = (paths.shipped("images") / "cpython" / "verify.py").read_text()
    return [SERVER_PYTHON, "-I", "-c", f"{verify}\n{LIST_PACKAGES}"]


def parse_image_python(output: str, image: str, problem: str) -> ImagePython:
    """Read what `image_python_command` printed. Raises GilfreeError with `problem` when that is not two lines of JSON."""
    lines = output.splitlines()
    try:
        facts, packages = json.loads(lines[0]), json.loads(lines[1])
    except (IndexError, ValueError):
        raise GilfreeError(
            f"{image}: its {SERVER_PYTHON} does not say what it is: {problem}",
            "see docs/images.md for what an image needs",
        ) from None
    return Interpreter(variant_of(facts), Path(SERVER_PYTHON), {**facts, "image": image}), packages


def image_pair(pythons: Sequence[ImagePython], names: Sequence[str], profile: str, *, built: bool) -> Pair:
    """The GIL image and the free-threaded one as a pair. names: of the two images, in the same order.

    profile: as the images' labels have it; for `unknown` the interpreters are asked. built: gilfree built both. Raises GilfreeError naming the packages that differ, NotAPair for interpreters that do.
    """
    (gil, gil_packages), (free_threaded, free_threaded_packages) = pythons
    (
        gil,
        free_threaded,
    ) = (  # in messages and records the image's name tells more than the path, which is always the same
        replace(interpreter, executable=Path(f"{name}:{interpreter.executable}"))
        for interpreter, name in zip((gil, free_threaded), names, strict=True)
    )
    differences = package_differences(gil_packages, free_threaded_packages)
    if differences:
        raise GilfreeError(
            f"the two images hold different packages: {differences_in_words(differences)}",
            "build both again: gilfree images build",
        )
    notes = verify_pair(gil, free_threaded, gil.version, built=built)
    if profile == "unknown":
        profile = build_profile(gil.facts)
    return Pair(series_of(gil.version), profile, f"images {names[0]}, {names[1]}", gil, free_threaded, notes)
