"""The answer to the runtime question: one definition, which says of the worker what the checks of a trial need."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path

from toolkit import paths
from toolkit.agent import runtime


def test_a_worker_names_its_version_process_thread_and_gil() -> None:
    state = runtime.worker_state()
    assert state["version"] == sys.version.split()[0]
    assert (state["pid"], state["thread_id"]) == (os.getpid(), threading.get_native_id())
    assert state["gil_enabled"] == getattr(sys, "_is_gil_enabled", lambda: True)()
    assert state["loop"] is None


def test_an_event_loop_is_named_by_its_class() -> None:
    async def ask() -> object:
        return runtime.worker_state(asyncio.get_running_loop())["loop"]

    assert str(asyncio.run(ask())).startswith("asyncio.")


def test_the_sample_apps_and_the_wrapper_share_the_definition() -> None:
    linked = paths.shipped("images") / "app" / "runtime.py"  # a link in a checkout, a copy in a wheel
    assert linked.read_bytes() == Path(runtime.__file__).read_bytes()
