"""Facts about built images for `gilfree images test`, collected in containers of them.

results.py decides on them; facts are plain data. Servers are started as a user starts them, by the image's own entry
point, with a read-only root, no capability and no network but loopback; the load comes from the load image in the server's
network namespace.
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
from toolkit.images.checks.child_image import build_child_image
from toolkit.images.progress import BuildProgress
from toolkit.images.registry.engine_images import inspected, labels_of
from toolkit.images.spec.inputs import ImageSpec
from toolkit.images.spec.network import Network
from toolkit.loadgen import rewrk
from toolkit.loadgen.output import ParseError
from toolkit.trial.contract import AGENT_ENVIRONMENT, LOAD_PYTHON, PORT, REWRK, SERVER_PYTHON

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
"""Options of containers, as strict as Kubernetes' restricted policy."""

READY_SECONDS, STOP_SECONDS, LOAD_SECONDS = 30, 10, 1

_REQUEST = """
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
            sys.exit(f"no answer on port {port}: {error}")
        time.sleep(0.05)
"""


@dataclass(frozen=True)
class ServedApp:
    """One app of an image, after a second of load.

    target: `module:attribute`. requests: rewrk's count of them, or its message instead. runtime: what `/runtime` answered.
    health_exit_code: of the image's health check. stop_exit_code: of the server after SIGTERM; 137 when it had to be
    killed. problem: why it was not served at all.
    """

    target: str
    requests: str
    runtime: dict[str, Any]
    health_exit_code: int
    stop_exit_code: int | None
    problem: str = ""


@dataclass(frozen=True)
class ImageFacts:
    """What was found out about an image.

    config: the image's own: user, entry point, health check. labels: gilfree's own. interpreter: what verify.py printed.
    probe: what image_probe.py printed. child: what the child image printed, or `problem`. tools: output of `--version`, or
    `does not start: …`, by name of the load generator.
    """

    spec: ImageSpec
    config: dict[str, Any]
    labels: dict[str, str]
    interpreter: dict[str, Any] = field(default_factory=dict)
    probe: dict[str, Any] = field(default_factory=dict)
    served: tuple[ServedApp, ...] = ()
    child: dict[str, Any] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)


def collect_facts(
    client: DockerClient, specs: Sequence[ImageSpec], network: Network, progress: BuildProgress, *, child: bool = True
) -> list[ImageFacts]:
    """Facts about the app images and the load image among `specs`, which must all be built.

    Runtimes are tested through the apps on them and, with `child`, through a child image, which needs the network.
    """
    load = next(spec for spec in specs if spec.kind == "load")
    found = []
    with progress.running():
        for spec in specs:
            if spec.kind == "app":
                progress.begin(spec.title, "testing")
                found.append(_app_facts(client, spec, load, network, progress, child))
            elif spec.kind == "load":
                progress.begin(spec.title, "testing")
                found.append(_load_facts(client, spec))
    return found


def _app_facts(
    client: DockerClient, spec: ImageSpec, load: ImageSpec, network: Network, progress: BuildProgress, child: bool
) -> ImageFacts:
    image = inspected(client, spec.name) or {}
    verify = (paths.shipped("images") / "cpython" / "verify.py").read_text()
    interpreter = _json_printed_by(client, spec, [SERVER_PYTHON, "-I", "-c", verify], **RESTRICTED)
    # Not read-only here: the probe finds what this user may write.
    script = Path(__file__).with_name("image_probe.py").read_text()
    probe = _json_printed_by(client, spec, [SERVER_PYTHON, "-c", script], network_mode="none")
    served = []
    for target in spec.targets.split(","):
        progress.line(f"serving {target}")
        interface = "wsgi" if spec.interface == "wsgi" or target.startswith("wsgi") else "asgi"
        served.append(_serve(client, spec, load, image["Config"], target, interface))
    built: dict[str, Any] = {}
    if child and spec.runtime is not None:
        progress.line("building a C extension in a child image")
        built = build_child_image(client, spec.runtime, network)
    return ImageFacts(spec, image["Config"], labels_of(image), interpreter, probe, tuple(served), built)


