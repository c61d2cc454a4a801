"""Real wheels in a folder, so that uv resolves and installs without any network; some hold a compiled extension."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from packaging import tags

from toolkit.pythons.pair import Pair

PLATFORM = next(iter(tags.platform_tags()))

# What an import does is chosen by macros: DECLARED says that it can do without the GIL, BODY is run by the import.
EXTENSION = """
#include <Python.h>
#include <stdlib.h>
static int run(PyObject *module) { BODY }
static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, run},
#ifdef DECLARED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "extension", .m_slots = slots};
PyMODINIT_FUNC INIT(void) { return PyModuleDef_Init(&definition); }
"""

WriteWheel = Callable[..., Path]
CompileExtension = Callable[..., bytes]


@pytest.fixture
def write_wheel(tmp_path: Path) -> WriteWheel:
    """Writes a wheel into tmp_path/wheels."""
    folder = tmp_path / "wheels"
    folder.mkdir()

    def write(
        name: str, version: str, tag: str, requires: Sequence[str] = (), files: Mapping[str, bytes] | None = None
    ) -> Path:
        file = folder / f"{name}-{version}-{tag}.whl"
        info = f"{name}-{version}.dist-info"
        content = {f"{name}.py": b""} if files is None else dict(files)
        needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
        content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}".encode()
        content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
        content[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*content, f"{info}/RECORD"]).encode()
        with zipfile.ZipFile(file, "w") as archive:
            for path, data in content.items():
                archive.writestr(path, data)
        return file

    return write


@pytest.fixture
def compile_extension(tmp_path: Path, pair: Pair) -> CompileExtension:
    """Compiles an extension module for the free-threaded variant; its bytes."""
    ask = "import sysconfig; print(sysconfig.get_path('include'))"
    command = [str(pair.free_threaded.executable), "-I", "-c", ask]
    include = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    source = tmp_path / "extension.c"
    source.write_text(EXTENSION)

    def compiled(name: str, body: str = "return 0;", *, declared: bool) -> bytes:
        target = tmp_path / f"{name}.so"
        macros = [f"-DINIT=PyInit_{name}", f"-DBODY={body}", *(["-DDECLARED"] if declared else [])]
        command = ["cc", "-shared", "-fPIC", "-O0", f"-I{include}", *macros, str(source), "-o", str(target)]
        subprocess.run(command, check=True)
        return target.read_bytes()

    return compiled


@pytest.fixture
def requirements(tmp_path: Path) -> Callable[..., Path]:
    """Writes a requirements file that takes packages from tmp_path/wheels and from nowhere else."""

    def write(*names: str) -> Path:
        file = tmp_path / "requirements.txt"
        file.write_text("\n".join(["--no-index", "--find-links wheels", *names]) + "\n")
        return file

    return write
