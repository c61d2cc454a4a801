"""Two apps that differ by 50 µs of CPU an answer, for `gilfree selftest turns`: served from this folder, never imported."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
CPU_SECONDS = 0.0008
PLANTED_SECONDS = 0.00005
BODY = b"done"


async def _answer(scope: dict[str, Any], receive: Receive, send: Send, cpu_seconds: float) -> None:
    if scope["type"] == "lifespan":
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})
        return
    end = time.thread_time() + cpu_seconds
    while time.thread_time() < end:
        pass
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def plain(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await _answer(scope, receive, send, CPU_SECONDS)


async def planted(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await _answer(scope, receive, send, CPU_SECONDS + PLANTED_SECONDS)
