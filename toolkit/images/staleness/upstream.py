"""What is upstream now: the newest Python of each series, the base's digest, newer packages. All are asked at once.

Each fact has one source, named in gilfree.lock, and only that one is asked; GILFREE_SOURCES replaces the source of Pythons.
Without an answer a fact is *unknown*, with the reason, never *nothing new*.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Generic, TypeVar

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from toolkit.pythons.lock import Lock, LockedSeries, series_of
from toolkit.pythons.packages import pinned_packages
from toolkit.pythons.sources import authorized, without_login
from toolkit.pythons.uv import UvFailed, run_uv

Value = TypeVar("Value")

ALL_SECONDS = 9.0
"""For all requests together, which run at the same time."""

ONE_SECONDS = 5.0
DOCKER_HUB = "https://registry-1.docker.io"
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
class Fact(Generic[Value]):
    """The answer of a source, or (value None) the reason why there is none."""

    value: Value | None
    reason: str = ""


@dataclass(frozen=True)
class Upstream:
    """versions: all exact versions that the source of Pythons has. base: the digest that the base's name has in its
    registry now (None: the base is local and was not asked for). packages: the newest release, by package name."""

    versions: Fact[tuple[str, ...]]
    base: Fact[str] | None
    packages: Mapping[str, Fact[str]] = field(default_factory=dict)


def query_upstream(lock: Lock, base: str | None, packages: Sequence[str], index: str | None) -> Upstream:
    """All facts, within ALL_SECONDS.

    base: the name to ask its registry for; None for a local base. packages: their names; index: the address of the package
    index, None where this machine is configured for none (then uv is asked, which has a default).
    """
    queries: dict[str, Callable[[], Any]] = {"versions": lambda: python_versions(lock.sources.pythons)}
    if base is not None:
        queries["base"] = lambda: base_digest(base)
    if index is not None:
        queries |= {f"package {name}": partial(newest_package, index, name) for name in packages}
    elif packages:
        queries["packages"] = partial(newest_packages_by_uv, packages)
    facts = _concurrently(queries)
    by_uv = facts.get("packages", Fact({}))
    newest_packages = {
        name: facts.get(f"package {name}") or Fact((by_uv.value or {}).get(name), by_uv.reason) for name in packages
    }
    return Upstream(facts["versions"], facts.get("base"), newest_packages)


def _concurrently(queries: Mapping[str, Callable[[], Any]]) -> dict[str, Fact[Any]]:
    answers: dict[str, Fact[Any]] = {}

    def answer(name: str, query: Callable[[], Any]) -> None:
        try:
            answers[name] = Fact(query())
        except (OSError, ValueError, KeyError, TypeError) as error:
            answers[name] = Fact(None, _reason(error))

    threads = [threading.Thread(target=answer, args=(name, query), daemon=True) for name, query in queries.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + ALL_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = Fact[Any](None, f"no answer within {ALL_SECONDS:.0f} s")
    return {name: answers.get(name, late) for name in queries}


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"it answers {error.code} {error.reason}"
    return str(getattr(error, "reason", error)) or type(error).__name__


def python_versions(source: str) -> tuple[str, ...]:
    """All exact versions that a source has, in order: python.org's release API, a folder of tarballs, or an address of a
    page that links them. Raises OSError or ValueError with the reason when there is no usable answer."""
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
        raise ValueError(f"{without_login(given)} lists no Python-X.Y.Z.tar.xz")
    return found


def python_source(lock: Lock) -> str:
    """The source that is asked for versions, without a login in it."""
    return without_login(os.environ.get("GILFREE_SOURCES") or lock.sources.pythons)


def newest(versions: Sequence[str], series: str, *, prereleases: bool = False) -> str | None:
    """The newest version of a series by PEP 440, without prereleases unless they are asked for; None when there is none."""
    mine = [Version(one) for one in versions if one.startswith(f"{series}.")]
    mine = [one for one in mine if prereleases or not one.is_prerelease]
    return str(max(mine)) if mine else None


def announced(versions: Sequence[str], locked: Mapping[str, LockedSeries]) -> list[str]:
    """The newest version, prereleases included, of each series that is newer than all locked ones."""
    latest = max(Version(series) for series in locked)
    series = {series_of(one) for one in versions}
    newer = sorted((one for one in series if Version(one) > latest), key=Version)
    found = [newest(versions, one, prereleases=True) for one in newer]
    return [one for one in found if one is not None]


def base_digest(name: str) -> str:
    """The digest that a registry has for an image's name now, from its v2 API, with an anonymous token where it wants one.

    Raises OSError or ValueError with the reason when there is none.
    """
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
    """Address of the registry, repository and tag of an image's name, by Docker's rules for names."""
    path, _, tag = name.partition("@")[0].rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
    first, slash, rest = path.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        return DOCKER_HUB, path if slash else f"library/{path}", tag
    if first == "docker.io":
        return DOCKER_HUB, rest if "/" in rest else f"library/{rest}", tag
    plain = first.split(":")[0] in ("localhost", "127.0.0.1")
    return f"{'http' if plain else 'https'}://{first}", rest, tag


def _token(challenge: str) -> str:
    parts = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    query = urllib.parse.urlencode({key: parts[key] for key in ("service", "scope") if key in parts})
    answer = json.loads(get(f"{parts['realm']}?{query}", "application/json"))
    return str(answer.get("token") or answer["access_token"])


def newest_package(index: str, name: str) -> str:
    """The newest final release of a package on an index, from the JSON form of the simple API or its HTML form.

    Raises OSError or ValueError with the reason when there is none.
    """
    text = get(f"{index.rstrip('/')}/{name}/", f"{SIMPLE}, text/html;q=0.5").decode(errors="replace")
    if text.lstrip().startswith("{"):
        page = json.loads(text)
        versions = page.get("versions") or [version_in(file["filename"], name) for file in page["files"]]
    else:
        links = _Links()
        links.feed(text)
        versions = [version_in(file, name) for file in links.names]
    releases = [Version(one) for one in versions if one and _is_version(str(one))]
    final = [one for one in releases if not one.is_prerelease]
    if not final:
        raise ValueError(f"{without_login(index)} lists no release of {name}")
    return str(max(final))


def newest_packages_by_uv(packages: Sequence[str]) -> dict[str, str]:
    """The newest releases that uv finds, by package name. Raises ValueError with uv's message when it fails."""
    limits = {"UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": f"{ONE_SECONDS:.0f}"}
    with tempfile.NamedTemporaryFile("w", suffix=".in") as file:
        file.write("\n".join(packages))
        file.flush()
        command = ["pip", "compile", "--quiet", "--no-deps", "--no-header", "--no-annotate", file.name]
        try:
            return pinned_packages(run_uv(command, timeout_seconds=ALL_SECONDS, environment=limits))
        except UvFailed as error:
            raise ValueError(error.message) from None


class _Links(HTMLParser):
    """Collects the names of the files that a page links."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the last part of each link."""
        target = dict(attrs).get("href") if tag == "a" else None
        if target:
            self.names.append(urllib.parse.unquote(target.partition("#")[0].rpartition("/")[2]))


def version_in(filename: str, name: str) -> str | None:
    """The version of a wheel or source archive of package `name`; None for any other file."""
    parse = parse_wheel_filename if filename.endswith(".whl") else parse_sdist_filename
    try:
        project, version, *_ = parse(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return str(version) if project == canonicalize_name(name) else None


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _ordered(versions: Any) -> tuple[str, ...]:
    return tuple(sorted(set(versions), key=Version))


def get(address: str, accept: str) -> bytes:
    """The body of the answer at an address. Raises OSError for every kind of failure."""
    with _open(address, {"Accept": accept}) as answer:
        return bytes(answer.read())


def _open(address: str, headers: Mapping[str, str], method: str = "GET") -> Any:
    request = authorized(address)
    request.method = method
    for name, value in {"User-Agent": "gilfree", **headers}.items():
        request.add_header(name, value)
    return urllib.request.urlopen(request, timeout=ONE_SECONDS)
