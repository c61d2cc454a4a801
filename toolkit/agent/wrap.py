"""A wrapper that answers the runtime question for an app that does not: served as `gilfree_agent.wrap:app`.

GILFREE_APP is the user's `pkg.module:attribute`, GILFREE_INTERFACE asgi or wsgi, GILFREE_RUNTIME_PATH the path that the
wrapper answers. Other requests go to the user's app unchanged; all arms of a comparison have the same wrapper.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from .runtime import worker_state

PATH = os.environ.get("GILFREE_RUNTIME_PATH", "")


def _import_app(target: str) -> Any:
    module, _, attribute = target.partition(":")
    found: Any = importlib.import_module(module)
    for name in attribute.split("."):
        found = getattr(found, name)
    return found


def _asgi(inner: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    import asyncio

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            return await inner(scope, receive, send)
        body = json.dumps(worker_state(asyncio.get_running_loop())).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return None

    return app


def _wsgi(inner: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return inner(environ, start_response)
        body = json.dumps(worker_state()).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return app


if "GILFREE_APP" in os.environ:
    wrapped = _import_app(os.environ["GILFREE_APP"])
    app = _asgi(wrapped) if os.environ["GILFREE_INTERFACE"] == "asgi" else _wsgi(wrapped)
