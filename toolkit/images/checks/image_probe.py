"""Runs inside an app image for `gilfree images test` and prints facts about it as one JSON object. Part of no image.

It finds out by trying: which user it runs as, what this user may write, which packages can be imported and whether
importing one switches the GIL on.
"""

import importlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

WRITABLE_FOR_ALL = ("/tmp", "/var/tmp", "/run/lock", "/var/lock", "/dev", "/proc", "/sys")
COMPILERS = ("cc", "gcc", "g++", "clang", "make", "ld", "cargo", "rustc", "curl", "wget")


def gil_on() -> bool:
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def import_packages() -> tuple[list[str], dict[str, str]]:
    """Packages after whose import the GIL was on, and those that could not be imported."""
    switched, failed = [], {}
    for name in sorted(importlib.metadata.packages_distributions()):
        if not name.isidentifier() or name.startswith("_"):
            continue
        before = gil_on()
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  (a package may raise anything)
            failed[name] = repr(error)[:200]
        if gil_on() and not before:
            switched.append(name)
    return switched, failed


def walk_files() -> dict[str, list[str]]:
    """Paths that this user may write, test packages, static libraries; at most 20 of each."""
    found: dict[str, list[str]] = {"writable": [], "tests": [], "static": []}
    for folder, folders, files in os.walk("/"):
        folders[:] = [one for one in folders if os.path.join(folder, one) not in WRITABLE_FOR_ALL]  # noqa: PTH118
        for name in [*folders, *files]:
            path = Path(folder, name)
            if path.is_symlink():
                continue
            if os.access(path, os.W_OK):
                found["writable"].append(str(path))
            if path.suffix == ".a" and folder.startswith("/usr/local"):
                found["static"].append(str(path))
    library = Path(os.__file__).parent
    found["tests"] = [str(one) for one in (library / "test", library / "idlelib" / "idle_test") if one.exists()]
    return {name: paths[:20] for name, paths in found.items()}


def debian_packages() -> dict[str, str]:
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n"], capture_output=True, text=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


switched, failed = import_packages()
print(
    json.dumps(
        {
            "uid": os.getuid(),
            "gid": os.getgid(),
            "gil_on_after_imports": gil_on(),
            "switched_the_gil_on": switched,
            "not_importable": failed,
            "packages": {one.metadata["Name"].lower(): one.version for one in importlib.metadata.distributions()},
            "debian": debian_packages(),
            "compilers": [name for name in COMPILERS if shutil.which(name)],
            **walk_files(),
        }
    )
)
