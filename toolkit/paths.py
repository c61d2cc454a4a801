"""Finds what the project ships beside its code: images/, manifests/, scenarios/ and gilfree.lock.

In a checkout these stand at the top level; in a wheel they are carried as data under toolkit/_data. Nothing else in
the toolkit looks for them. Caches live in the user's cache folder (XDG_CACHE_HOME), results where the user stands.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_CARRIED = _PACKAGE / "_data"


def shipped(name: str) -> Path:
    """The path of a shipped folder or file: `images`, `manifests`, `scenarios` or `gilfree.lock`."""
    return (_CARRIED if _CARRIED.is_dir() else _PACKAGE.parent) / name


def cache(*parts: str) -> Path:
    """A folder under the user's cache folder for gilfree, made when absent."""
    folder = Path(platformdirs.user_cache_dir("gilfree")).joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
