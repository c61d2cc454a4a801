"""`python -m gilfree_agent serve|load ARGUMENT`: ARGUMENT is one JSON object, see `serve.run`, `load.run`
and, with several arms, `turns.run`.

The agent stops on SIGTERM and SIGINT and, with `watch_stdin` in the argument, when its standard input closes: the tool
holds the other end of that pipe, so nothing keeps running when the tool is killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from . import load, serve, turns
from .frames import Emitter


def main() -> int:
    """Run the side that the command line names; returns the exit code: 0 when it reported to the end."""
    side, argument = sys.argv[1], json.loads(sys.argv[2])
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if argument.get("watch_stdin"):
        threading.Thread(target=_stop_when_stdin_closes, args=(stopping,), daemon=True).start()
    emitter = Emitter("server" if side == "serve" else "load", sys.stdout)
    run = serve.run if side == "serve" else turns.run if "arms" in argument else load.run
    return run(argument, emitter, stopping)


def _stop_when_stdin_closes(stopping: threading.Event) -> None:
    while os.read(0, 4096):
        continue
    stopping.set()


if __name__ == "__main__":
    sys.exit(main())
