"""What an environment is, as hashes: its interpreter and its packages. Two runs that are to be mixed must agree in them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from toolkit.errors import GilfreeError

FINGERPRINT = """
import hashlib, importlib.metadata, json, os, sys
def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]
def of_file(path):
    with open(path, "rb") as file:
        return digest(file.read())
with open("/proc/self/maps") as maps:
    mapped = {line.split(None, 5)[5].strip() for line in maps if len(line.split(None, 5)) == 6}
libraries = sorted(path for path in mapped if os.path.basename(path).startswith("libpython"))
packages = {}
for one in importlib.metadata.distributions():
    if not one.metadata["Name"]:
        continue  # the remains of a package that was removed
    record = one.read_text("RECORD") or ""
    packages[one.metadata["Name"].lower().replace("_", "-")] = one.version + " " + digest(record.encode())
print(json.dumps({
    "interpreter": {"version": sys.version, "executable": of_file(os.path.realpath(sys.executable)),
                    "libpython": [of_file(path) for path in libraries]},
    "packages": packages,
}))
"""
"""Python code that prints both as JSON, for `python -c`. A package's hash is that of its RECORD, which lists its files
with their hashes."""


def fingerprint(python: Path) -> dict[str, Any]:
    """The `interpreter` (version, hashes of executable and libpython) and the `packages` (version and hash by name) of an
    environment, by its Python.

    Raises GilfreeError when that Python cannot be run.
    """
    try:
        done = subprocess.run([str(python), "-I", "-c", FINGERPRINT], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        words = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
        raise GilfreeError(
            f"{python} cannot be run: {words}", "start a new run, which makes its environments"
        ) from None
    found: dict[str, Any] = json.loads(done.stdout)
    return found


FOREIGN = frozenset({"__pycache__", "node_modules"})
"""Folders without sources of the app."""


def file_hash(path: Path) -> str:
    """The hash of a file's content, 16 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def source_hash(folder: Path) -> str:
    """One hash of all Python sources below a folder, by name and content.

    Hidden folders and folders of other environments (with a pyvenv.cfg) are not an app's sources.
    """
    digest = hashlib.sha256()
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(
            one
            for one in folders
            if not one.startswith(".") and one not in FOREIGN and not Path(parent, one, "pyvenv.cfg").exists()
        )
        for name in sorted(one for one in files if one.endswith(".py")):
            path = Path(parent, name)
            if not path.is_file():
                continue  # a link to nothing
            digest.update(f"{path.relative_to(folder)} {file_hash(path)}\n".encode())
    return digest.hexdigest()[:16]
