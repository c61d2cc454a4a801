"""What must hold of tested images: each finding is one sentence about one image, or about the pair. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.images.checks.run import Facts, Served
from toolkit.pythons.pair import Interpreter, NotAPair, verified
from toolkit.trial.contract import SERVER_PYTHON, USER


@dataclass(frozen=True)
class Finding:
    """`of`: an image's title, or the pair; `claim` holds when `detail` is empty."""

    of: str
    claim: str
    detail: str = ""

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return not self.detail


def judge(facts: Sequence[Facts]) -> list[Finding]:
    """All findings, images first, then the pair."""
    found: list[Finding] = []
    for one in facts:
        found += _load(one) if one.wanted.kind == "load" else _app(one)
    apps = [one for one in facts if one.wanted.kind == "app"]
    if len(apps) == 2:
        found += _pair(*sorted(apps, key=lambda one: one.wanted.variant))
    return found


def _app(one: Facts) -> Iterator[Finding]:
    title, wanted, asked, inside = one.wanted.title, one.wanted, one.interpreter, one.inside
    with_gil = not wanted.variant.endswith("t")
    kind = "with the GIL" if with_gil else "free-threaded"

    def finding(claim: str, detail: str) -> Finding:
        return Finding(title, claim, detail)

    abi = str(asked["abi"])
    right = asked["version"] == wanted.version and asked["gil_disabled_build"] != with_gil
    yield finding(
        f"the interpreter is {wanted.version}, {kind} ({abi})",
        "" if right and ("t-" in abi) != with_gil else f"it says {asked['version']}, {abi}",
    )
    lacking = [*asked["missing"], *asked["without"]]
    yield finding("all standard modules that a service needs are there", ", ".join(lacking))
    problems = [f"{name}: {why}" for name, why in inside["not_importable"].items()]
    yield finding(f"all {len(inside['packages'])} packages can be imported", "; ".join(problems))
    if not with_gil:
        culprits = inside["switched_the_gil_on"] or (["something"] if inside["gil_on_after_imports"] else [])
        yield finding("the GIL is off after importing every package", ", ".join(culprits) and f"on by {culprits}")
    for served in one.served:
        yield from _served(title, served, with_gil)
    yield from _hygiene(one)
    if one.child:
        yield finding("pip and a C extension build work in a child image", _child_problem(one.child, abi, with_gil))


def _served(title: str, served: Served, with_gil: bool) -> Iterator[Finding]:
    name = f"{served.target}"
    if served.problem:
        yield Finding(title, f"{name} is served with a read-only root and no capability", served.problem)
        return
    counted = served.requests.isdigit() and int(served.requests) > 0
    yield Finding(
        title,
        f"{name} answers {served.requests if counted else 'real'} requests with a read-only root and no capability",
        "" if counted else served.requests,
    )
    if "gil_enabled" in served.runtime:
        state = "on" if with_gil else "off"
        said = served.runtime["gil_enabled"]
        yield Finding(title, f"the GIL is {state} in {name} after them", "" if said == with_gil else f"it is {said}")
    yield Finding(title, f"the health check passes on {name}", "" if served.healthy == 0 else f"exit {served.healthy}")
    ended = "" if served.stopped in (0, 143) else f"exit code {served.stopped}"
    yield Finding(title, f"{name} ends on SIGTERM by itself", ended)


def _hygiene(one: Facts) -> Iterator[Finding]:
    title, inside, config = one.wanted.title, one.inside, one.config
    user = str(config.get("User", ""))
    numeric = user.split(":")[0].isdigit() and inside["uid"] == USER and inside["gid"] == USER
    yield Finding(title, f"it runs as {USER}, not root, and says so by number", "" if numeric else f"as {user!r}")
    yield Finding(title, "nothing is writable that need not be", ", ".join(inside["writable"]))
    extra = [*inside["compilers"], *inside["tests"], *inside["static"]]
    yield Finding(title, "there is no compiler, no test package, no static library", ", ".join(extra))
    entry = config.get("Entrypoint") or []
    direct = bool(entry) and entry[0] == SERVER_PYTHON
    check = (config.get("Healthcheck") or {}).get("Test") or []
    yield Finding(
        title,
        "its entry point and health check need no shell",
        "" if direct and check[:1] == ["CMD"] else f"{entry}, {check}",
    )
    same = one.labels.get("id") == one.wanted.id
    yield Finding(title, "its label is the id of what it is made of", "" if same else one.labels.get("id", "none"))


def _child_problem(child: dict[str, Any], abi: str, with_gil: bool) -> str:
    if "problem" in child:
        return str(child["problem"])
    if child["answer"] != 42 or abi not in child["file"]:
        return f"the extension is {child}"
    return "" if child["gil_on"] == with_gil else f"the GIL is {'on' if child['gil_on'] else 'off'} after importing it"


def _load(one: Facts) -> Iterator[Finding]:
    for name, said in one.tools.items():
        broken = "" if not said.startswith("does not") else said
        yield Finding(one.wanted.title, f"{name} {one.wanted.inputs[name]} starts", broken)
    uid = one.inside["uid"]
    yield Finding(one.wanted.title, f"it runs as {USER}, and the agent is there", "" if uid == USER else f"as {uid}")


def _pair(gil: Facts, free_threaded: Facts) -> Iterator[Finding]:
    title = f"pair {gil.wanted.variant} and {free_threaded.wanted.variant}"
    one, other = (
        Interpreter(facts.wanted.variant, Path(facts.wanted.name), facts.interpreter) for facts in (gil, free_threaded)
    )
    problem = ""
    try:
        verified(one, other, gil.wanted.version, built=True)
    except NotAPair as error:
        problem = error.message
    yield Finding(title, "the two builds differ in --disable-gil alone", problem)
    profiles = {gil.wanted.profile, free_threaded.wanted.profile, gil.labels.get("profile", "none")}
    profiles.add(free_threaded.labels.get("profile", "none"))
    yield Finding(title, f"both are {gil.wanted.profile} builds", "" if len(profiles) == 1 else f"{sorted(profiles)}")
    for what, key in (("package", "packages"), ("Debian package", "debian")):
        mine, theirs = gil.inside[key], free_threaded.inside[key]
        differing = [
            f"{name} {mine.get(name, 'none')} and {theirs.get(name, 'none')}"
            for name in sorted(mine.keys() | theirs.keys())
            if mine.get(name) != theirs.get(name)
        ]
        yield Finding(title, f"every {what} has the same version in both", ", ".join(differing[:10]))
