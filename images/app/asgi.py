"""The sample service on ASGI: FastAPI as its users write it, a plain function for /json and a coroutine for /io."""

import asyncio
import os
import sys
import sysconfig
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

THREADPOOL = int(os.environ.get("GILFREE_THREADPOOL", "40"))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    # FastAPI runs plain functions in AnyIO's thread pool; its size is part of what is measured, so it is explicit.
    current_default_thread_limiter().total_tokens = THREADPOOL
    yield


app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/json")
def json() -> dict[str, str]:
    return {"message": "Hello World"}


@app.get("/io")
async def io() -> dict[str, str]:
    await asyncio.sleep(0.01)
    return {"status": "done"}


@app.get("/runtime")
async def runtime() -> dict[str, Any]:
    loop = type(asyncio.get_running_loop())
    return {
        "version": sys.version.split()[0],
        "abi": sysconfig.get_config_var("SOABI"),
        "gil_disabled_build": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "gil_enabled": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "loop": f"{loop.__module__}.{loop.__qualname__}",
        "pid": os.getpid(),
        "thread_id": threading.get_native_id(),
        "threadpool": current_default_thread_limiter().total_tokens,
    }
