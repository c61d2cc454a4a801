"""What must hold of tested images, as a list of results: each is one requirement of one image, or of the pair.

Decides on collected facts alone and runs nothing. A new check of an image is a new result here and, where it needs one, a
new fact in collect.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.images.checks.collect import ImageFacts, ServedApp
from toolkit.pythons.packages import differences_in_words, package_differences
from toolkit.pythons.pair import Interpreter, NotAPair, verify_pair
from toolkit.trial.contract import SERVER_PYTHON, USER

MOST_DIFFERENCES = 10
"""How many packages that differ are named."""


@dataclass(frozen=True)
class CheckResult:
    """subject: an image's title, or the pair. requirement: a sentence. problem: why it is not met; empty when it is."""

    subject: str
    requirement: str
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether the requirement is met."""
        return not self.problem


def check_results(facts: Sequence[ImageFacts]) -> list[CheckResult]:
    """The results for all images in their order, then those for the pair where there are two app images."""
    found: list[CheckResult] = []
    for one in facts:
        found += _load_image(one) if one.spec.kind == "load" else _app_image(one)
    apps = [one for one in facts if one.spec.kind == "app"]
    if len(apps) == 2:
        found += _pair(*sorted(apps, key=lambda one: one.spec.variant))
    return found


def _app_image(image: ImageFacts) -> Iterator[CheckResult]:
    spec, facts, probe = image.spec, image.interpreter, image.probe
    with_gil = not spec.variant.endswith("t")
    kind = "with the GIL" if with_gil else "free-threaded"

    def result(requirement: str, problem: str) -> CheckResult:
        return CheckResult(spec.title, requirement, problem)

    abi = str(facts["abi"])
    right = facts["version"] == spec.version and facts["gil_disabled_build"] != with_gil
    yield result(
        f"the interpreter is {spec.version}, {kind} ({abi})",
        "" if right and ("t-" in abi) != with_gil else f"it says {facts['version']}, {abi}",
    )
    missing = [*facts["missing"], *facts["without"]]
    yield result("all standard modules that a service needs are there", ", ".join(missing))
    problems = [f"{name}: {why}" for name, why in probe["not_importable"].items()]
    yield result(f"all {len(probe['packages'])} packages can be imported", "; ".join(problems))
    if not with_gil:
        culprits = probe["switched_the_gil_on"] or (["something"] if probe["gil_on_after_imports"] else [])
        yield result("the GIL is off after importing every package", ", ".join(culprits) and f"on by {culprits}")
    for served in image.served:
        yield from _served_app(spec.title, served, with_gil)
    yield from _restrictions(image)
    if image.child:
        yield result(
            "pip and a C extension build work in a child image", _child_image_problem(image.child, abi, with_gil)
        )


def _served_app(title: str, served: ServedApp, with_gil: bool) -> Iterator[CheckResult]:
    app = served.target
    if served.problem:
        yield CheckResult(title, f"{app} is served with a read-only root and no capability", served.problem)
        return
    counted = served.requests.isdigit() and int(served.requests) > 0
    yield CheckResult(
        title,
        f"{app} answers {served.requests if counted else 'real'} requests with a read-only root and no capability",
        "" if counted else served.requests,
    )
    if "gil_enabled" in served.runtime:
        state = "on" if with_gil else "off"
        reported = served.runtime["gil_enabled"]
        problem = "" if reported == with_gil else f"it is {'on' if reported else 'off'}"
        yield CheckResult(title, f"the GIL is {state} in {app} after them", problem)
    healthy = "" if served.health_exit_code == 0 else f"exit {served.health_exit_code}"
    yield CheckResult(title, f"the health check passes on {app}", healthy)
    stopped = "" if served.stop_exit_code in (0, 143) else f"exit code {served.stop_exit_code}"
    yield CheckResult(title, f"{app} ends on SIGTERM by itself", stopped)


def _restrictions(image: ImageFacts) -> Iterator[CheckResult]:
    title, probe, config = image.spec.title, image.probe, image.config
    user = str(config.get("User", ""))
    numeric = user.split(":")[0].isdigit() and probe["uid"] == USER and probe["gid"] == USER
    yield CheckResult(title, f"it runs as {USER}, not root, and says so by number", "" if numeric else f"as {user!r}")
    yield CheckResult(title, "nothing is writable that need not be", ", ".join(probe["writable"]))
    extra = [*probe["compilers"], *probe["tests"], *probe["static"]]
    yield CheckResult(title, "there is no compiler, no test package, no static library", ", ".join(extra))
    entry = config.get("Entrypoint") or []
    direct = bool(entry) and entry[0] == SERVER_PYTHON
    check = (config.get("Healthcheck") or {}).get("Test") or []
    yield CheckResult(
        title,
        "its entry point and health check need no shell",
        "" if direct and check[:1] == ["CMD"] else f"{entry}, {check}",
    )
    label = image.labels.get("id", "none")
    yield CheckResult(title, "its label is the id of what it is made of", "" if label == image.spec.id else label)


def _child_image_problem(child: dict[str, Any], abi: str, with_gil: bool) -> str:
    if "problem" in child:
        return str(child["problem"])
    if child["answer"] != 42 or abi not in child["file"]:
        return f"the extension is {child}"
    return "" if child["gil_on"] == with_gil else f"the GIL is {'on' if child['gil_on'] else 'off'} after importing it"


def _load_image(image: ImageFacts) -> Iterator[CheckResult]:
    for name, output in image.tools.items():
        problem = output if output.startswith("does not") else ""
        yield CheckResult(image.spec.title, f"{name} {image.spec.inputs[name]} starts", problem)
    uid = image.probe["uid"]
    yield CheckResult(
        image.spec.title, f"it runs as {USER}, and the agent is there", "" if uid == USER else f"as {uid}"
    )


def _pair(gil: ImageFacts, free_threaded: ImageFacts) -> Iterator[CheckResult]:
    title = f"pair {gil.spec.variant} and {free_threaded.spec.variant}"
    one, other = (
        Interpreter(facts.spec.variant, Path(facts.spec.name), facts.interpreter) for facts in (gil, free_threaded)
    )
    problem = ""
    try:
        verify_pair(one, other, gil.spec.version, built=True)
    except NotAPair as error:
        problem = error.message
    yield CheckResult(title, "the two builds differ in --disable-gil alone", problem)
    profiles = {gil.spec.profile, free_threaded.spec.profile, gil.labels.get("profile", "none")}
    profiles.add(free_threaded.labels.get("profile", "none"))
    yield CheckResult(title, f"both are {gil.spec.profile} builds", "" if len(profiles) == 1 else f"{sorted(profiles)}")
    for what, key in (("package", "packages"), ("Debian package", "debian")):
        differences = package_differences(gil.probe[key], free_threaded.probe[key])
        named = dict(list(differences.items())[:MOST_DIFFERENCES])
        yield CheckResult(title, f"every {what} has the same version in both", differences_in_words(named))
