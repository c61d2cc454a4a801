"""Apps that each fail in one way, served for real: the checks of a trial must find each failure."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]
served = 0
first = 0.0
kept: list[bytearray] = []


async def answer(send: Send, body: bytes = b"right", status: int = 200, close: bool = False) -> None:
    global served
    served += 1
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    headers += [(b"connection", b"close")] if close else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def right(scope: Any, receive: Any, send: Send) -> None:
    await answer(send)


async def status_500(scope: Any, receive: Any, send: Send) -> None:
    await answer(send, status=500)


async def wrong_of_same_size(scope: Any, receive: Any, send: Send) -> None:
    """One answer in 1,000 is wrong, and as long as a right one, so that the byte count does not show it."""
    await answer(send, b"wrong" if served % 1000 == 999 else b"right")


async def wrong_of_other_size(scope: Any, receive: Any, send: Send) -> None:
    """Wrong for a tenth of a second in the middle of the load, however fast the machine: the byte count shows it."""
    global first
    first = first or time.monotonic()
    await answer(send, b"quite wrong" if 2.5 < time.monotonic() - first < 2.6 else b"right")


async def dies(scope: Any, receive: Any, send: Send) -> None:
    if served > 5000:
        os.kill(os.getpid(), signal.SIGKILL)
    await answer(send)


async def stalls(scope: Any, receive: Any, send: Send) -> None:
    """Stops answering for two seconds, every 6,000 requests."""
    if served % 6000 == 5999:
        time.sleep(2)
    await answer(send)


async def drops(scope: Any, receive: Any, send: Send) -> None:
    await answer(send, close=served % 500 == 499)


async def eats_memory(scope: Any, receive: Any, send: Send) -> None:
    """Keeps 64 KiB for every request, touched so that it is really there."""
    kept.append(bytearray(os.urandom(64) * 1024))
    await answer(send)


async def turns_gil_on(scope: Any, receive: Any, send: Send) -> None:
    """Imports, at its 4,000th request, an extension that does not declare support for running without the GIL."""
    if served == 4000:
        importlib.import_module("needs_gil")
    await answer(send)


async def switches_collector_off(scope: Any, receive: Any, send: Send) -> None:
    """As a library does that switches the collector off for a moment, in two threads at once."""
    if served >= 2000:
        gc.disable()
    await answer(send)


async def garbles(scope: Any, receive: Any, send: Send) -> None:
    """Writes other text and torn frames into its container's log, not through the agent: to PID 1's standard output."""
    if served % 50 == 49:
        with open("/proc/1/fd/1", "wb") as log:  # noqa: PTH123
            log.write(b'\xff\xfe garbage @gilfree1 deadbeef {"seq": 3, "kind": "tick"}\n@gilfree1 0 torn')
    await answer(send)


async def slow(scope: Any, receive: Any, send: Send) -> None:
    await asyncio.sleep(0.4)
    await answer(send)


def wsgi_right(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"right"]


visits = 0
under_way = 0


async def counts_visits(scope: Any, receive: Any, send: Send) -> None:
    """Right, and longer with each power of ten: a page with a visit counter."""
    global visits
    visits += 1
    await answer(send, b"visit %d" % visits)


async def wrong_when_crowded(scope: Any, receive: Any, send: Send) -> None:
    """Right for a few at once; with more under way one answer in 150 is another visitor's, of the same size."""
    global under_way
    under_way += 1
    crowded = under_way > 10
    await asyncio.sleep(0.002)
    under_way -= 1
    await answer(send, b"wrong" if crowded and served % 150 == 149 else b"right")


async def own_runtime_page(scope: Any, receive: Any, send: Send) -> None:
    """Has a page of its own at /runtime."""
    await answer(send, b'{"status": "up"}' if scope.get("path") == "/runtime" else b"right")


async def prints_anything(scope: Any, receive: Any, send: Send) -> None:
    """Prints before its first answers what no text is, characters that JSON writes at length, and a line without an end."""
    if served < 3:
        os.write(1, "\U0001f40d".encode() * 1000 + b"\n" + bytes(range(256)) * 20_000 + b"x" * 5_000_000)
    await answer(send)
