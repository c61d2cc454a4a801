"""What is out there is asked of one place for each fact, all at once; what does not answer is unknown, with the reason."""

from __future__ import annotations

import http.server
import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from toolkit.images.staleness import upstream
from toolkit.images.staleness.upstream import (
    DOCKER_HUB,
    Fact,
    announced,
    base_digest,
    newest,
    newest_package,
    python_source,
    python_versions,
    query_upstream,
    registry_of,
    version_in,
)
from toolkit.pythons.lock import Lock, LockedSeries, LockedSources

DIGEST = "sha256:" + "d" * 64
Answer = tuple[int, dict[str, str], bytes]
Serve = Callable[[dict[str, Answer]], str]


class Requests(list[tuple[str, str, str]]):
    """Method, path and Authorization of each request."""


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest.fixture
def serve(requests: Requests) -> Iterator[Serve]:
    """Starts a server that answers these paths, and 404 to all else; gives its address."""
    started: list[http.server.ThreadingHTTPServer] = []

    def start(answers: dict[str, Answer]) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self) -> None:
                requests.append((self.command, self.path, self.headers.get("Authorization", "")))
                code, headers, body = answers.get(self.path, (404, {}, b"nothing here"))
                if code == 401 and self.headers.get("Authorization") == "Bearer a-token":
                    code, headers = 200, {"Docker-Content-Digest": DIGEST}
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value.replace("HERE", f"http://{self.headers['Host']}"))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def do_GET(self) -> None:
                self._answer()

            def do_HEAD(self) -> None:
                self._answer()

            def log_message(self, *args: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        return f"127.0.0.1:{server.server_address[1]}"

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def a_wheel(name: str) -> bytes:
    """A wheel of this file name that holds its metadata alone."""
    project, version, _ = name.split("-", 2)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        metadata = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
        archive.writestr(f"{project}-{version}.dist-info/METADATA", metadata)
    return content.getvalue()


@pytest.fixture(autouse=True)
def _no_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GILFREE_SOURCES", raising=False)


def lock(pythons: str, version: str = "3.14.6") -> Lock:
    entry = LockedSeries(version=version, sha256="0" * 64, requirements_sha256="0" * 64)
    return Lock(series={"3.14": entry}, sources=LockedSources(pythons=pythons))


RELEASES = json.dumps(
    [{"name": f"Python {one}"} for one in ("3.14.6", "3.14.7", "3.15.0rc1", "3.9.1", "2.7.18")] + [{"name": "install"}]
).encode()


def test_the_release_api_gives_every_python_3_in_order(serve: Serve) -> None:
    place = serve({"/api/?is_published=true": (200, {}, RELEASES)})
    found = python_versions(f"http://{place}/api/?is_published=true")
    assert found == ("3.9.1", "3.14.6", "3.14.7", "3.15.0rc1")


def test_a_folder_of_tarballs_gives_what_is_in_it(tmp_path: Path) -> None:
    for name in ("Python-3.14.5.tar.xz", "Python-3.14.10.tar.xz", "Python-3.15.0rc1.tar.xz", "Python-3.14.6.tgz", "x"):
        (tmp_path / name).touch()
    assert python_versions(str(tmp_path)) == ("3.14.5", "3.14.10", "3.15.0rc1")


def test_a_mirrors_listing_gives_the_tarballs_that_it_links(serve: Serve) -> None:
    place = serve({"/": (200, {}, b'<a href="Python-3.14.5.tar.xz">Python-3.14.5.tar.xz</a> <a href="x.zip">')})
    assert python_versions(f"http://{place}/") == ("3.14.5",)


def test_gilfree_sources_replaces_the_locks_source(
    serve: Serve, requests: Requests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Python-3.14.9.tar.xz").touch()
    place = serve({"/": (200, {}, RELEASES)})
    monkeypatch.setenv("GILFREE_SOURCES", str(tmp_path))
    assert query_upstream(lock(f"http://{place}/"), None, (), "").versions.value == ("3.14.9",)
    assert requests == []  # only the one place is asked


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, {}, b""), "it answers 500"),
        ((200, {}, b"<html>please log in</html>"), "lists no Python-X.Y.Z.tar.xz"),
        ((200, {}, b"[{"), "Expecting"),
    ],
)
def test_an_answer_that_is_none_is_unknown_and_not_nothing_new(serve: Serve, answer: Answer, reason: str) -> None:
    found = query_upstream(lock(f"http://{serve({'/': answer})}/"), None, (), "").versions
    assert found.value is None and reason in found.reason


def test_nobody_there_is_unknown_with_the_systems_words() -> None:
    found = query_upstream(lock("http://127.0.0.1:1/"), "127.0.0.1:1/debian:x", ("flask",), "http://127.0.0.1:1/simple")
    assert found.base is not None
    for fact in (found.versions, found.base, found.packages["flask"]):
        assert fact.value is None and "refused" in fact.reason


