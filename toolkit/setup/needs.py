"""What the builds need of the system, as Debian packages and what tells that each is there.

Here and not beside the builders, so that the bootstrap, which runs before anything is installed, can name them all at
once to a user who has to ask somebody else to install them. Standard library only.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """A Debian package and what tells that it is there: a command on PATH, a header, a file, or a module of this Python.

    optional: installed with the rest where that is possible, but never a reason to stop.
    """

    package: str
    command: str = ""
    header: str = ""
    module: str = ""
    file: str = ""
    optional: bool = False


# Debian's cargo and Python have no certificates of their own; elsewhere they may well stand in another place.
CERTIFICATES = Need("ca-certificates", file="/etc/ssl/certs/ca-certificates.crt", optional=True)

VENV = (Need(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv", module="ensurepip"),)
"""For the toolkit's own environment, when there is no uv on PATH."""

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
"""What images/cpython/build.sh needs."""


def cargo_package(codename: str) -> str:
    """Debian bookworm's own cargo (1.65) knows no index but the one on GitHub; its cargo-web is a current one."""
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
"""What `cargo install` of rewrk and oha needs."""

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
"""What Fedora and its kin call them; the others have the same name, venv is part of their Python."""
