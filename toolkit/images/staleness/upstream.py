"""What is out there now: the newest Python of each series, the base's digest, newer packages. Asked all at once.

Each fact has one source, named in gilfree.lock, and only that is asked; GILFREE_SOURCES replaces the one of Pythons. An
answer that does not come is *unknown* with the reason, never *nothing new*.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Generic, TypeVar

from packaging.version import InvalidVersion, Version

from toolkit.pythons.lock import Lock, LockedSeries
from toolkit.pythons.sources import authorized, shown

Known = TypeVar("Known")

ALL_SECONDS = 9.0
"""For all questions together, which run side by side."""

ONE_SECONDS = 5.0
TARBALL = re.compile(r"Python-(\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)\.tar\.xz")
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
SIMPLE = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True)
class Fact(Generic[Known]):
    """An answer, or why there is none."""

    value: Known | None
    why: str = ""


@dataclass(frozen=True)
class Upstream:
    """versions: all that the source of Pythons has. base: the digest that the base's name has now (None: not asked, it is
    known only here). packages: the newest release of each package that was asked for, by name."""

    versions: Fact[tuple[str, ...]]
    base: Fact[str] | None
    packages: Mapping[str, Fact[str]] = field(default_factory=dict)


def ask(lock: Lock, base: str | None, packages: Sequence[str], index: str) -> Upstream:
    """All answers within ALL_SECONDS. base: the name to ask a registry for, None for a base that only this engine has."""
    questions: dict[str, Callable[[], Any]] = {"versions": lambda: python_versions(lock.sources.pythons)}
    if base is not None:
        questions["base"] = lambda: base_digest(base)
    for name in packages:
        questions[f"package {name}"] = lambda name=name: newest_package(index, name)  # type: ignore[misc]
    found = _together(questions)
    return Upstream(
        found["versions"],
        found.get("base"),
        {name: found[f"package {name}"] for name in packages},
    )


def _together(questions: Mapping[str, Callable[[], Any]]) -> dict[str, Fact[Any]]:
    answers: dict[str, Fact[Any]] = {}

    def answer(name: str, question: Callable[[], Any]) -> None:
        try:
            answers[name] = Fact(question())
        except (OSError, ValueError, KeyError, TypeError) as error:
            answers[name] = Fact(None, _why(error))

    threads = [
        threading.Thread(target=answer, args=(name, question), daemon=True) for name, question in questions.items()
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + ALL_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = Fact[Any](None, f"no answer within {ALL_SECONDS:.0f} s")
    return {name: answers.get(name, late) for name in questions}


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"it answers {error.code} {error.reason}"
    return str(getattr(error, "reason", error)) or type(error).__name__


def python_versions(source: str) -> tuple[str, ...]:
    """Every version that a source has: python.org's release API, a folder of tarballs, or an address that lists one."""
    given = os.environ.get("GILFREE_SOURCES") or source
    if "://" not in given:
        if not Path(given).is_dir():
            raise ValueError(f"{given} is no folder")
        return _ordered(match[1] for file in Path(given).iterdir() if (match := TARBALL.fullmatch(file.name)))
    text = get(given, "application/json, text/html").decode(errors="replace")
    if text.lstrip().startswith("["):
        names = (str(one.get("name", "")).removeprefix("Python ") for one in json.loads(text))
        return _ordered(name for name in names if re.match(r"^3\.\d+\.\d+((a|b|rc)\d+)?$", name))
    found = _ordered(TARBALL.findall(text))
    if not found:
        raise ValueError(f"{shown(given)} lists no Python-X.Y.Z.tar.xz")
    return found


def python_source(lock: Lock) -> str:
    """The name of the place that is asked for versions."""
    return shown(os.environ.get("GILFREE_SOURCES") or lock.sources.pythons)


def newest(versions: Sequence[str], series: str, *, prereleases: bool = False) -> str | None:
    """The newest of a series, by PEP 440; a prerelease only when asked, or when there is nothing else locked."""
    mine = [Version(one) for one in versions if one.startswith(f"{series}.")]
    mine = [one for one in mine if prereleases or not one.is_prerelease]
    return str(max(mine)) if mine else None


