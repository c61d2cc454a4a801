"""A child image of a runtime: pip and a C extension must build there, as in anybody's own Dockerfile."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from toolkit import paths
from toolkit.engine.client import engine_errors
from toolkit.engine.containers import run
from toolkit.images.spec.inputs import Wanted
from toolkit.images.spec.network import Network, redacted
from toolkit.trial.contract import SERVER_PYTHON

if TYPE_CHECKING:
    from docker import DockerClient

_DOCKERFILE = """
FROM {runtime}
USER 0
COPY network.sh /tmp/
RUN . /tmp/network.sh && apt_install gcc libc6-dev
COPY extension /tmp/extension
RUN . /tmp/network.sh && python3 -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore /tmp/extension
USER 10001
"""

_PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "gilfree-child"
version = "1"
"""
_SETUP = """
from setuptools import Extension, setup
setup(ext_modules=[Extension("gilfree_child", ["child.c"])], py_modules=[])
"""
_C = """
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, NULL}, {NULL}};
static PyModuleDef_Slot slots[] = {
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "gilfree_child", NULL, 0, methods, slots};
PyMODINIT_FUNC PyInit_gilfree_child(void) { return PyModuleDef_Init(&module); }
"""
_ASK = """
import json, sys, sysconfig, gilfree_child
print(json.dumps({"answer": gilfree_child.answer(), "gil_on": getattr(sys, "_is_gil_enabled", lambda: True)(),
                  "file": gilfree_child.__file__, "abi": sysconfig.get_config_var("SOABI")}))
"""


def child_build(client: DockerClient, runtime: Wanted, network: Network) -> dict[str, Any]:
    """Build it and import what was built: the extension's answer, file and ABI, or `problem`. Layers stay as cache."""
    shipped = (paths.shipped("images") / "network.sh").read_text()
    made = _context(
        {
            "Dockerfile": _DOCKERFILE.format(runtime=runtime.name),
            "network.sh": shipped,
            "extension/pyproject.toml": _PYPROJECT,
            "extension/setup.py": _SETUP,
            "extension/child.c": _C,
        }
    )
    image, said = "", ""
    with engine_errors("building a child image"):
        for event in client.api.build(
            fileobj=made,
            custom_context=True,
            decode=True,
            rm=True,
            forcerm=True,
            buildargs=network.arguments(),
            network_mode="host" if network.host else None,
        ):
            if "error" in event:
                return {"problem": redacted((said + str(event["error"]))[-600:], network.secrets())}
            said = (said + str(event.get("stream", "")))[-2000:]
            image = (event.get("aux") or {}).get("ID", image)
    ended, out, errors = run(
        client, image, [SERVER_PYTHON, "-c", _ASK], purpose="test", timeout_seconds=30, network_mode="none"
    )
    if ended.code != 0:
        return {"problem": errors.strip()[-400:]}
    found: dict[str, Any] = json.loads(out)
    return found


def _context(files: dict[str, str]) -> io.BytesIO:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, text in files.items():
            one = tarfile.TarInfo(name)
            one.size, one.mode = len(text.encode()), 0o644
            archive.addfile(one, io.BytesIO(text.encode()))
    made.seek(0)
    return made
