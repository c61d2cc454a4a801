"""Recommendations as Kubernetes objects: a Deployment with its HorizontalPodAutoscaler, a canary and its way back.

Files under <folder>/<endpoint>/<variant>/:
- deployment.yaml, hpa.yaml: the service on this variant. Both variants have the same name, so that applying the other one
  is a rolling update, and `kubectl rollout undo` its way back.
- canary.yaml, only of the free-threaded variant: a few pods of it beside the service, behind the same Service, since that
  selects by `app.kubernetes.io/name` alone. rollback.yaml is the same with no pod.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from toolkit.capacity.deploy.recommend import Recommendation
from toolkit.errors import GilfreeError
from toolkit.manifests import as_yaml, render
from toolkit.scenario.model import Scenario
from toolkit.servers import granian
from toolkit.trial.contract import APP_DIRECTORY, PORT, SERVER_PYTHON, USER
from toolkit.trial.model import with_settings

CANARY_SHARE = 0.1
MOST_REPLICAS_TIMES = 10


def write(found: Recommendation, scenario: Scenario, image: str, replicas: int, folder: Path) -> list[Path]:
    """Write one variant's manifests; the files are returned."""
    target = folder / found.endpoint / found.variant
    try:
        target.mkdir(parents=True, exist_ok=True)
        files = []
        for name, document in objects(found, scenario, image, replicas).items():
            file = target / f"{name}.yaml"
            file.write_text(as_yaml([document])[0])
            files.append(file)
    except OSError as error:
        raise GilfreeError(f"{target} cannot be written: {error.strerror}", "give another folder") from None
    return files


def objects(found: Recommendation, scenario: Scenario, image: str, replicas: int) -> dict[str, dict[str, Any]]:
    """One variant's manifests by the name of their file. Pure but for reading the templates."""
    service = scenario.name
    context = _context(found, scenario, image)
    undo = f"kubectl rollout undo deployment/{service}"
    made = {
        "deployment": render("deployment", {**context, "name": service, "rollback": undo, "replicas": None}),
        "hpa": render(
            "hpa",
            {
                "name": service,
                "service": service,
                "least": replicas,
                "most": MOST_REPLICAS_TIMES * replicas,
                "percent": found.scale_at_cpu_percent,
                "reason": found.reasons["scale_at_cpu_percent"],
            },
        ),
    }
    if found.role == "free-threaded":
        name = f"{service}-canary"
        few = {**context, "name": name, "track": "canary", "rollback": f"kubectl scale deployment/{name} --replicas=0"}
        made["canary"] = render("deployment", {**few, "replicas": max(1, math.ceil(CANARY_SHARE * replicas))})
        made["rollback"] = render("deployment", {**few, "replicas": 0})
    return made


def _context(found: Recommendation, scenario: Scenario, image: str) -> dict[str, Any]:
    point = next(one for one in scenario.points() if one.key == found.point)
    served, point = with_settings(scenario, point, {})
    app = scenario.app
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    threadpool = point.threadpool or app.threadpool
    if app.interface == "asgi" and threadpool is not None:
        environment["GILFREE_THREADPOOL"] = str(threadpool)
    return {
        "service": scenario.name,
        "variant": found.variant,
        "track": "stable",
        "image": image,
        "user": USER,
        "command": granian.command(served, point, python=SERVER_PYTHON, host="0.0.0.0", port=PORT, target=app.target),
        "directory": APP_DIRECTORY,
        "environment": environment,
        "port": PORT,
        "path": scenario.endpoints[point.endpoint].path,
        "cpu_request": found.pod.cpu_request,
        "cpu_limit": found.pod.cpu_limit,
        "memory": found.pod.memory,
        "reasons": {key.replace("_", "-"): words for key, words in found.reasons.items()},
    }