def announced(versions: Sequence[str], locked: Mapping[str, LockedSeries]) -> list[str]:
    """The newest version of each series that is newer than all in the lock."""
    latest = max(Version(series) for series in locked)
    series = {".".join(one.split(".")[:2]) for one in versions}
    newer = sorted((one for one in series if Version(one) > latest), key=Version)
    found = [newest(versions, one, prereleases=True) for one in newer]
    return [one for one in found if one is not None]


def base_digest(name: str) -> str:
    """The digest that a registry has for an image's name now, by its v2 API, with an anonymous token where it wants one."""
    registry, repository, tag = registry_of(name)
    address = f"{registry}/v2/{repository}/manifests/{tag}"
    headers = {"Accept": MANIFESTS}
    try:
        answer = _open(address, headers, "HEAD")
    except urllib.error.HTTPError as error:
        challenge = error.headers.get("WWW-Authenticate", "")
        if error.code != 401 or not challenge.startswith("Bearer "):
            raise
        answer = _open(address, {**headers, "Authorization": f"Bearer {_token(challenge)}"}, "HEAD")
    digest = answer.headers.get("Docker-Content-Digest")
    if not digest:
        raise ValueError(f"{registry} gives no digest for {name}")
    return str(digest)


def registry_of(name: str) -> tuple[str, str, str]:
    """Address of the registry, repository and tag of an image's name, as Docker reads it."""
    path, _, tag = name.partition("@")[0].rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
    first, slash, rest = path.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        return "https://registry-1.docker.io", path if slash else f"library/{path}", tag
    if first == "docker.io":
        return "https://registry-1.docker.io", rest if "/" in rest else f"library/{rest}", tag
    plain = first.split(":")[0] in ("localhost", "127.0.0.1")
    return f"{'http' if plain else 'https'}://{first}", rest, tag


def _token(challenge: str) -> str:
    parts = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    query = urllib.parse.urlencode({key: parts[key] for key in ("service", "scope") if key in parts})
    told = json.loads(get(f"{parts['realm']}?{query}", "application/json"))
    return str(told.get("token") or told["access_token"])


def newest_package(index: str, name: str) -> str:
    """The newest final release of a package on an index: from the JSON form of the simple API, or its HTML."""
    text = get(f"{index.rstrip('/')}/{name}/", f"{SIMPLE}, text/html;q=0.5").decode(errors="replace")
    if text.lstrip().startswith("{"):
        told = json.loads(text)
        versions = told.get("versions") or [_version_in(one["filename"], name) for one in told["files"]]
    else:
        links = _Links()
        links.feed(text)
        versions = [_version_in(one, name) for one in links.names]
    found = [Version(one) for one in versions if one and _is_version(one)]
    final = [one for one in found if not one.is_prerelease]
    if not final:
        raise ValueError(f"{shown(index)} lists no release of {name}")
    return str(max(final))


class _Links(HTMLParser):
    """The files that a simple index page names."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the last part of each link."""
        target = dict(attrs).get("href") if tag == "a" else None
        if target:
            self.names.append(urllib.parse.unquote(target.partition("#")[0].rpartition("/")[2]))


def _version_in(filename: str, name: str) -> str:
    plain = re.sub(r"[-_.]+", "[-_.]+", re.escape(name).replace(r"\-", "-"))
    match = re.match(rf"(?i){plain}-([^-]+?)(-.*\.whl|\.tar\.gz|\.zip)$", filename)
    return match[1] if match else ""


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _ordered(versions: Any) -> tuple[str, ...]:
    return tuple(sorted(set(versions), key=Version))


def get(address: str, accept: str) -> bytes:
    """What an address answers. Raises OSError for whatever goes wrong."""
    with _open(address, {"Accept": accept}) as answer:
        return bytes(answer.read())


def _open(address: str, headers: Mapping[str, str], method: str = "GET") -> Any:
    request = authorized(address)
    request.method = method
    for name, value in {"User-Agent": "gilfree", **headers}.items():
        request.add_header(name, value)
    return urllib.request.urlopen(request, timeout=ONE_SECONDS)
