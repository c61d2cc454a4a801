"""The sample service on ASGI: FastAPI as its users write it, a plain function for /json and a coroutine for /io.

/json-async is /json without the thread pool: the difference between the two is the pool's.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from runtime import worker_state

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


@app.get("/json-async")
async def json_async() -> dict[str, str]:
    return {"message": "Hello World"}


@app.get("/io")
async def io() -> dict[str, str]:
    await asyncio.sleep(0.01)
    return {"status": "done"}


@app.get("/runtime")
async def runtime() -> dict[str, Any]:
    return {
        **worker_state(asyncio.get_running_loop()),
        "threadpool": current_default_thread_limiter().total_tokens,
    }
