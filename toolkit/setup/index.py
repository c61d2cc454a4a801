"""The package index that this machine is configured for, so that uv asks it as pip would.

uv reads neither pip's variables nor its files, and `uv sync --frozen` fetches from the addresses in uv.lock even when an
index is configured for uv. Standard library only.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

UV_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")


def pip_settings(environment: Mapping[str, str], files: Sequence[Path]) -> dict[str, str]:
    """`index-url` and `extra-index-url` as pip would read them: later files override earlier, variables override all."""
    found: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip says what is wrong with its own file
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
    """Where pip reads its settings on Linux, in its order."""
    own = environment.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return []
    home = Path(environment.get("HOME") or Path.home())
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    system = [Path(folder, "pip", "pip.conf") for folder in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    files = [*system, Path("/etc/pip.conf"), home / ".pip" / "pip.conf", user / "pip" / "pip.conf"]
    return [*files, Path(own)] if own else files


def uv_index(environment: Mapping[str, str], files: Sequence[Path]) -> dict[str, str]:
    """Variables that tell uv of pip's index; none when uv has been told itself, or nobody was told anything."""
    if any(environment.get(name) for name in UV_VARIABLES):
        return {}
    pip = pip_settings(environment, files)
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX"}
    return {names[key]: value for key, value in pip.items()}


def uv_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What to add to uv's environment on this machine."""
    environment = os.environ if environment is None else environment
    return uv_index(environment, pip_files(environment))


def has_mirror(environment: Mapping[str, str]) -> bool:
    """Whether packages come from another place than uv.lock's addresses; `environment` as uv will have it."""
    if any(environment.get(name) for name in UV_VARIABLES):
        return True
    home = Path(environment.get("HOME") or Path.home())
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    own = environment.get("UV_CONFIG_FILE")
    files = [Path(own)] if own else [user / "uv" / "uv.toml", Path("/etc/xdg/uv/uv.toml"), Path("/etc/uv/uv.toml")]
    return any(_names_index(file) for file in files)


def _names_index(file: Path) -> bool:
    import tomllib  # not in the Pythons that are told that they are too old

    try:
        settings = tomllib.loads(file.read_text())
    except (OSError, ValueError):
        return False
    tables = (settings, settings.get("pip", {}))
    return any(key in table for table in tables for key in ("index", "index-url", "extra-index-url", "find-links"))
