"""Tarballs: the right hash from anywhere, nothing else from nowhere, and no secret in what is said."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.errors import GilfreeError
from toolkit.pythons import sources
from toolkit.pythons.lock import LockedSeries

CONTENT = b"a tarball"


def entry(content: bytes = CONTENT, version: str = "3.14.7") -> LockedSeries:
    digest = hashlib.sha256(content).hexdigest()
    return LockedSeries(version=version, sha256=digest, requirements_sha256="0" * 64)


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GILFREE_SOURCES", raising=False)


def test_a_folder_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Python-3.14.7.tar.xz").write_bytes(CONTENT)
    monkeypatch.setenv("GILFREE_SOURCES", str(tmp_path))
    said: list[str] = []
    assert sources.tarball(entry(), said.append).read_bytes() == CONTENT
    assert "as in gilfree.lock" in said[-1]


def test_a_wrong_hash_is_refused_by_name_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Python-3.14.7.tar.xz").write_bytes(b"something else")
    monkeypatch.setenv("GILFREE_SOURCES", str(tmp_path))
    with pytest.raises(GilfreeError, match=r"Python-3\.14\.7\.tar\.xz from GILFREE_SOURCES .* refused"):
        sources.tarball(entry(), print)
    assert list((tmp_path / "cache" / "gilfree" / "sources").iterdir()) == []


def test_when_nothing_serves_every_place_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GILFREE_SOURCES", str(tmp_path / "nowhere"))
    with pytest.raises(GilfreeError) as error:
        sources.tarball(entry(), print)
    assert "nowhere" in error.value.message
    assert "GILFREE_SOURCES" in error.value.remedy


def test_a_file_in_the_cache_is_checked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GILFREE_SOURCES", str(tmp_path))
    (tmp_path / "Python-3.14.7.tar.xz").write_bytes(CONTENT)
    cached = sources.tarball(entry(), print)
    cached.write_bytes(b"rotten")
    assert sources.tarball(entry(), print).read_bytes() == CONTENT


class Guarded(http.server.BaseHTTPRequestHandler):
    """Serves the tarball to who knows the password, as a company's mirror does."""

    def do_GET(self) -> None:
        right = self.headers.get("Authorization") == "Basic dXNlcjpodW50ZXIy"
        self.send_response(200 if right else 401)
        self.end_headers()
        if right:
            self.wfile.write(CONTENT)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def mirror() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_a_mirror_with_a_password_serves(mirror: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GILFREE_SOURCES", f"http://user:hunter2@127.0.0.1:{mirror}")
    said: list[str] = []
    assert sources.tarball(entry(), said.append).read_bytes() == CONTENT
    assert not any("hunter2" in words for words in said)


@pytest.mark.parametrize("user", ["user:wrong-secret", "TOKEN123"])
def test_a_password_is_never_said(mirror: int, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GILFREE_SOURCES", f"http://{user}@127.0.0.1:{mirror}")
    said: list[str] = []
    with pytest.raises(GilfreeError, match="401") as error:
        sources.tarball(entry(), said.append)
    assert not any(user.rpartition(":")[2] in words for words in (*said, str(error.value)))


def test_the_archive_is_read_from_both_forms_of_apt_configuration(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(
        "# deb http://old.example/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian trixie main\n"
        "deb http://security.example/debian-security trixie-security main\n"
    )
    (tmp_path / "sources.list.d" / "more.sources").write_text(
        "Types: deb\nURIs: http://one.example/debian http://two.example/mirrors/debian/\nSuites: trixie\n"
    )
    assert sources.debian_archives(tmp_path) == [
        "https://mirror.example/debian",
        "http://one.example/debian",
        "http://two.example/mirrors/debian/",
    ]


@pytest.mark.parametrize(
    ("version", "file"),
    [
        ("3.14.7", "https://m.example/debian/pool/main/p/python3.14/python3.14_3.14.7.orig.tar.xz"),
        ("3.15.0rc1", "https://m.example/debian/pool/main/p/python3.15/python3.15_3.15.0~rc1.orig.tar.xz"),
    ],
)
def test_debian_keeps_upstreams_file_under_its_own_name(version: str, file: str) -> None:
    assert sources.debian_file("https://m.example/debian/", entry(version=version)) == file
