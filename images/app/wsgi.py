"""The sample service on WSGI: Flask as its users write it."""

import os
import sys
import sysconfig
import threading
import time
from typing import Any

from flask import Flask

app = Flask(__name__)


@app.get("/json")
def json() -> dict[str, str]:
    return {"message": "Hello World"}


@app.get("/io")
def io() -> dict[str, str]:
    time.sleep(0.01)
    return {"status": "done"}


@app.get("/runtime")
def runtime() -> dict[str, Any]:
    return {
        "version": sys.version.split()[0],
        "abi": sysconfig.get_config_var("SOABI"),
        "gil_disabled_build": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "gil_enabled": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "loop": None,
        "pid": os.getpid(),
        "thread_id": threading.get_native_id(),
    }
