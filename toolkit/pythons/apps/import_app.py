"""Run by an arm's interpreter: imports an app as its server would, and prints what was found as one JSON object.

    import_app.py MODULE:ATTRIBUTE asgi|wsgi

Standard library only; it imports nothing of the toolkit. The working directory takes the place of this file's folder on
the path, since a server that is started with `-m` finds the app there.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

THIS_FILE = globals().get("__file__", "<string>")
"""`<string>` in a container, where this text is run with `-c`."""

ARGUMENTS = {"asgi": ("scope", "receive", "send"), "wsgi": ("environ", "start_response")}
EVENTS_OF_INSTANCE = {"asgi": "__await__", "wsgi": "__iter__"}
"""What the instances of a class have when the class itself is an app: each request makes an instance of it."""


def look(target: str, interface: str) -> dict[str, Any]:
    """What `target` is: `kind` is one of `app`, `absent`, `raised`, `factory`, `other-interface` and `no-app`."""
    module, _, attribute = target.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except BaseException as problem:  # noqa: BLE001  (an app may end its own import with SystemExit)
        return raised(problem, module)
    names: list[str] = []
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            owner = ":".join([module, ".".join(names)]) if names else module
            return {"kind": "absent", "owner": owner, "name": name, "names": public_names(found)}
        names.append(name)
    return judge(found, interface)


def raised(problem: BaseException, module: str) -> dict[str, Any]:
    """What was raised, as the last line of a traceback has it, and where in the user's code it was raised."""
    frames = [one for one in traceback.extract_tb(problem.__traceback__) if not one.filename.startswith("<frozen")]
    own = [one for one in frames if one.filename not in (THIS_FILE, importlib.__file__)]
    parts = module.split(".")
    packages = {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
    missing = isinstance(problem, ModuleNotFoundError) and problem.name in packages
    return {
        "kind": "absent" if missing else "raised",
        "error": f"{type(problem).__name__}: {' '.join(str(problem).split())}"[:400],
        "where": f"{own[-1].filename}:{own[-1].lineno}" if own else "",
        "module": getattr(problem, "name", None) if isinstance(problem, ModuleNotFoundError) else None,
    }


def public_names(found: Any) -> list[str]:
    """The callables that the module or object itself holds, by which a misspelt name is recognised."""
    return [name for name, value in vars(found).items() if callable(value) and not name.startswith("_")][:200]


def judge(found: Any, interface: str) -> dict[str, Any]:
    """Whether the object can be called as this interface calls apps. What has no signature (C code) counts as an app."""
    other = "wsgi" if interface == "asgi" else "asgi"
    kind = {"type": type(found).__name__}
    if not callable(found):
        return {"kind": "no-app", **kind}
    if isinstance(found, type):
        usable = hasattr(found, EVENTS_OF_INSTANCE[interface]) and takes(found, len(ARGUMENTS[interface]))
        return {"kind": "app" if usable else "factory", "type": "class"}
    if takes(found, len(ARGUMENTS[interface])):
        called = found if inspect.isroutine(found) else type(found).__call__
        if interface == "wsgi" and inspect.iscoroutinefunction(called):
            return {"kind": "other-interface" if takes(found, len(ARGUMENTS[other])) else "no-app", **kind}
        # Every argument has a default: apps need theirs, factories do not. `*args` is how decorators pass them on.
        return {"kind": "factory" if takes(found, 0) and not passes_on(found, called) else "app", **kind}
    if takes(found, len(ARGUMENTS[other])) and not takes(found, 0):
        return {"kind": "other-interface", **kind}
    return {"kind": "factory" if inspect.isroutine(found) else "no-app", **kind}


def passes_on(found: Any, called: Any) -> bool:
    """Whether a callable that needs no argument may still be an app: it takes any (`*args`) or is a coroutine function."""
    several = any(one.kind is one.VAR_POSITIONAL for one in inspect.signature(found).parameters.values())
    return several or inspect.iscoroutinefunction(called)


def takes(found: Any, count: int) -> bool:
    """Whether it can be called with so many positional arguments; True when that cannot be known."""
    try:
        inspect.signature(found).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return count > 0
    return True


if __name__ == "__main__":
    REAL = os.dup(1)
    os.dup2(2, 1)  # what the app prints is no part of the answer
    sys.path[0] = str(Path.cwd())
    os.write(REAL, json.dumps(look(sys.argv[1], sys.argv[2])).encode() + b"\n")
    os._exit(0)  # threads that the import started must not keep this process alive
