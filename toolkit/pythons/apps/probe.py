"""Whether an app can be served at all, asked of the arm's own interpreter before anything is measured.

Without this an app that cannot be imported, or a factory given in place of an app, shows itself only as a server that
does not start or answers 500.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.pythons.subprocesses import Finished, run_untrusted
from toolkit.scenario.targets import factory_remedy

SCRIPT = Path(__file__).with_name("import_app.py")
IMPORT_TIMEOUT_SECONDS = 60
_LAST_WORDS = 400


@dataclass(frozen=True)
class AppProbe:
    """What importing an app found. `problem` is empty for an app that can be served; `remedy` belongs to the problem."""

    problem: str = ""
    remedy: str = ""

    @property
    def usable(self) -> bool:
        """Whether the app can be served as far as an import can show."""
        return not self.problem


def probe_app(python: str | Path, cwd: Path, target: str, interface: str, env: Mapping[str, str]) -> AppProbe:
    """Import `target` (`package.module:attribute`) with an arm's interpreter, and say whether it is an app.

    python: the executable of the arm's environment. cwd: the folder that the server is started in; the app is found
    there or among the installed packages. interface: `asgi` or `wsgi`. env: the server's whole environment
    (`trial.model.app_environment`). The import runs in a process of its own and is killed after IMPORT_TIMEOUT_SECONDS.

    A campaign asks once for each arm before the first block, and raises the first problem of it:

        probe = probe_app(arm.runtime, app_directory, app.target, app.interface, app_environment(app))
        if not probe.usable:
            raise GilfreeError(f"{arm.name}: {probe.problem}", probe.remedy)

    Raises OSError when the interpreter cannot be started.
    """
    ran = run_untrusted(
        [str(python), str(SCRIPT), target, interface], cwd=cwd, env=env, timeout_seconds=IMPORT_TIMEOUT_SECONDS
    )
    return verdict(ran, target, interface, cwd, env)


def verdict(ran: Finished, target: str, interface: str, cwd: Path, env: Mapping[str, str]) -> AppProbe:
    """The probe's answer in words; the arguments are those of `probe_app`. Pure."""
    module, _, name = target.partition(":")
    lines = ran.stdout.splitlines()
    if not lines:  # the import ended the process or outlasted it
        last_words = ran.stderr.strip()[-_LAST_WORDS:]
        ended = f"importing {module} has {ran.ended}" if ran.code is None else f"importing {module} ended the process"
        how = "" if ran.code is None else f" ({ran.ended})"
        return AppProbe(
            f"{ended}{how}" + (f": {last_words}" if last_words else ""),
            f"run `python -c 'import {module}'` in {cwd} with this interpreter; `gilfree doctor` imports the dependencies",
        )
    found: dict[str, Any] = json.loads(lines[-1])
    match found["kind"]:
        case "app":
            return AppProbe()
        case "absent":
            return _absent(found, target, cwd)
        case "raised":
            return _raised(found, module, env)
        case "factory":
            what = "a class" if found["type"] == "class" else "a factory"
            return AppProbe(f"{target} is {what}, not an app: gilfree does not call it", factory_remedy(module, name))
        case "other-interface":
            other = "wsgi" if interface == "asgi" else "asgi"
            return AppProbe(f"{target} is an app for {other}, not for {interface}", f"give --interface {other}")
    return AppProbe(
        f"{target} is of type {found['type']}, which {interface} cannot call as an app",
        "name the attribute that holds the app, such as package.module:app",
    )


def _absent(found: Mapping[str, Any], target: str, cwd: Path) -> AppProbe:
    if "name" not in found:
        module = target.partition(":")[0]
        return AppProbe(
            f"there is no module {module}: {found['error']}",
            f"it is looked for in {cwd} and among the installed packages; name its folder with --project",
        )
    near = difflib.get_close_matches(found["name"], found["names"], 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return AppProbe(
        f"{found['owner']} has no {found['name']!r}",
        f"{hint}name the attribute that holds the app, such as package.module:app",
    )


def _raised(found: Mapping[str, Any], module: str, env: Mapping[str, str]) -> AppProbe:
    where = f" ({found['where']})" if found["where"] else ""
    problem = f"importing {module} fails: {found['error']}{where}"
    if found["module"]:
        return AppProbe(problem, f"add the package that holds {found['module']} to the project's dependencies")
    if found["error"].startswith(("ImportError", "SyntaxError", "IndentationError")):
        return AppProbe(problem, "correct it, so that the module can be imported")
    return AppProbe(
        problem,
        f"the server gets a clean environment: only {', '.join(sorted(env))}, no variable of your shell. Give what the"
        " app needs a default, or set it in a module of your own that imports the app, and serve that module",
    )
