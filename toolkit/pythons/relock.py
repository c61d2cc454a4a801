"""Locking the served packages again: one file of versions with hashes that both variants have wheels for."""

from __future__ import annotations

import hashlib

from toolkit.errors import GilfreeError
from toolkit.pythons.lock import edited_lock, requirements_file, top_level_file
from toolkit.pythons.packages import package_differences, pinned_packages
from toolkit.pythons.pair import Pair
from toolkit.pythons.uv import UvFailed, run_uv


def relock(pair: Pair) -> list[str]:
    """Resolve requirements-<series>.in for the free-threaded build, check that the GIL build has wheels for the same
    versions, and write the result, and its hash into gilfree.lock.

    The changes are returned in words (`flask: 3.1.2 -> 3.1.3`). Raises GilfreeError, with both files as they were, when
    no set of versions has wheels for both.
    """
    top_level, locked = top_level_file(pair.series), requirements_file(pair.series)
    options = ["--quiet", "--upgrade", "--only-binary", ":all:", "--generate-hashes", "--no-header", "--no-annotate"]
    before = pinned_packages(locked.read_text()) if locked.exists() else {}
    partial = locked.with_suffix(".part")
    try:
        python = ["--python", str(pair.free_threaded.executable), "--output-file", str(partial)]
        run_uv(["pip", "compile", *options, *python, str(top_level)])
        check = ["pip", "compile", "--quiet", "--only-binary", ":all:", "--python", str(pair.gil.executable)]
        run_uv([*check, "--constraint", str(partial), str(top_level)])
    except UvFailed as error:
        partial.unlink(missing_ok=True)
        raise GilfreeError(
            f"{top_level} has no set of versions with wheels for both variants: {error.message}"
        ) from None
    partial.rename(locked)
    content = locked.read_bytes()
    with edited_lock() as lock:
        lock["series"][pair.series]["requirements_sha256"] = hashlib.sha256(content).hexdigest()
    differences = package_differences(before, pinned_packages(content.decode()))
    changes = [f"{name}: {old} -> {new}" for name, (old, new) in differences.items()]
    return changes or [f"{locked.name}: nothing changed"]
