"""gilfree.lock is updated with verified hashes, keeps its comments, and stays as it was when anything is wrong."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.images.staleness.update import published_by_python_org, published_in_folder, update
from toolkit.images.staleness.upstream import Fact, Upstream, python_versions
from toolkit.pythons.lock import load_lock

Put = Callable[..., str]


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """A copy of gilfree.lock and images/, with 3.14 at 3.14.5."""
    shutil.copytree(paths.shipped("images"), tmp_path / "images")
    entry = load_lock().resolve("3.14")
    file = tmp_path / "gilfree.lock"
    file.write_text(paths.shipped("gilfree.lock").read_text().replace(f'"{entry.version}"', '"3.14.5"'))
    monkeypatch.setattr(paths, "shipped", lambda name: tmp_path / name)
    return file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only source."""
    (tmp_path / "sources").mkdir()
    monkeypatch.setenv("GILFREE_SOURCES", str(tmp_path / "sources"))
    return tmp_path / "sources"


@pytest.fixture
def put(folder: Path) -> Put:
    """Puts a tarball of a version there; its SHA-256."""

    def write(version: str, content: bytes = b"") -> str:
        content = content or f"Python {version}".encode()
        (folder / f"Python-{version}.tar.xz").write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    return write


def there(base: Fact[str] | None = None) -> Upstream:
    return Upstream(Fact(python_versions("")), base)


def quiet(words: str) -> None:
    """Progress is not looked at."""


def test_the_newest_patch_release_and_its_hash_are_written_and_comments_stay(lock: Path, put: Put) -> None:
    put("3.14.6")
    digest = put("3.14.7")
    before = lock.read_text()
    assert update(None, there(), quiet) == ["python 3.14.5 -> 3.14.7"]
    entry = load_lock().resolve("3.14")
    assert (entry.version, entry.sha256) == ("3.14.7", digest)
    assert [one for one in lock.read_text().splitlines() if one.startswith("#")] == [
        one for one in before.splitlines() if one.startswith("#")
    ]
    assert update(None, there(), quiet) == []


def test_an_exact_version_may_be_asked_for_also_an_older_one(lock: Path, put: Put) -> None:
    put("3.14.4")
    put("3.14.7")
    assert update("3.14.4", there(), quiet) == ["python 3.14.5 -> 3.14.4"]


def test_a_source_with_only_older_ones_does_not_take_the_lock_back(lock: Path, put: Put) -> None:
    put("3.14.4")
    before = lock.read_text()
    assert update(None, there(), quiet) == update("3.14", there(), quiet) == []
    assert lock.read_text() == before


def test_a_tarball_that_is_not_what_its_publisher_says_is_refused_and_the_lock_stays(
    lock: Path, put: Put, folder: Path, cache: Path
) -> None:
    put("3.14.6", b"something else")
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  Python-3.14.6.tar.xz\n")
    before = lock.read_text()
    with pytest.raises(GilfreeError, match=r"Python-3\.14\.6\.tar\.xz from .* its publisher says 0{64}: refused"):
        update(None, there(), quiet)
    assert lock.read_text() == before
    assert list((cache / "gilfree" / "sources").iterdir()) == []


def test_a_tarball_with_the_published_hash_is_taken_and_said_to_be(lock: Path, put: Put, folder: Path) -> None:
    digest = put("3.14.6")
    (folder / "Python-3.14.6.tar.xz.sha256").write_text(f"{digest}  Python-3.14.6.tar.xz\n")
    said: list[str] = []
    update(None, there(), said.append)
    assert "as published" in said[0] and digest in said[0]


def test_a_file_without_a_published_hash_is_said_to_be_taken_on_trust(lock: Path, put: Put) -> None:
    put("3.14.6")
    said: list[str] = []
    update(None, there(), said.append)
    assert "taken on trust" in said[0]


def test_a_tarball_that_went_away_leaves_the_lock(lock: Path, put: Put, folder: Path) -> None:
    put("3.14.6")
    upstream = there()
    (folder / "Python-3.14.6.tar.xz").unlink()
    before = lock.read_text()
    with pytest.raises(GilfreeError, match="no source has"):
        update(None, upstream, quiet)
    assert lock.read_text() == before


