"""The server's agent reports all processes of a server, however many there are."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

from toolkit.agent import frames

CHILDREN = 80
PROGRAM = f"""
import http.server, subprocess, sys
children = [subprocess.Popen(["sleep", "60"]) for _ in range({CHILDREN})]
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def test_all_of_more_than_64_processes_are_reported_in_frames_of_4_kib() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argument = {
        "trial": "test-serve",
        "argv": [sys.executable, "-c", PROGRAM, str(port)],
        "env": {"PATH": "/usr/bin:/bin", **{f"VARIABLE_{number}": "ü" * 1000 for number in range(10)}},
        "cwd": "/",
        "cpus": None,
        "host": "127.0.0.1",
        "port": port,
        "path": "/",
        "ready_timeout_seconds": 60,
        "stop_grace_seconds": 5,
        "memory_limit_bytes": None,
        "watch_stdin": True,
    }
    command = [sys.executable, "-m", "toolkit.agent", "serve", json.dumps(argument)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdin is not None and agent.stdout is not None
        lines = []
        for line in agent.stdout:
            lines.append(line)
            if '"kind":"tick"' in line:
                agent.stdin.close()  # on which the agent ends the server and itself
    assert agent.returncode == 0
    assert max(len(line) for line in lines) <= 4096
    found = list(frames.read(lines))
    assert frames.gap(found) is None
    for kind in ("memory", "processes"):
        pids = next(frame["pids"] for frame in found if frame["kind"] == kind)
        assert len(pids) == len(set(pids)) == CHILDREN + 1
    assert next(frame["env"] for frame in found if frame["kind"] == "server_started") == argument["env"]
