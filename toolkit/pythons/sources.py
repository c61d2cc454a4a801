"""Where source tarballs come from: an ordered list of sources, each of which has the file or says why not.

A tarball is accepted by its hash, wherever it comes from. GILFREE_SOURCES, when set, is the only source.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from toolkit import paths
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.pythons.lock import LockedSeries

CONNECT_TIMEOUT_SECONDS = 10


class SourceUnavailable(Exception):
    """A source does not have the file, or cannot be reached; the text says why."""


def tarball(entry: LockedSeries, say: Say) -> Path:
    """The path of the locked source tarball in the cache; it is fetched from the first source that has it.

    Raises GilfreeError naming every source when none has it, and at once for a file with another hash than the lock's.
    """
    target = paths.cache("sources") / entry.tarball
    if target.exists() and sha256(target) == entry.sha256:
        return target

    def require_locked(source: str, digest: str) -> str:
        if digest != entry.sha256:
            raise GilfreeError(
                f"{entry.tarball} from {source} has SHA-256 {digest}, gilfree.lock has {entry.sha256}: refused",
                "take the file from another place (GILFREE_SOURCES=<folder or address>) or replace it there",
            )
        return "as in gilfree.lock"

    fetch_tarball(entry, require_locked, say)
    return target


def fetch_tarball(entry: LockedSeries, verify: Callable[[str, str], str], say: Say) -> str:
    """Fetch a series' tarball into the cache from the first source that has it; its SHA-256.

    verify: given the source's name and the file's SHA-256, it returns what to say about the hash, or raises GilfreeError,
    which refuses the file. Raises GilfreeError naming every source when none has the file.
    """
    target = paths.cache("sources") / entry.tarball
    tried = []
    for name, fetch in sources(entry):
        partial = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            fetch(partial)
            digest = sha256(partial)
            verdict = verify(name, digest)
            partial.rename(target)
            say(f"source: {entry.tarball} from {name}: SHA-256 {digest}, {verdict}")
            return digest
        except SourceUnavailable as reason:
            tried.append(f"{name}: {reason}")
            say(f"source: {name} does not have it: {reason}")
        finally:
            partial.unlink(missing_ok=True)
    raise GilfreeError(
        f"no source has {entry.tarball}:\n    " + "\n    ".join(tried),
        f"put {entry.tarball} into a folder and set GILFREE_SOURCES to it",
    )


def sha256(file: Path) -> str:
    """Hex SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sources(entry: LockedSeries) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Name of each source, in order, with the function that writes the tarball to a path or raises SourceUnavailable."""
    given = os.environ.get("GILFREE_SOURCES")
    if given:
        name = without_login(given)
        if "://" in given:
            yield f"GILFREE_SOURCES ({name})", lambda to: download(f"{given.rstrip('/')}/{entry.tarball}", to)
        else:
            yield f"GILFREE_SOURCES ({name})", lambda to: copy(Path(given) / entry.tarball, to)
        return
    release = re.sub(r"(a|b|rc)\d+$", "", entry.version)
    upstream = f"https://www.python.org/ftp/python/{release}/{entry.tarball}"
    yield "python.org", lambda to: download(upstream, to)
    archives = debian_archives()
    if not archives:
        yield "Debian's archive", _no_archive
    for archive in archives:
        yield f"Debian's archive ({without_login(archive)})", lambda to, a=archive: download(debian_file(a, entry), to)  # type: ignore[misc]


def _no_archive(_: Path) -> None:
    raise SourceUnavailable("this machine's apt names no Debian archive")


def debian_file(archive: str, entry: LockedSeries) -> str:
    """The address of upstream's unchanged tarball in Debian's archive, which writes 3.15.0~rc1 for 3.15.0rc1."""
    version = re.sub(r"(a|b|rc)(\d+)$", r"~\1\2", entry.version)
    package = f"python{entry.series}"
    return f"{archive.rstrip('/')}/pool/main/p/{package}/{package}_{version}.orig.tar.xz"


def debian_archives(root: Path = Path("/etc/apt")) -> list[str]:
    """Addresses of Debian's main archive in this machine's apt configuration, in both of its formats."""
    found: list[str] = []
    for file in [root / "sources.list", *sorted((root / "sources.list.d").glob("*"))]:
        try:
            lines = file.read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            uris = re.match(r"URIs:\s*(.+)", line) or re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)", line)
            found += uris[1].split() if uris else []
    # A mirror may have any address, so all are tried but the security archive, which has no upstream tarballs.
    good = [uri for uri in found if uri.startswith("http") and "security" not in uri]
    return list(dict.fromkeys(good))


def copy(source: Path, to: Path) -> None:
    """Copy the file from a folder. Raises SourceUnavailable when it is not there."""
    if not source.is_file():
        raise SourceUnavailable(f"there is no {source}")
    shutil.copyfile(source, to)


def download(address: str, to: Path) -> None:
    """Download over the network (or from file://). Raises SourceUnavailable with the reason for anything that fails."""
    request = authorized(address)
    try:
        with (
            urllib.request.urlopen(request, timeout=CONNECT_TIMEOUT_SECONDS) as answer,
            to.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file, 1 << 20)
    except urllib.error.HTTPError as error:
        raise SourceUnavailable(f"it answers {error.code} {error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SourceUnavailable(f"{getattr(error, 'reason', error)}") from None


def authorized(address: str) -> urllib.request.Request:
    """A request for the address; a login in it becomes a header, since urllib knows no other way."""
    parts = urlsplit(address)
    request = urllib.request.Request(without_login(address))
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(secret.encode()).decode())
    return request


def without_login(address: str) -> str:
    """The address without the login that it may hold."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else address