def _load_facts(client: DockerClient, spec: ImageSpec) -> ImageFacts:
    image = inspected(client, spec.name) or {}
    tools = {}
    for name in ("rewrk", "oha"):
        ended, out, errors = run(
            client, spec.name, [f"/usr/local/bin/{name}", "--version"], purpose="test", timeout_seconds=30, **RESTRICTED
        )
        tools[name] = out.strip() if ended.code == 0 else f"does not start: {errors.strip()[-200:]}"
    code = "import os, json, gilfree_agent.load, gilfree_agent.serve; print(json.dumps({'uid': os.getuid()}))"
    command = [LOAD_PYTHON, "-P", "-c", code]
    probe = _json_printed_by(client, spec, command, environment=AGENT_ENVIRONMENT, **RESTRICTED)
    return ImageFacts(spec, image["Config"], labels_of(image), probe=probe, tools=tools)


def _json_printed_by(client: DockerClient, spec: ImageSpec, command: Sequence[str], **options: Any) -> dict[str, Any]:
    ended, out, errors = run(client, spec.name, command, purpose="test", timeout_seconds=120, **options)
    try:
        found: dict[str, Any] = json.loads(out)
    except ValueError:
        words = (errors or out).strip()[-400:]
        raise GilfreeError(f"{spec.name} prints no JSON (exit code {ended.code}): {words}", "build it again") from None
    return found


def _serve(
    client: DockerClient, spec: ImageSpec, load: ImageSpec, config: dict[str, Any], target: str, interface: str
) -> ServedApp:
    command = [*config["Entrypoint"], target]
    settings = {"GRANIAN_INTERFACE": interface}
    with create(client, spec.name, command, purpose="test", environment=settings, **RESTRICTED) as server:
        server.start()
        path, loaded_path = ("/runtime", "/json") if spec.repository == "gilfree-app" else ("/", "/")
        first = _request_inside(server, loaded_path, READY_SECONDS)
        if first.get("status", 200) >= 500:
            first["problem"] = f"{loaded_path} answers {first['status']}"
        if "problem" in first:
            return ServedApp(target, "", {}, 1, None, f"{first['problem']}; {server.errors()[-400:]}")
        requests = _requests_under_load(client, server, load, loaded_path)
        runtime = _request_inside(server, path, 1)
        code = server.container.exec_run(config["Healthcheck"]["Test"][1:]).exit_code
        started = time.monotonic()
        server.container.stop(timeout=STOP_SECONDS)
        ended = server.exit()
        stopped = ended.code if time.monotonic() - started < STOP_SECONDS else 137
        try:
            said = json.loads(runtime.get("body", "{}"))
        except ValueError:
            said = {}
        return ServedApp(target, requests, said if isinstance(said, dict) else {}, int(code or 0), stopped)


def _request_inside(server: OwnedContainer, path: str, seconds: float) -> dict[str, Any]:
    """`status` and `body` of a request from inside the server's container, which waits `seconds` for an answer; else
    `problem`."""
    done = server.container.exec_run([SERVER_PYTHON, "-c", _REQUEST, str(PORT), path, str(seconds)])
    output: Any = done.output  # bytes, since nothing is streamed
    text = output.decode(errors="replace").strip()
    if done.exit_code:
        return {"problem": text[-300:]}
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def _requests_under_load(client: DockerClient, server: OwnedContainer, load: ImageSpec, path: str) -> str:
    """A second of load from the load image: rewrk's count of requests, or its message where there is none."""
    url = f"http://127.0.0.1:{PORT}{path}"
    command = rewrk.command(REWRK, url, connections=8, threads=1, seconds=LOAD_SECONDS)
    options = {**RESTRICTED, "network_mode": f"container:{server.id}"}
    _, out, errors = run(client, load.name, command, purpose="test", timeout_seconds=30, **options)
    try:
        return str(rewrk.parse(out).requests_total)
    except ParseError as error:
        return f"{error}; {errors.strip()[-200:]}"
