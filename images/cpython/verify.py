"""Asks the interpreter that runs it what it is, and prints the answer as one JSON object.

Never a name or a path: only what `sysconfig` and `sys` say. Ends with exit code 1 when a module that a web service needs
cannot be imported, which is the gate in image builds.
"""

import importlib
import json
import platform
import sys
import sysconfig

NEEDED = ["ssl", "sqlite3", "lzma", "ctypes", "bz2", "zlib"]
WANTED = ["compression.zstd", "readline", "uuid"]  # wanted in images; a host may lack their headers


def importable(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


jit = getattr(sys, "_jit", None)
facts = {
    "version": platform.python_version(),
    "implementation": platform.python_implementation(),
    "build": list(platform.python_build()),
    "compiler": platform.python_compiler(),
    "abi": sysconfig.get_config_var("SOABI"),
    "config_args": sysconfig.get_config_var("CONFIG_ARGS") or "",
    "gil_disabled_build": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "gil_enabled": getattr(sys, "_is_gil_enabled", lambda: True)(),
    "jit_enabled": bool(jit and jit.is_enabled()),
    "executable": sys.executable,
    "machine": platform.machine(),
    "missing": [name for name in NEEDED if not importable(name)],
    "without": [name for name in WANTED if not importable(name)],
}
print(json.dumps(facts))
if facts["missing"]:
    sys.exit(f"verify.py: cannot import {', '.join(facts['missing'])}")
