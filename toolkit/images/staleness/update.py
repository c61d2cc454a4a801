"""Writing gilfree.lock anew: a newer Python with the hash of its tarball, the base's digest. Comments in it stay."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from packaging.version import Version

from toolkit import paths
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.images.staleness.upstream import Upstream, get, newest
from toolkit.pythons.lock import Lock, LockedSeries, load_lock
from toolkit.pythons.sources import NotThere, sha256, sources

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
FILES_API = "https://www.python.org/api/v2/downloads/release_file/"
FILES = "https://www.python.org/ftp/python/"


def update(asked: str | None, upstream: Upstream, say: Say, *, prereleases: bool = False) -> list[str]:
    """Write the newest of every locked series into the lock, or the version that is asked for (an exact one may
    be older); what changed, in words.

    Raises GilfreeError, with the lock as it was, when the tarball cannot be had or is not what its publisher says it is.
    """
    lock = load_lock()
    if upstream.versions.value is None:
        raise GilfreeError(
            f"the newest Pythons cannot be learnt: {upstream.versions.why}",
            "see the network, or set GILFREE_SOURCES to a folder or address that holds Python-X.Y.Z.tar.xz",
        )
    changes = []
    for version in _versions(lock, asked, upstream.versions.value, prereleases):
        changes += _take(load_lock(), version, say)
    digest = upstream.base.value if upstream.base else None
    if digest is not None and lock.base.digest not in (None, digest):
        _write(re.sub(r'(?m)(^\[base\][^\[]*?^digest = ")[^"]*"', rf'\g<1>{digest}"', _text()))
        changes.append(f"base {lock.base.name}: {lock.base.digest} -> {digest}")
    return changes


def _versions(lock: Lock, asked: str | None, known: tuple[str, ...], prereleases: bool) -> list[str]:
    if asked is None:
        newest_ones = [newest(known, series, prereleases=prereleases) for series in lock.series]
        return [one for one in newest_ones if one is not None and _goes_up(lock, one)]
    if asked in known:
        return [asked]
    of_series = newest(known, asked, prereleases=prereleases)
    if of_series is None:
        early = newest(known, asked, prereleases=True)
        hint = f"--prereleases takes {early}; " if early else ""
        raise GilfreeError(f"Python {asked!r} is not to be had", f"{hint}there are {', '.join(known[-8:]) or 'none'}")
    return [of_series] if _goes_up(lock, of_series) else []


def _goes_up(lock: Lock, version: str) -> bool:
    """A source that has only older ones, or a final release beside a locked candidate of a later one, changes nothing."""
    before = lock.series.get(".".join(version.split(".")[:2]))
    return before is None or Version(version) > Version(before.version)


def _take(lock: Lock, version: str, say: Say) -> list[str]:
    series = ".".join(version.split(".")[:2])
    before = lock.series.get(series)
    if before is not None and before.version == version:
        return []
    digest = _tarball(version, say)
    if before is None:
        return _new_series(lock, series, version, digest)
    section = re.compile(rf'(?m)(^\[series\."{re.escape(series)}"\][^\[]*?)^version = "[^"]*"(\s*\n)sha256 = "[^"]*"')
    text, count = section.subn(rf'\g<1>version = "{version}"\g<2>sha256 = "{digest}"', _text())
    if count != 1:
        raise GilfreeError("gilfree.lock was rearranged by hand", "put `sha256` right below `version` in each series")
    _write(text)
    return [f"python {before.version} -> {version}"]


def _tarball(version: str, say: Say) -> str:
    """The hash of a tarball that is now in the cache, checked against its publisher's word where there is one."""
    series = ".".join(version.split(".")[:2])
    entry = LockedSeries(version=version, sha256=EMPTY_SHA256, requirements_sha256=EMPTY_SHA256)
    target = paths.cache("sources") / entry.tarball
    tried = []
    for name, fetch in sources(entry):
        partial = target.with_name(f"{target.name}.update")
        try:
            fetch(partial)
            found = sha256(partial)
            word = _published(name, version, entry.tarball)
            if word is not None and word != found:
                raise GilfreeError(
                    f"{entry.tarball} from {name} has SHA-256 {found}, its publisher says {word}: refused",
                    "take the file from another place (GILFREE_SOURCES=<folder or address>)",
                )
            partial.rename(target)
            say(f"{entry.tarball} from {name}: SHA-256 {found}, {'as published' if word else 'taken on trust'}")
            return found
        except NotThere as reason:
            tried.append(f"{name}: {reason}")
        finally:
            partial.unlink(missing_ok=True)
    raise GilfreeError(
        f"{entry.tarball} of {series} is nowhere to be had:\n    " + "\n    ".join(tried),
        f"put {entry.tarball} into a folder and set GILFREE_SOURCES to it",
    )


