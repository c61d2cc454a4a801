"""Locking the served packages anew: one file of pins with hashes that both variants have wheels for."""

from __future__ import annotations

import hashlib
import re

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.pythons.pair import Pair
from toolkit.pythons.uv import UvFailed, run_uv


def relock(pair: Pair) -> list[str]:
    """Resolve requirements-<series>.in for the free-threaded build, check the same pins for the GIL build, and write
    the result and its hash into the lock. What changed is returned in words."""
    folder = paths.shipped("images") / "app"
    wanted, locked = folder / f"requirements-{pair.series}.in", folder / f"requirements-{pair.series}.txt"
    options = ["--quiet", "--upgrade", "--only-binary", ":all:", "--generate-hashes", "--no-header", "--no-annotate"]
    before = _pins(locked.read_text()) if locked.exists() else {}
    partial = locked.with_suffix(".part")
    try:
        python = ["--python", str(pair.free_threaded.executable), "--output-file", str(partial)]
        run_uv(["pip", "compile", *options, *python, str(wanted)])
        check = ["pip", "compile", "--quiet", "--only-binary", ":all:", "--python", str(pair.gil.executable)]
        run_uv([*check, "--constraint", str(partial), str(wanted)])
    except UvFailed as error:
        partial.unlink(missing_ok=True)
        raise GilfreeError(f"{wanted} has no set of versions with wheels for both variants: {error.message}") from None
    partial.rename(locked)
    after = _pins(locked.read_text())
    lock = paths.shipped("gilfree.lock")
    section = re.compile(rf'(\[series\."{re.escape(pair.series)}"\][^\[]*?requirements_sha256 = ")[0-9a-f]{{64}}"')
    digest = hashlib.sha256(locked.read_bytes()).hexdigest()
    lock.write_text(section.sub(rf'\g<1>{digest}"', lock.read_text()))
    names = sorted(before.keys() | after.keys())
    changes = [
        f"{n}: {before.get(n, 'none')} -> {after.get(n, 'none')}" for n in names if before.get(n) != after.get(n)
    ]
    return changes or [f"{locked.name}: nothing changed"]


def _pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", text, re.MULTILINE))
