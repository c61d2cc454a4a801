"""What the commands about images share: their options, and the command to run again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

BuiltProfile = Annotated[str | None, typer.Option(help="fast or release; the profile built last by default.")]
BaseName = Annotated[str | None, typer.Option(help="Base image instead of the one in gilfree.lock: any Debian.")]
Prereleases = Annotated[bool, typer.Option("--prereleases", help="Include alphas, betas and release candidates.")]
NoChild = Annotated[bool, typer.Option("--no-child", help="Skip the test of a child image, which needs the network.")]
CaFile = Annotated[Path | None, typer.Option(help="Extra CA certificates (PEM) for downloads during the build.")]
PipIndex = Annotated[str, typer.Option(help="Package index for pip.")]
AptMirror = Annotated[str, typer.Option(help="Mirror of Debian's main archive.")]
CargoMirror = Annotated[str, typer.Option(help="Mirror of the registry of Rust packages: sparse+https://…/.")]
HostNetwork = Annotated[bool, typer.Option("--host-network", help="Build with the network of this machine.")]


def command_again() -> str:
    """The command that is running, to be run again, without the logins in its addresses."""
    import shlex

    from toolkit.images.spec.network import mask_logins

    return f"gilfree {shlex.join(mask_logins(word) for word in sys.argv[1:])}"
