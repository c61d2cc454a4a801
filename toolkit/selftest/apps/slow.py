"""An app whose every answer costs 10 ms of CPU, for `gilfree selftest overhead`: served from this folder, never imported.

On such an endpoint a single further request is seen, so the requests that the agent sends by itself must be few.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

CPU_SECONDS = 0.01
BODY = b"done"


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] == "lifespan":
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})
        return
    end = time.thread_time() + CPU_SECONDS
    while time.thread_time() < end:
        pass
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})
