"""The package index that this machine is configured for, so that uv asks it as pip would.

uv reads neither pip's variables nor its files, and `uv sync --frozen` downloads from the addresses in uv.lock even when an
index is configured for uv. Standard library only.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

UV_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")


def pip_settings(environment: Mapping[str, str], files: Sequence[Path]) -> dict[str, str]:
    """`index-url` and `extra-index-url`, where they are set, as pip reads them.

    files: pip's, in its order; a later one overrides an earlier one, and variables of the environment override all.
    """
    found: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself reports what is wrong with its file
        for section in ("global", "install"):
            for key in ("index-url", "extra-index-url"):
                if parser.has_option(section, key):
                    found[key] = parser.get(section, key)
    for key in ("index-url", "extra-index-url"):
        value = environment.get(f"PIP_{key.replace('-', '_').upper()}")
        if value:
            found[key] = value
    return {key: " ".join(value.split()) for key, value in found.items() if value.strip()}


def pip_files(environment: Mapping[str, str]) -> list[Path]:
    """The files from which pip reads its settings on Linux, in its order, whether they are there or not."""
    own = environment.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return []
    home = Path(environment.get("HOME") or Path.home())
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    system = [Path(folder, "pip", "pip.conf") for folder in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    files = [*system, Path("/etc/pip.conf"), home / ".pip" / "pip.conf", user / "pip" / "pip.conf"]
    return [*files, Path(own)] if own else files


def uv_index(environment: Mapping[str, str], files: Sequence[Path]) -> dict[str, str]:
    """Variables that give uv pip's index; none when uv is configured itself, or neither of them is."""
    if any(environment.get(name) for name in UV_VARIABLES):
        return {}
    pip = pip_settings(environment, files)
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX"}
    return {names[key]: value for key, value in pip.items()}


def uv_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables to add to uv's environment on this machine (`environment`: this process's by default)."""
    environment = os.environ if environment is None else environment
    return uv_index(environment, pip_files(environment))


def has_mirror(environment: Mapping[str, str]) -> bool:
    """Whether packages come from another place than the addresses in uv.lock. environment: as uv will have it."""
    if any(environment.get(name) for name in UV_VARIABLES):
        return True
    home = Path(environment.get("HOME") or Path.home())
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    own = environment.get("UV_CONFIG_FILE")
    files = [Path(own)] if own else [user / "uv" / "uv.toml", Path("/etc/xdg/uv/uv.toml"), Path("/etc/uv/uv.toml")]
    return any(_names_index(file) for file in files)


def _names_index(file: Path) -> bool:
    import tomllib  # a Python that is too old has none, and must be able to import this file

    try:
        settings = tomllib.loads(file.read_text())
    except (OSError, ValueError):
        return False
    tables = (settings, settings.get("pip", {}))
    return any(key in table for table in tables for key in ("index", "index-url", "extra-index-url", "find-links"))
