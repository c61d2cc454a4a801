"""Run by the free-threaded interpreter itself: which extension modules it has, and what importing them does to its GIL.

    probe.py list           every extension module of the environment's packages, one JSON object a line
    probe.py import NAME…   import them in order, one JSON object a line, until the GIL comes on

Standard library only, and it imports nothing of the toolkit. Once the GIL is on it stays on and CPython warns no more,
so whoever calls starts a new process for what is left; the same holds after a module that crashed this one.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import sys
import warnings
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path


def modules() -> None:
    """Print module and distribution for each importable extension file (a plain shared library is none)."""
    for distribution in importlib.metadata.distributions():
        for file in distribution.files or ():
            suffix = next((end for end in EXTENSION_SUFFIXES if file.name.endswith(end)), None)
            if suffix is None:
                continue
            parts = [*file.parts[:-1], file.name[: -len(suffix)]]
            name = parts[-1].encode()
            if not all(part.isidentifier() for part in parts):
                continue
            code = Path(str(distribution.locate_file(file))).read_bytes()
            if b"PyInit_" + name in code or b"PyModExport_" + name in code:
                tell({"module": ".".join(parts), "distribution": distribution.metadata["Name"]})


def imports(names: list[str]) -> None:
    """Import each; tell before (a crash is then attributed) and after."""
    for name in names:
        tell({"importing": name})
        error = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                importlib.import_module(name)
            except BaseException as problem:  # noqa: BLE001  (pytest, for one, raises a Skipped that is no Exception)
                error = f"{type(problem).__name__}: {problem}"[:300]
        on = getattr(sys, "_is_gil_enabled", lambda: True)()
        said = [str(one.message) for one in caught if "global interpreter lock" in str(one.message)]
        tell({"imported": name, "gil_on": on, "warnings": said[:3], "error": error})
        if on:
            return


def tell(fields: dict[str, object]) -> None:
    """One line on the real standard output, whatever imported modules do to theirs."""
    os.write(REAL, json.dumps(fields).encode() + b"\n")


if __name__ == "__main__":
    REAL = os.dup(1)
    os.dup2(2, 1)
    if sys.argv[1] == "list":
        modules()
    else:
        imports(sys.argv[2:])
    os._exit(0)  # threads that an import left running must not keep this alive
