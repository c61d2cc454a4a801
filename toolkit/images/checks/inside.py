"""Run inside an app image by `gilfree images test`: what the image says of itself, as one JSON object.

Everything is asked: the process whether it is root, the file system what this user may write, the interpreter whether
importing each package switched the GIL on. Not part of any image.
"""

import importlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

FOR_ALL = ("/tmp", "/var/tmp", "/run/lock", "/var/lock", "/dev", "/proc", "/sys")
COMPILERS = ("cc", "gcc", "g++", "clang", "make", "ld", "cargo", "rustc", "curl", "wget")


def gil_on() -> bool:
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def imported() -> tuple[list[str], dict[str, str]]:
    """Packages after whose import the GIL was on, and those that could not be imported."""
    switched, failed = [], {}
    for name in sorted(importlib.metadata.packages_distributions()):
        if not name.isidentifier() or name.startswith("_"):
            continue
        before = gil_on()
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  (whatever a stranger's package raises)
            failed[name] = repr(error)[:200]
        if gil_on() and not before:
            switched.append(name)
    return switched, failed


def walked() -> dict[str, list[str]]:
    """What this user may write, test packages, static libraries, programs that run as root."""
    found: dict[str, list[str]] = {"writable": [], "tests": [], "static": [], "setuid": []}
    for folder, folders, files in os.walk("/"):
        folders[:] = [one for one in folders if os.path.join(folder, one) not in FOR_ALL]  # noqa: PTH118
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


def debian() -> dict[str, str]:
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n"], capture_output=True, text=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


switched, failed = imported()
print(
    json.dumps(
        {
            "uid": os.getuid(),
            "gid": os.getgid(),
            "gil_on_after_imports": gil_on(),
            "switched_the_gil_on": switched,
            "not_importable": failed,
            "packages": {one.metadata["Name"].lower(): one.version for one in importlib.metadata.distributions()},
            "debian": debian(),
            "compilers": [name for name in COMPILERS if shutil.which(name)],
            **walked(),
        }
    )
)
