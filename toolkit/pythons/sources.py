"""Where source tarballs come from: an ordered list of functions, each of which has the file or says why not.

A tarball is good when its hash is the lock's, wherever it comes from. GILFREE_SOURCES, when set, is the only place asked.
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


class NotThere(Exception):
    """A source does not have the file; the text says why."""


def tarball(entry: LockedSeries, say: Say) -> Path:
    """The verified source tarball, from the cache or from the first source that has it.

    Raises GilfreeError naming every source tried when none has it, and at once for a file with a wrong hash.
    """
    target = paths.cache("sources") / entry.tarball
    if target.exists() and sha256(target) == entry.sha256:
        return target
    tried = []
    for name, fetch in sources(entry):
        partial = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            fetch(partial)
            found = sha256(partial)
            if found != entry.sha256:
                raise GilfreeError(
                    f"{entry.tarball} from {name} has SHA-256 {found}, gilfree.lock has {entry.sha256}: refused",
                    "take the file from another place (GILFREE_SOURCES=<folder or address>) or mend that one",
                )
            partial.rename(target)
            say(f"source: {entry.tarball} from {name}, its hash is the lock's")
            return target
        except NotThere as reason:
            tried.append(f"{name}: {reason}")
            say(f"source: {name} does not serve: {reason}")
        finally:
            partial.unlink(missing_ok=True)
    raise GilfreeError(
        f"{entry.tarball} is nowhere to be had:\n    " + "\n    ".join(tried),
        f"put {entry.tarball} into a folder and set GILFREE_SOURCES to it",
    )


def sha256(file: Path) -> str:
    """Hex SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sources(entry: LockedSeries) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Name and fetcher of every place to ask, in order."""
    given = os.environ.get("GILFREE_SOURCES")
    if given:
        name = shown(given)
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
        yield f"Debian's archive ({shown(archive)})", lambda to, a=archive: download(debian_file(a, entry), to)  # type: ignore[misc]


def _no_archive(_: Path) -> None:
    raise NotThere("this machine's apt names no Debian archive")


def debian_file(archive: str, entry: LockedSeries) -> str:
    """Where Debian's archive keeps upstream's tarball, byte for byte; it writes 3.15.0~rc1 for 3.15.0rc1."""
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
    # Debian's own layout is tried wherever a mirror has put it; the security archive has no upstream tarballs.
    good = [uri for uri in found if uri.startswith("http") and "security" not in uri]
    return list(dict.fromkeys(good))


def copy(source: Path, to: Path) -> None:
    """Take the file from a folder."""
    if not source.is_file():
        raise NotThere(f"{source} is not there")
    shutil.copyfile(source, to)


def download(address: str, to: Path) -> None:
    """Fetch over the network (or file://). Raises NotThere with the reason for anything that fails."""
    request = authorized(address)
    try:
        with (
            urllib.request.urlopen(request, timeout=CONNECT_TIMEOUT_SECONDS) as answer,
            to.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file, 1 << 20)
    except urllib.error.HTTPError as error:
        raise NotThere(f"it answers {error.code} {error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotThere(f"{getattr(error, 'reason', error)}") from None


def authorized(address: str) -> urllib.request.Request:
    """A request whose credentials, if the address has any, travel in a header: urllib knows no others."""
    parts = urlsplit(address)
    request = urllib.request.Request(shown(address))
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(secret.encode()).decode())
    return request


def shown(address: str) -> str:
    """An address without the credentials that may stand in it."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else address
