"""Packages and their versions: what an environment holds, what a file of requirements pins, how two of them differ."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

LIST_PACKAGES = """
import importlib.metadata, json
print(json.dumps({d.metadata["Name"].lower().replace("_", "-"): d.version for d in importlib.metadata.distributions()}))
"""
"""Python code that prints version by package name as JSON, for `python -c`."""

ABSENT = "none"


def installed_packages(python: Path) -> dict[str, str]:
    """Version by package name, as the environment of this Python reports them."""
    done = subprocess.run([str(python), "-I", "-c", LIST_PACKAGES], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def pinned_packages(requirements: str) -> dict[str, str]:
    """Version by package name of all lines `name==version` in the text of a requirements file."""
    return dict(re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^ ;\\\n]+)", requirements, re.MULTILINE))


def package_differences(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The packages of which two sets hold different versions, by name in order: both versions, `none` where absent."""
    versions = {
        name: (first.get(name, ABSENT), second.get(name, ABSENT)) for name in sorted(first.keys() | second.keys())
    }
    return {name: both for name, both in versions.items() if both[0] != both[1]}


def differences_in_words(differences: Mapping[str, tuple[str, str]]) -> str:
    """`flask (3.1.3 and 3.0), psutil (none and 7.0)`; empty when there are none."""
    return ", ".join(f"{name} ({first} and {second})" for name, (first, second) in differences.items())
