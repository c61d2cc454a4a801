"""Whether the apps in an image can be served there: imported in a container of it, before anything is measured.

The answers are those of `pythons.apps.probe`, and so are the words for what is in the way. Runs nothing itself.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from toolkit.errors import GilfreeError
from toolkit.pythons.apps.probe import IMPORT_TIMEOUT_SECONDS, SCRIPT, verdict
from toolkit.pythons.subprocesses import Finished
from toolkit.scenario.model import App, Scenario
from toolkit.trial.contract import APP_DIRECTORY, SERVER_PYTHON
from toolkit.trial.model import app_environment

_RUNNER = SCRIPT.with_name("import_each.py")


@dataclass(frozen=True)
class ProbedApp:
    """An app to import: its `target` and `interface`, and the environment that its server will have."""

    target: str
    interface: str
    env: dict[str, str]


def probed_apps(scenarios: Sequence[Scenario]) -> tuple[ProbedApp, ...]:
    """The apps of these scenarios, each once."""
    apps: list[App] = list(dict.fromkeys(one.app for one in scenarios))
    return tuple(ProbedApp(app.target, app.interface, app_environment(app, app.threadpool)) for app in apps)


def app_probe_command(apps: Sequence[ProbedApp]) -> list[str]:
    """The command that prints, in a container of an image, what `check_image_apps` reads."""
    asked = {
        "script": SCRIPT.read_text(),
        "cwd": APP_DIRECTORY,
        "timeout_seconds": IMPORT_TIMEOUT_SECONDS,
        "apps": [asdict(one) for one in apps],
    }
    return [SERVER_PYTHON, "-I", "-c", _RUNNER.read_text(), json.dumps(asked)]


def check_image_apps(output: str, apps: Sequence[ProbedApp], image: str) -> None:
    """Read what `app_probe_command` printed. Raises GilfreeError for the first app that cannot be served.

    What was not answered (a container that was killed, an import that was killed from outside, as for memory) is no
    finding about the app: the first block shows it.
    """
    lines = output.splitlines()
    try:
        answers = [Finished(timeout_seconds=IMPORT_TIMEOUT_SECONDS, **one) for one in json.loads(lines[-1])]
    except (IndexError, TypeError, ValueError):
        return
    for app, ran in zip(apps, answers, strict=False):
        if ran.code == -signal.SIGKILL:
            continue
        found = verdict(ran, app.target, app.interface, Path(APP_DIRECTORY), app.env)
        if not found.usable:
            raise GilfreeError(f"{image}: {found.problem}", found.remedy)
