"""The answer to the runtime question: what the worker is that serves the request.

One definition serves the wrapper around users' apps (wrap.py) and the sample apps, which import it as `runtime`:
`images/app/runtime.py` is a link to this file. It imports little, and only from the standard library, because its
imports count as the app's memory.
"""

from __future__ import annotations

import gc
import os
import sys
import sysconfig
import threading
from typing import Any


def worker_state(loop: object | None = None) -> dict[str, Any]:
    """Version, ABI, whether the GIL and the collector are on now, event loop, process and thread of the calling worker.

    loop: the running event loop; None on WSGI.
    """
    return {
        "version": sys.version.split()[0],
        "abi": sysconfig.get_config_var("SOABI"),
        "gil_disabled_build": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "gil_enabled": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "gc_enabled": gc.isenabled(),
        "loop": None if loop is None else f"{type(loop).__module__}.{type(loop).__qualname__}",
        "pid": os.getpid(),
        "thread_id": threading.get_native_id(),
    }
