"""A child image of a runtime: pip must work and a C extension must build in it, as in a user's own Dockerfile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolkit import paths
from toolkit.engine.client import engine_errors
from toolkit.engine.containers import run
from toolkit.images.builder.stream import build_events, image_id_in
from toolkit.images.spec.context import text_context
from toolkit.images.spec.inputs import ImageSpec
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
_USE_EXTENSION = """
import json, sys, sysconfig, gilfree_child
print(json.dumps({"answer": gilfree_child.answer(), "gil_on": getattr(sys, "_is_gil_enabled", lambda: True)(),
                  "file": gilfree_child.__file__, "abi": sysconfig.get_config_var("SOABI")}))
"""


def build_child_image(client: DockerClient, runtime: ImageSpec, network: Network) -> dict[str, Any]:
    """Build a child image of `runtime` and import its extension: `answer`, `gil_on`, `file`, `abi`; or `problem`.

    The layers stay in the engine as its cache.
    """
    context = text_context(
        {
            "Dockerfile": _DOCKERFILE.format(runtime=runtime.name),
            "network.sh": (paths.shipped("images") / "network.sh").read_text(),
            "extension/pyproject.toml": _PYPROJECT,
            "extension/setup.py": _SETUP,
            "extension/child.c": _C,
        }
    )
    image_id, output = "", ""
    with engine_errors("building a child image"):
        for event in build_events(client, context, network, network.arguments()):
            if "error" in event:
                return {"problem": redacted((output + str(event["error"]))[-600:], network.secrets())}
            output = (output + str(event.get("stream", "")) + "\n")[-2000:]
            image_id = image_id_in(event) or image_id
    ended, out, errors = run(
        client, image_id, [SERVER_PYTHON, "-c", _USE_EXTENSION], purpose="test", timeout_seconds=30, network_mode="none"
    )
    if ended.code != 0:
        return {"problem": errors.strip()[-400:]}
    found: dict[str, Any] = json.loads(out)
    return found
