"""`gilfree images test`: what must hold of the images before anybody is given them, asked of containers of them.

Collecting (here) is apart from judging (judging.py): facts are plain data, and each finding is one sentence that holds
or not. The servers are started as a user would start them, by the image's own entry point, with a read-only root, no
capability and no network but loopback; the load comes from the load image in the server's network namespace.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit import paths
from toolkit.engine.containers import OwnedContainer, create, run
from toolkit.errors import GilfreeError
from toolkit.images.checks.child_image import child_build
from toolkit.images.progress import Watching
from toolkit.images.registry.engine_images import inspected, labels_of
from toolkit.images.spec.inputs import Wanted
from toolkit.images.spec.network import Network
from toolkit.loadgen import rewrk
from toolkit.trial.contract import LOAD_PYTHON, PORT, REWRK, SERVER_PYTHON

if TYPE_CHECKING:
    from docker import DockerClient

RESTRICTED: dict[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "network_mode": "none",
    "mem_limit": "512m",
    "pids_limit": 256,
}
"""As Kubernetes' restricted policy has it."""

READY_SECONDS, STOP_SECONDS, LOAD_SECONDS = 30, 10, 1

_ASK_RUNTIME = """
import http.client, json, sys, time
port, path, until = int(sys.argv[1]), sys.argv[2], time.monotonic() + float(sys.argv[3])
while True:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        answer = connection.getresponse()
        print(json.dumps({"status": answer.status, "body": answer.read().decode()}))
        break
    except OSError as error:
        if time.monotonic() > until:
            sys.exit(f"nobody answers on port {port}: {error}")
        time.sleep(0.05)
"""


@dataclass(frozen=True)
class Served:
    """One app of an image, after real requests."""

    target: str
    requests: str
    runtime: dict[str, Any]
    healthy: int
    stopped: int | None
    problem: str = ""


@dataclass(frozen=True)
class Facts:
    """What an image was found to be. `config` is its own: user, entry point, health check, labels."""

    wanted: Wanted
    config: dict[str, Any]
    labels: dict[str, str]
    interpreter: dict[str, Any] = field(default_factory=dict)
    inside: dict[str, Any] = field(default_factory=dict)
    served: tuple[Served, ...] = ()
    child: dict[str, Any] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)


def collect(
    client: DockerClient, images: Sequence[Wanted], network: Network, watching: Watching, *, child: bool = True
) -> list[Facts]:
    """Facts of all app images and the load image (runtimes are tested through the apps on them and their children)."""
    load = next(one for one in images if one.kind == "load")
    found = []
    for one in images:
        if one.kind == "app":
            watching.begin(one.title, "testing")
            found.append(_app(client, one, load, network, watching, child))
        elif one.kind == "load":
            watching.begin(one.title, "testing")
            found.append(_load(client, one))
    return found


def _app(client: DockerClient, one: Wanted, load: Wanted, network: Network, watching: Watching, child: bool) -> Facts:
    image = inspected(client, one.name) or {}
    verify = (paths.shipped("images") / "cpython" / "verify.py").read_text()
    interpreter = _answer(client, one, [SERVER_PYTHON, "-I", "-c", verify], **RESTRICTED)
    # Not read-only here: what this user could write is to be seen.
    inside = _answer(
        client, one, [SERVER_PYTHON, "-c", Path(__file__).with_name("inside.py").read_text()], network_mode="none"
    )
    served = []
    for target in one.targets.split(","):
        watching.line(f"serving {target}")
        interface = "wsgi" if one.interface == "wsgi" or target.startswith("wsgi") else "asgi"
        served.append(_serve(client, one, load, image["Config"], target, interface))
    built: dict[str, Any] = {}
    if child and one.runtime is not None:
        watching.line("building a C extension in a child image")
        built = child_build(client, one.runtime, network)
    return Facts(one, image["Config"], labels_of(image), interpreter, inside, tuple(served), built)


def _load(client: DockerClient, one: Wanted) -> Facts:
    image = inspected(client, one.name) or {}
    tools = {}
    for name in ("rewrk", "oha"):
        ended, out, errors = run(
            client, one.name, [f"/usr/local/bin/{name}", "--version"], purpose="test", timeout_seconds=30, **RESTRICTED
        )
        tools[name] = out.strip() if ended.code == 0 else f"does not start: {errors.strip()[-200:]}"
    code = "import os, json, gilfree_agent.load, gilfree_agent.serve; print(json.dumps({'uid': os.getuid()}))"
    inside = _answer(client, one, [LOAD_PYTHON, "-c", code], working_dir="/opt/gilfree", **RESTRICTED)
    return Facts(one, image["Config"], labels_of(image), inside=inside, tools=tools)


def _answer(client: DockerClient, one: Wanted, command: Sequence[str], **options: Any) -> dict[str, Any]:
    ended, out, errors = run(client, one.name, command, purpose="test", timeout_seconds=120, **options)
    try:
        found: dict[str, Any] = json.loads(out)
    except ValueError:
        words = (errors or out).strip()[-400:]
        raise GilfreeError(f"{one.name} does not answer (exit code {ended.code}): {words}", "look at its log") from None
    return found


def _serve(
    client: DockerClient, one: Wanted, load: Wanted, config: dict[str, Any], target: str, interface: str
) -> Served:
    command = [*config["Entrypoint"], target]
    settings = {"GRANIAN_INTERFACE": interface}
    with create(client, one.name, command, purpose="test", environment=settings, **RESTRICTED) as server:
        server.start()
        path, loaded_path = ("/runtime", "/json") if one.repository == "gilfree-app" else ("/", "/")
        first = _inside(server, loaded_path, READY_SECONDS)
        if first.get("status", 200) >= 500:
            first["problem"] = f"{loaded_path} answers {first['status']}"
        if "problem" in first:
            return Served(target, "", {}, 1, None, f"{first['problem']}; {server.errors()[-400:]}")
        loaded = _loaded(client, server, load, loaded_path)
        runtime = _inside(server, path, 1)
        code = server.container.exec_run(config["Healthcheck"]["Test"][1:]).exit_code
        started = time.monotonic()
        server.container.stop(timeout=STOP_SECONDS)
        ended = server.exit()
        stopped = ended.code if time.monotonic() - started < STOP_SECONDS else 137
        try:
            said = json.loads(runtime.get("body", "{}"))
        except ValueError:
            said = {}
        return Served(target, loaded, said if isinstance(said, dict) else {}, int(code or 0), stopped)


def _inside(server: OwnedContainer, path: str, seconds: float) -> dict[str, Any]:
    """Ask the server from inside its own container, waiting until it answers."""
    done = server.container.exec_run([SERVER_PYTHON, "-c", _ASK_RUNTIME, str(PORT), path, str(seconds)])
    output: Any = done.output  # bytes, as nothing streams here
    text = output.decode(errors="replace").strip()
    if done.exit_code:
        return {"problem": text[-300:]}
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def _loaded(client: DockerClient, server: OwnedContainer, load: Wanted, path: str) -> str:
    """A second of real requests from the load image; rewrk's own count of them, or what it said instead."""
    url = f"http://127.0.0.1:{PORT}{path}"
    command = rewrk.command(REWRK, url, connections=8, threads=1, seconds=LOAD_SECONDS)
    options = {**RESTRICTED, "network_mode": f"container:{server.id}"}
    _, out, errors = run(client, load.name, command, purpose="test", timeout_seconds=30, **options)
    try:
        return str(rewrk.parse(out).requests_total)
    except rewrk.ParseError as error:
        return f"{error}; {errors.strip()[-200:]}"