def test_a_login_in_an_address_travels_in_a_header_and_is_never_said(
    serve: Serve, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = serve({"/simple/flask/": (500, {}, b"")})
    monkeypatch.setenv("GILFREE_SOURCES", f"http://me:hunter2@{place}/")
    found = query_upstream(lock(""), None, ("flask",), f"http://me:hunter2@{place}/simple")
    assert {one[2] for one in requests} == {"Basic bWU6aHVudGVyMg=="}
    for fact in (found.versions, found.packages["flask"]):
        assert fact.value is None and "it answers" in fact.reason and "hunter2" not in fact.reason
    assert "hunter2" not in python_source(lock(""))


def test_a_folder_that_is_not_there_is_unknown() -> None:
    assert "is no folder" in query_upstream(lock("/no/such/folder"), None, (), "").versions.reason


def test_one_that_never_answers_holds_up_none_of_the_others(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "ALL_SECONDS", 1.0)
    quiet = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    try:  # it listens, and nobody takes the connection
        place = serve({"/": (200, {}, RELEASES)})
        began = time.monotonic()
        silent = f"127.0.0.1:{quiet.server_address[1]}"
        found = query_upstream(
            lock(f"http://{place}/"), f"{silent}/debian:x", ("flask", "fastapi"), f"http://{silent}/simple"
        )
        assert time.monotonic() - began < 3
    finally:
        quiet.server_close()
    assert found.versions.value is not None and found.base is not None
    assert "no answer within 1 s" in found.base.reason and "no answer" in found.packages["flask"].reason


def test_the_promised_ten_seconds_hold() -> None:
    assert upstream.ONE_SECONDS < upstream.ALL_SECONDS < 10


def test_a_bases_digest_is_what_the_registry_says(serve: Serve, requests: Requests) -> None:
    place = serve({"/v2/team/debian/manifests/trixie": (200, {"Docker-Content-Digest": DIGEST}, b"")})
    assert base_digest(f"{place}/team/debian:trixie") == DIGEST
    assert requests == [("HEAD", "/v2/team/debian/manifests/trixie", "")]  # HEAD does not count as a pull


def test_a_registry_that_wants_a_token_gets_the_one_that_it_names(serve: Serve, requests: Requests) -> None:
    challenge = 'Bearer realm="HERE/token",service="registry.example",scope="repository:team/debian:pull"'
    token_request = "/token?service=registry.example&scope=repository%3Ateam%2Fdebian%3Apull"
    place = serve(
        {
            "/v2/team/debian/manifests/latest": (401, {"WWW-Authenticate": challenge}, b""),
            token_request: (200, {}, b'{"token": "a-token"}'),
        }
    )
    assert base_digest(f"{place}/team/debian") == DIGEST
    assert [one[2] for one in requests] == ["", "", "Bearer a-token"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [((404, {}, b""), "404"), ((200, {}, b""), "gives no digest"), ((401, {"WWW-Authenticate": "Basic"}, b""), "401")],
)
def test_a_registry_that_has_no_digest_leaves_it_unknown(serve: Serve, answer: Answer, reason: str) -> None:
    place = serve({"/v2/debian/manifests/x": answer})
    fact = query_upstream(lock(f"http://{place}/"), f"{place}/debian:x", (), "").base
    assert fact is not None and fact.value is None and reason in fact.reason


@pytest.mark.parametrize(
    ("name", "registry", "repository", "tag"),
    [
        ("debian", DOCKER_HUB, "library/debian", "latest"),
        ("debian:trixie-slim", DOCKER_HUB, "library/debian", "trixie-slim"),
        ("docker.io/debian:1", DOCKER_HUB, "library/debian", "1"),
        ("team/debian:1", DOCKER_HUB, "team/debian", "1"),
        ("ghcr.io/team/debian:1", "https://ghcr.io", "team/debian", "1"),
        ("localhost:5000/debian", "http://localhost:5000", "debian", "latest"),
        ("r.example:5000/a/b:2", "https://r.example:5000", "a/b", "2"),
        ("r.example/a:2@sha256:12", "https://r.example", "a", "2"),
    ],
)
def test_a_name_is_read_as_docker_reads_it(name: str, registry: str, repository: str, tag: str) -> None:
    assert registry_of(name) == (registry, repository, tag)


@pytest.mark.engine
def test_the_digest_that_a_real_registry_gives_is_the_one_that_the_engine_knows(cache: Path) -> None:
    import os

    from toolkit.engine.client import connected

    place = os.environ.get("REGISTRY")
    if not place:
        pytest.skip("no registry; to enable: REGISTRY=HOST:PORT of one that this engine may push to")
    name = f"{place}/gilfree-tests/base"
    with connected() as client:
        client.api.tag("debian:trixie-slim", name, "check")
        try:
            client.images.push(name, tag="check")
            (digest,) = (
                one for one in client.images.get(f"{name}:check").attrs["RepoDigests"] if one.startswith(f"{name}@")
            )
            assert base_digest(f"{name}:check") == digest.partition("@")[2]
        finally:
            client.images.remove(f"{name}:check")


JSON_INDEX = {"versions": ["1.0", "1.10.0", "1.9", "2.0rc1", "not-a-version"], "files": []}
HTML_INDEX = (
    b'<a href="../../flask-1.9-py3-none-any.whl#sha256=1">x</a><a href="/x/flask-1.10.0.tar.gz">y</a>'
    b'<a href="flask-2.0rc1-py3-none-any.whl">z</a><a href="flask_extra-9.0.tar.gz">other</a>'
)


@pytest.mark.parametrize("body", [json.dumps(JSON_INDEX).encode(), HTML_INDEX])
def test_the_newest_final_release_of_a_package_is_read_from_either_form_of_index(serve: Serve, body: bytes) -> None:
    place = serve({"/simple/flask/": (200, {}, body)})
    assert newest_package(f"http://{place}/simple/", "flask") == "1.10.0"


@pytest.mark.parametrize(
    ("filename", "version"),
    [
        ("flask-3.1.3-py3-none-any.whl", "3.1.3"),
        ("Flask-3.1.3.tar.gz", "3.1.3"),
        ("flask-0.1.zip", "0.1"),
        ("flask-3.1-1-cp314-cp314t-manylinux_2_28_x86_64.whl", "3.1"),
        ("flask_login-0.6.3-py3-none-any.whl", None),
        ("flask-3.1.3-py3-none-any.whl.metadata", None),
        ("flask-2.0.exe", None),
        ("flask-not-a-version.tar.gz", None),
    ],
)
def test_the_version_of_a_file_is_read_only_where_the_file_is_the_packages(filename: str, version: str | None) -> None:
    assert version_in(filename, "flask") == version


def test_names_of_packages_are_compared_as_indexes_do() -> None:
    assert version_in("pydantic_core-2.50.4-cp314-cp314-linux_x86_64.whl", "Pydantic.Core") == "2.50.4"


def test_without_a_configured_index_uv_is_asked_which_has_one(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = {f"flask-{version}-py3-none-any.whl" for version in ("1.9", "1.10.0", "2.0rc1")}
    page = "".join(f'<a href="/files/{wheel}">{wheel}</a>' for wheel in wheels).encode()
    files: dict[str, Answer] = {f"/files/{wheel}": (200, {}, a_wheel(wheel)) for wheel in wheels}
    place = serve({"/simple/flask/": (200, {"Content-Type": "text/html"}, page), **files})
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{place}/simple")  # stands for uv's own default
    monkeypatch.setenv("UV_NO_CACHE", "1")
    facts = query_upstream(lock("/nowhere"), None, ("flask",), None).packages
    assert facts == {"flask": Fact("1.10.0")}


def test_when_uv_finds_nothing_each_package_is_unknown_with_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    facts = query_upstream(lock("/nowhere"), None, ("flask", "fastapi"), None).packages
    assert all(fact.value is None and "pip compile" in fact.reason for fact in facts.values()) and len(facts) == 2


def test_a_package_without_a_release_is_unknown(serve: Serve) -> None:
    place = serve({"/simple/flask/": (200, {}, b"<html></html>")})
    fact = query_upstream(lock("/nowhere"), None, ("flask",), f"http://{place}/simple").packages["flask"]
    assert fact.value is None and "lists no release of flask" in fact.reason


VERSIONS = st.builds(
    lambda minor, patch, early: f"3.{minor}.{patch}{early}",
    st.integers(9, 16),
    st.integers(0, 12),
    st.sampled_from(["", "", "a1", "b2", "rc1"]),
)


@given(st.lists(VERSIONS, unique=True), st.integers(9, 16), st.booleans())
def test_the_newest_of_a_series_is_in_it_and_nothing_allowed_is_newer(
    versions: list[str], minor: int, prereleases: bool
) -> None:
    found = newest(versions, f"3.{minor}", prereleases=prereleases)
    allowed = [
        one for one in versions if one.startswith(f"3.{minor}.") and (prereleases or not Version(one).is_prerelease)
    ]
    assert (found is None) == (not allowed)
    if found is not None:
        assert found in allowed and all(Version(one) <= Version(found) for one in allowed)


@given(st.lists(VERSIONS, unique=True))
def test_what_is_announced_is_of_series_beyond_the_lock_one_each(versions: list[str]) -> None:
    found = announced(versions, lock("").series)
    series = [one.rpartition(".")[0] for one in found]
    assert len(set(series)) == len(series) and set(found) <= set(versions)
    assert set(series) == {one.rpartition(".")[0] for one in versions if int(one.split(".")[1]) > 14}
