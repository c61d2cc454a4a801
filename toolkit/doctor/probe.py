"""Run by the free-threaded interpreter: which extension modules its environment has, and what importing them does.

    probe.py list           every extension module of the environment's packages, one JSON object a line
    probe.py import NAME…   import them in order, one JSON object a line, until the GIL comes on

Standard library only; it imports nothing of the toolkit. Once the GIL is on it stays on, and CPython does not warn
again, so the caller starts a new process for the remaining modules; likewise after an import that crashed this one.
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
    """Print module and distribution of each importable extension file, which a plain shared library is not."""
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
                emit({"module": ".".join(parts), "distribution": distribution.metadata["Name"]})


def imports(names: list[str]) -> None:
    """Import each module; print a line before, by which a crash is attributed, and one after."""
    for name in names:
        emit({"importing": name})
        error = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                importlib.import_module(name)
            except BaseException as problem:  # noqa: BLE001  (pytest, for one, raises a Skipped that is no Exception)
                error = f"{type(problem).__name__}: {problem}"[:300]
        on = getattr(sys, "_is_gil_enabled", lambda: True)()
        relevant = [str(one.message) for one in caught if "global interpreter lock" in str(one.message)]
        emit({"imported": name, "gil_on": on, "warnings": relevant[:3], "error": error})
        if on:
            return


def emit(fields: dict[str, object]) -> None:
    """One line on the real standard output, whatever imported modules do to theirs."""
    os.write(REAL, json.dumps(fields).encode() + b"\n")


if __name__ == "__main__":
    REAL = os.dup(1)
    os.dup2(2, 1)
    if sys.argv[1] == "list":
        modules()
    else:
        imports(sys.argv[2:])
    os._exit(0)  # threads that an import started must not keep this process alive