def _published(name: str, version: str, tarball: str) -> str | None:
    """What a publisher says the hash is: python.org's API, or a file of hashes beside the tarball in a folder."""
    folder = re.fullmatch(r"GILFREE_SOURCES \((.*)\)", name)
    if folder and "://" not in folder[1]:
        return published_beside(Path(folder[1]), tarball)
    return published_upstream(version, tarball) if name == "python.org" else None


def published_upstream(version: str, tarball: str) -> str | None:
    """What python.org says: its API (under the slug that its release tools make), else the SBOM beside the tarball."""
    release, early = re.fullmatch(r"([\d.]+)(.*)", version).groups()  # type: ignore[union-attr]
    slug = f"{release.replace('.', '')}{f'-{early}' if early else ''}-XZ-compressed-source-tarball"
    told = _json(f"{FILES_API}?slug={slug}")
    for one in told if isinstance(told, list) else ():
        if str(one.get("url", "")).endswith(f"/{tarball}") and one.get("sha256_sum"):
            return str(one["sha256_sum"])
    bill = _json(f"{FILES}{release}/{tarball}.spdx.json")
    for package in bill.get("packages", ()) if isinstance(bill, dict) else ():
        if package.get("name") == "CPython":
            for checksum in package.get("checksums", ()):
                if checksum.get("algorithm") == "SHA256":
                    return str(checksum["checksumValue"])
    return None


def _json(address: str) -> Any:
    """What an address answers; None when it does not, or not in JSON."""
    try:
        return json.loads(get(address, "application/json"))
    except (OSError, ValueError):
        return None


def published_beside(folder: Path, tarball: str) -> str | None:
    """The tarball's SHA-256 in `<tarball>.sha256`, `SHA256SUMS` or any `*.sha256` of a folder; None when none names it."""
    for file in sorted({folder / "SHA256SUMS", *folder.glob("*.sha256")}):
        if not file.is_file():
            continue
        for line in file.read_text().splitlines():
            digest, _, name = line.partition(" ")
            named = name.strip().lstrip("*") or file.name.removesuffix(".sha256")
            if re.fullmatch(r"[0-9a-f]{64}", digest) and named == tarball:
                return digest
    return None


def _new_series(lock: Lock, series: str, version: str, digest: str) -> list[str]:
    """A series that was not there: its wishes are those of the newest one; its packages are locked by `pythons --relock`."""
    folder = paths.shipped("images") / "app"
    latest = max(lock.series.values(), key=lambda one: tuple(int(part) for part in one.series.split(".")))
    wishes = folder / f"requirements-{series}.in"
    if not wishes.exists():
        wishes.write_text((folder / f"requirements-{latest.series}.in").read_text())
    text = _text().rstrip("\n")
    _write(
        f'{text}\n\n[series."{series}"]\nversion = "{version}"\nsha256 = "{digest}"\n'
        f'requirements_sha256 = "{EMPTY_SHA256}"\n'
    )
    return [f"python {version}: new; lock its packages with: gilfree pythons --python {version} --relock"]


def _text() -> str:
    return paths.shipped("gilfree.lock").read_text()


def _write(text: str) -> None:
    file = paths.shipped("gilfree.lock")
    partial = file.with_suffix(".part")
    partial.write_text(text)
    load_lock(partial)
    partial.rename(file)
