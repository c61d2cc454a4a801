"""The system packages that builds need, under Debian's names, with what shows that each is installed.

In one place and apart from the builds, so that bootstrap.py, which runs before anything is installed, can name them all at
once to a user who has to ask an administrator to install them. Standard library only.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """A Debian package, and what shows that it is there: a command on PATH, a header, a file, or a module of this Python.

    optional: installed with the others where that is possible; its absence is no error.
    """

    package: str
    command: str = ""
    header: str = ""
    module: str = ""
    file: str = ""
    optional: bool = False


# Debian's cargo and Python need these certificates; other distributions may keep theirs in another place.
CERTIFICATES = Need("ca-certificates", file="/etc/ssl/certs/ca-certificates.crt", optional=True)

VENV = (Need(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv", module="ensurepip"),)
"""To make .venv when there is no uv on PATH."""

CPYTHON = (
    Need("gcc", command="cc"),
    Need("make", command="make"),
    Need("xz-utils", command="xz"),
    Need("pkg-config", command="pkg-config"),
    Need("libc6-dev", header="stdio.h"),
    Need("libssl-dev", header="openssl/ssl.h"),
    Need("zlib1g-dev", header="zlib.h"),
    Need("libbz2-dev", header="bzlib.h"),
    Need("liblzma-dev", header="lzma.h"),
    Need("libzstd-dev", header="zstd.h", optional=True),
    Need("libffi-dev", header="ffi.h"),
    Need("libsqlite3-dev", header="sqlite3.h"),
    Need("libreadline-dev", header="readline/readline.h", optional=True),
    Need("uuid-dev", header="uuid/uuid.h", optional=True),
    CERTIFICATES,
)
"""To build CPython with images/cpython/build.sh."""


def cargo_package(codename: str) -> str:
    """The name of the package with a usable cargo: bookworm's `cargo` (1.65) needs GitHub, its `cargo-web` is current."""
    return "cargo-web" if codename == "bookworm" else "cargo"


def _codename() -> str:
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


CARGO = Need(cargo_package(_codename()), command="cargo")

LOAD_GENERATORS = (
    CARGO,
    Need("gcc", command="cc"),
    Need("pkg-config", command="pkg-config"),
    Need("libc6-dev", header="stdio.h"),
    Need("libssl-dev", header="openssl/ssl.h"),
    CERTIFICATES,
)
"""To install rewrk and oha with cargo."""

FEDORA = {
    "xz-utils": "xz",
    "pkg-config": "pkgconf-pkg-config",
    "libc6-dev": "glibc-devel",
    "libssl-dev": "openssl-devel",
    "zlib1g-dev": "zlib-devel",
    "libbz2-dev": "bzip2-devel",
    "liblzma-dev": "xz-devel",
    "libzstd-dev": "libzstd-devel",
    "libffi-dev": "libffi-devel",
    "libsqlite3-dev": "sqlite-devel",
    "libreadline-dev": "readline-devel",
    "uuid-dev": "libuuid-devel",
}
"""Names of these packages on Fedora and its relatives, where they differ; venv is part of Python there."""
