"""A build's context as a tar archive: the same bytes for the same content, whoever made the files, and when."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from toolkit.images.spec.inputs import Entry


def context(files: Sequence[Entry], extra: Sequence[tuple[str, Path]] = ()) -> IO[bytes]:
    """An open, rewound temporary file. `extra`: what counts as an input by its hash already (the tarball)."""
    made = tempfile.TemporaryFile(prefix="gilfree-context-")  # noqa: SIM115  (the caller closes it)
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        named = sorted([*((entry.name, entry.path) for entry in files), *extra])
        for folder in sorted({str(parent) for name, _ in named for parent in Path(name).parents} - {"."}):
            archive.addfile(_information(folder, tarfile.DIRTYPE, 0o755))
        for name, path in named:
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            one = _information(name, tarfile.REGTYPE, mode)
            with path.open("rb") as stream:
                one.size = path.stat().st_size
                archive.addfile(one, stream)
    made.seek(0)
    return made


def dockerfile_only(text: str) -> IO[bytes]:
    """A context of nothing but a Dockerfile."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        content = text.encode()
        one = _information("Dockerfile", tarfile.REGTYPE, 0o644)
        one.size = len(content)
        archive.addfile(one, io.BytesIO(content))
    made.seek(0)
    return made


def _information(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    one = tarfile.TarInfo(name)
    one.type, one.mode = kind, mode
    one.mtime = 1_700_000_000  # some fixed day: Python records a source's time in its bytecode, and 0 means none to zip
    return one
