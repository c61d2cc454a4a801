"""What tests of the local backend share."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import APPS
from toolkit.trial.model import Arm


@pytest.fixture
def apps_with_extension(arms: tuple[Arm, Arm], tmp_path: Path) -> Path:
    """The test apps with a C extension that does not declare itself safe without the GIL."""
    shutil.copytree(APPS, tmp_path / "apps")
    code = """
    #include <Python.h>
    static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "needs_gil", 0, -1, 0};
    PyMODINIT_FUNC PyInit_needs_gil(void) { return PyModule_Create(&def); }
    """
    (tmp_path / "needs_gil.c").write_text(code)
    ask = "import sysconfig as s; print(s.get_path('include')); print(s.get_config_var('EXT_SUFFIX'))"
    include, suffix = subprocess.check_output([arms[1].runtime, "-c", ask], text=True).split()
    target = tmp_path / "apps" / f"needs_gil{suffix}"
    compiler = sysconfig.get_config_var("CC").split()[0] if shutil.which("cc") is None else "cc"
    subprocess.run([compiler, "-shared", "-fPIC", f"-I{include}", tmp_path / "needs_gil.c", "-o", target], check=True)
    return tmp_path / "apps"
