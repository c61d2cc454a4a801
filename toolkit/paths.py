"""Finds what the project ships alongside its code: images/, manifests/, scenarios/ and gilfree.lock.

In a checkout these are at the top level; in a wheel they are data under toolkit/_data. Nothing else in the toolkit looks
for them. Caches are in the user's cache folder (XDG_CACHE_HOME), results in the current folder.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_WHEEL_DATA = _PACKAGE / "_data"


def shipped(name: str) -> Path:
    """The path of a shipped folder or file, by its name: `images`, `manifests`, `scenarios` or `gilfree.lock`."""
    return (_WHEEL_DATA if _WHEEL_DATA.is_dir() else _PACKAGE.parent) / name


def cache(*parts: str) -> Path:
    """A folder inside gilfree's cache folder, made when absent. parts: its path there."""
    folder = Path(platformdirs.user_cache_dir("gilfree")).joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
