"""Writing gilfree.lock: a newer Python with the hash of its tarball, the digest of the base. Its comments stay."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from packaging.version import Version

from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.images.staleness.upstream import Upstream, get, newest
from toolkit.pythons.lock import Lock, LockedSeries, edited_lock, load_lock, series_of, top_level_file
from toolkit.pythons.sources import fetch_tarball

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
FILES_API = "https://www.python.org/api/v2/downloads/release_file/"
FILES = "https://www.python.org/ftp/python/"


def update(python: str | None, upstream: Upstream, say: Say, *, prereleases: bool = False) -> list[str]:
    """Write the newest version of every locked series into gilfree.lock, or only `python`; the changes in words.

    python: a series, or an exact version, which may be older than the locked one or of a new series. A pinned base gets
    the digest that its registry has now. Raises GilfreeError, with the lock as it was, when the versions cannot be learnt,
    there is no such version, or its tarball cannot be fetched or is not the published one.
    """
    lock = load_lock()
    if upstream.versions.value is None:
        raise GilfreeError(
            f"the newest Pythons cannot be learnt: {upstream.versions.reason}",
            "check the network, or set GILFREE_SOURCES to a folder or address that holds Python-X.Y.Z.tar.xz",
        )
    changes = []
    for version in _versions_to_lock(lock, python, upstream.versions.value, prereleases):
        changes += _lock_version(load_lock(), version, say)
    digest = upstream.base.value if upstream.base else None
    if digest is not None and lock.base.digest not in (None, digest):
        with edited_lock() as document:
            document["base"]["digest"] = digest
        changes.append(f"base {lock.base.name}: {lock.base.digest} -> {digest}")
    return changes


def _versions_to_lock(lock: Lock, python: str | None, known: tuple[str, ...], prereleases: bool) -> list[str]:
    if python is None:
        newest_ones = [newest(known, series, prereleases=prereleases) for series in lock.series]
        return [one for one in newest_ones if one is not None and _is_upgrade(lock, one)]
    if python in known:
        return [python]
    of_series = newest(known, python, prereleases=prereleases)
    if of_series is None:
        early = newest(known, python, prereleases=True)
        hint = f"--prereleases takes {early}; " if early else ""
        raise GilfreeError(f"no source has Python {python!r}", f"{hint}there are {', '.join(known[-8:]) or 'none'}")
    return [of_series] if _is_upgrade(lock, of_series) else []


def _is_upgrade(lock: Lock, version: str) -> bool:
    """Whether a version is newer than the locked one: a source that has only older ones changes nothing."""
    before = lock.series.get(series_of(version))
    return before is None or Version(version) > Version(before.version)


def _lock_version(lock: Lock, version: str, say: Say) -> list[str]:
    series = series_of(version)
    before = lock.series.get(series)
    if before is not None and before.version == version:
        return []
    unverified = LockedSeries(version=version, sha256=EMPTY_SHA256, requirements_sha256=EMPTY_SHA256)

    def require_published(source: str, digest: str) -> str:
        published = _published(source, version, unverified.tarball)
        if published is not None and published != digest:
            raise GilfreeError(
                f"{unverified.tarball} from {source} has SHA-256 {digest}, its publisher says {published}: refused",
                "take the file from another place (GILFREE_SOURCES=<folder or address>)",
            )
        return "as published" if published else "taken on trust, since no hash of it is published"

    digest = fetch_tarball(unverified, require_published, say)
    if before is None:
        _copy_top_level_packages(lock, series)
    with edited_lock() as document:
        entry = document["series"].setdefault(series, {})
        entry["version"], entry["sha256"] = version, digest
        entry.setdefault("requirements_sha256", EMPTY_SHA256)
    if before is None:
        return [f"python {version}: new; lock its packages with: gilfree pythons --python {version} --relock"]
    return [f"python {before.version} -> {version}"]


def _copy_top_level_packages(lock: Lock, series: str) -> None:
    """A new series asks for the packages of the newest locked one."""
    latest = max(lock.series, key=Version)
    file = top_level_file(series)
    if not file.exists():
        file.write_text(top_level_file(latest).read_text())


def _published(source: str, version: str, tarball: str) -> str | None:
    """The SHA-256 that the publisher of a source's tarball gives: python.org, or a file next to the tarball in a folder."""
    folder = re.fullmatch(r"GILFREE_SOURCES \((.*)\)", source)
    if folder and "://" not in folder[1]:
        return published_in_folder(Path(folder[1]), tarball)
    return published_by_python_org(version, tarball) if source == "python.org" else None


def published_by_python_org(version: str, tarball: str) -> str | None:
    """The SHA-256 in python.org's API (under the slug that its release tools make), else in the SBOM next to the tarball.

    None when neither has it.
    """
    release, early = re.fullmatch(r"([\d.]+)(.*)", version).groups()  # type: ignore[union-attr]
    slug = f"{release.replace('.', '')}{f'-{early}' if early else ''}-XZ-compressed-source-tarball"
    files = _json_at(f"{FILES_API}?slug={slug}")
    for file in files if isinstance(files, list) else ():
        if str(file.get("url", "")).endswith(f"/{tarball}") and file.get("sha256_sum"):
            return str(file["sha256_sum"])
    bill = _json_at(f"{FILES}{release}/{tarball}.spdx.json")
    for package in bill.get("packages", ()) if isinstance(bill, dict) else ():
        if package.get("name") == "CPython":
            for checksum in package.get("checksums", ()):
                if checksum.get("algorithm") == "SHA256":
                    return str(checksum["checksumValue"])
    return None


def _json_at(address: str) -> Any:
    """The JSON at an address; None when there is none."""
    try:
        return json.loads(get(address, "application/json"))
    except (OSError, ValueError):
        return None


def published_in_folder(folder: Path, tarball: str) -> str | None:
    """The tarball's SHA-256 in `<tarball>.sha256`, `SHA256SUMS` or any `*.sha256` of a folder; None when none has it."""
    for file in sorted({folder / "SHA256SUMS", *folder.glob("*.sha256")}):
        if not file.is_file():
            continue
        for line in file.read_text().splitlines():
            digest, _, name = line.partition(" ")
            named = name.strip().lstrip("*") or file.name.removesuffix(".sha256")
            if re.fullmatch(r"[0-9a-f]{64}", digest) and named == tarball:
                return digest
    return None
