"""Recommendations as Kubernetes manifests: a Deployment, a HorizontalPodAutoscaler, a canary and its rollback.

Files under <folder>/<endpoint>/<variant>/:
- deployment.yaml, hpa.yaml: the service on this variant. Both variants have the same name, so applying the other variant
  is a rolling update, and `kubectl rollout undo` goes back.
- canary.yaml, for the free-threaded variant only: a few pods of it alongside the service, behind the same Service, which
  selects by `app.kubernetes.io/name` alone. rollback.yaml is the same Deployment with 0 replicas.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toolkit.capacity.deploy.recommend import Recommendation
from toolkit.capacity.deploy.replicas import Replicas
from toolkit.capacity.placement.scheduler import HOST_SKEW, ZONE_SKEW
from toolkit.errors import GilfreeError
from toolkit.manifests import as_yaml, render
from toolkit.scenario.model import Scenario
from toolkit.servers import granian
from toolkit.trial.contract import APP_DIRECTORY, PORT, SERVER_PYTHON, USER


def write_manifests(
    recommendation: Recommendation, scenario: Scenario, image: str, replicas: Replicas, folder: Path
) -> list[Path]:
    """Write the manifests of one recommendation and return the files. Raises GilfreeError when they cannot be written."""
    target = folder / recommendation.endpoint / recommendation.variant
    try:
        target.mkdir(parents=True, exist_ok=True)
        files = []
        for name, document in manifests_of(recommendation, scenario, image, replicas).items():
            file = target / f"{name}.yaml"
            file.write_text(as_yaml([document])[0])
            files.append(file)
    except OSError as error:
        raise GilfreeError(f"{target} cannot be written: {error.strerror}", "give another folder") from None
    return files


def manifests_of(
    recommendation: Recommendation, scenario: Scenario, image: str, replicas: Replicas
) -> dict[str, dict[str, Any]]:
    """The manifests of one recommendation by file name without ending. Pure, apart from reading the templates."""
    service = scenario.name
    values = _template_values(recommendation, scenario, image, replicas)
    undo = f"kubectl rollout undo deployment/{service}"
    made = {
        "deployment": render("deployment", {**values, "name": service, "rollback": undo, "replicas": replicas.first}),
        "hpa": render(
            "hpa",
            {
                "name": service,
                "service": service,
                "least": replicas.least,
                "most": replicas.most,
                "bounds": replicas.reason,
                "percent": recommendation.scale_at_cpu_percent,
                "reason": recommendation.reasons["scale_at_cpu_percent"],
            },
        ),
    }
    if recommendation.role == "free-threaded":
        name = f"{service}-canary"
        few = {
            **values,
            "name": name,
            "track": "canary",
            "rollback": f"kubectl scale deployment/{name} --replicas=0",
            "reasons": {**values["reasons"], "canary-share": replicas.canary_share},
        }
        made["canary"] = render("deployment", {**few, "replicas": replicas.canary})
        made["rollback"] = render("deployment", {**few, "replicas": 0})
    return made


def _template_values(
    recommendation: Recommendation, scenario: Scenario, image: str, replicas: Replicas
) -> dict[str, Any]:
    point = next(one for one in scenario.points() if one.key == recommendation.point)
    app = scenario.app
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    threadpool = point.threadpool or app.threadpool
    if app.interface == "asgi" and threadpool is not None:
        environment["GILFREE_THREADPOOL"] = str(threadpool)
    return {
        "service": scenario.name,
        "variant": recommendation.variant,
        "track": "stable",
        "image": image,
        "user": USER,
        "command": granian.command(scenario, point, python=SERVER_PYTHON, host="0.0.0.0", port=PORT, target=app.target),
        "directory": APP_DIRECTORY,
        "environment": environment,
        "port": PORT,
        "path": scenario.endpoints[point.endpoint].path,
        "cpu_request": recommendation.pod.cpu_request,
        "cpu_limit": recommendation.pod.cpu_limit,
        "memory": recommendation.pod.memory,
        "spread": spreading(replicas.zones),
        "arch": replicas.arch,
        "reasons": {key.replace("_", "-"): words for key, words in recommendation.reasons.items()},
    }


def spreading(zones: int) -> dict[str, int]:
    """`maxSkew` by topology key, as the plan's scheduler is simulated: over hosts, and over zones where there are several."""
    hosts = {"kubernetes.io/hostname": HOST_SKEW}
    return {"topology.kubernetes.io/zone": ZONE_SKEW, **hosts} if zones > 1 else hosts