def test_what_cannot_be_learnt_is_no_update(lock: Path) -> None:
    with pytest.raises(GilfreeError, match="cannot be learnt: no route"):
        update(None, Upstream(Fact(None, "no route"), None), quiet)


def test_a_new_series_comes_only_when_it_is_asked_for(lock: Path, put: Put) -> None:
    put("3.14.5")
    digest = put("3.15.0rc1")
    assert update(None, there(), quiet) == []
    with pytest.raises(GilfreeError, match=r"no source has Python '3\.15'") as caught:
        update("3.15", there(), quiet)
    assert "--prereleases takes 3.15.0rc1" in caught.value.remedy
    changes = update("3.15.0rc1", there(), quiet, prereleases=True)
    assert changes == ["python 3.15.0rc1: new; lock its packages with: gilfree pythons --python 3.15.0rc1 --relock"]
    entry = load_lock().resolve("3.15")
    assert (entry.version, entry.sha256) == ("3.15.0rc1", digest)
    assert load_lock().resolve("3.14").version == "3.14.5"
    assert (lock.parent / "images" / "app" / "requirements-3.15.in").exists()


def test_a_pinned_base_follows_its_registry_and_an_unpinned_one_stays(lock: Path, put: Put) -> None:
    put("3.14.5")
    new = "sha256:" + "e" * 64
    assert update(None, there(Fact(new)), quiet) == []
    old = "sha256:" + "d" * 64
    lock.write_text(lock.read_text().replace('name = "debian', f'digest = "{old}"\nname = "debian'))
    assert load_lock().base.digest == old
    assert update(None, there(Fact(new)), quiet) == [f"base {load_lock().base.name}: {old} -> {new}"]
    assert load_lock().base.digest == new


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SHA256SUMS", f"{'1' * 64}  Other.tar.xz\n{'2' * 64} *Python-3.14.6.tar.xz\n"),
        ("Python-3.14.6.tar.xz.sha256", f"{'2' * 64}\n"),
        ("all.sha256", f"{'2' * 64}  Python-3.14.6.tar.xz\n"),
    ],
)
def test_hashes_in_the_folder_of_a_tarball_are_read_in_each_usual_form(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert published_in_folder(tmp_path, "Python-3.14.6.tar.xz") == "2" * 64
    assert published_in_folder(tmp_path, "Python-3.14.7.tar.xz") is None


class PythonOrg(http.server.BaseHTTPRequestHandler):
    """Answers as python.org does: files by the slug that its release tools make, an SBOM next to each tarball."""

    def do_GET(self) -> None:
        url = "https://www.python.org/ftp/python/{}/Python-{}.tar.xz"
        bill = {"packages": [{"name": "CPython", "checksums": [{"algorithm": "SHA256", "checksumValue": "5" * 64}]}]}
        answers: dict[str, Any] = {
            "/api/?slug=3147-XZ-compressed-source-tarball": [
                {"url": url.format("3.14.7", "3.14.7"), "sha256_sum": "3" * 64}
            ],
            "/api/?slug=3150-rc1-XZ-compressed-source-tarball": [
                {"url": url.format("3.15.0", "3.15.0rc1"), "sha256_sum": "4" * 64}
            ],
            "/ftp/3.14.6/Python-3.14.6.tar.xz.spdx.json": bill,
        }
        found = answers.get(self.path, [] if self.path.startswith("/api/") else None)
        self.send_response(404 if found is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("version", "digest"),
    [("3.14.7", "3" * 64), ("3.15.0rc1", "4" * 64), ("3.14.6", "5" * 64), ("3.14.5", None)],
)
def test_python_orgs_word_is_its_api_and_else_the_bill_of_materials(
    monkeypatch: pytest.MonkeyPatch, version: str, digest: str | None
) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), PythonOrg)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        place = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setattr("toolkit.images.staleness.update.FILES_API", f"{place}/api/")
        monkeypatch.setattr("toolkit.images.staleness.update.FILES", f"{place}/ftp/")
        assert published_by_python_org(version, f"Python-{version}.tar.xz") == digest
    finally:
        server.shutdown()
        server.server_close()
