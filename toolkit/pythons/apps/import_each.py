"""Run in a container of an app image: imports apps, each in a process of its own, and prints what each process did.

The only argument is a JSON object: `script` (the text of import_app.py), `cwd`, `timeout_seconds`, and `apps`, a list of
objects with `target`, `interface` and `env`. The output is one line of JSON: a list of objects with `stdout`, `stderr` and
`code` (null where the time ran out), in the same order. Standard library only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any


def run(asked: dict[str, Any], app: dict[str, Any]) -> dict[str, Any]:
    """Import one app; after the time it and whatever it started are killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", asked["script"], app["target"], app["interface"]],
        cwd=asked["cwd"],
        env=app["env"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    code: int | None = None
    try:
        stdout, stderr = process.communicate(timeout=asked["timeout_seconds"])
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
    return {"stdout": stdout[-8000:], "stderr": stderr[-8000:], "code": code}


if __name__ == "__main__":
    ASKED = json.loads(sys.argv[1])
    print(json.dumps([run(ASKED, app) for app in ASKED["apps"]]))
