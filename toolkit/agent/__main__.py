"""`python -m gilfree_agent serve|load ARGUMENT`, where ARGUMENT is one JSON object.

It stops on SIGTERM and SIGINT and, when the argument says `watch_stdin`, when its standard input closes: that pipe's
other end is the tool, so a tool that was killed leaves nothing running.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from . import load, serve
from .frames import Emitter


def main() -> int:
    """Run the named side; exits 0 when it reported to the end, whatever it had to report."""
    side, argument = sys.argv[1], json.loads(sys.argv[2])
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if argument.get("watch_stdin"):
        threading.Thread(target=_watch, args=(stopping,), daemon=True).start()
    emitter = Emitter("server" if side == "serve" else "load", sys.stdout)
    run = serve.run if side == "serve" else load.run
    return run(argument, emitter, stopping)


def _watch(stopping: threading.Event) -> None:
    while os.read(0, 4096):
        continue
    stopping.set()


if __name__ == "__main__":
    sys.exit(main())
