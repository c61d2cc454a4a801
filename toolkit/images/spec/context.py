"""Build contexts as tar archives: the same content gives the same bytes, whoever made the files, and when."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from toolkit.images.spec.inputs import ContextFile


def build_context(files: Sequence[ContextFile], extra: Sequence[tuple[str, Path]] = ()) -> IO[bytes]:
    """An open temporary file with the archive, rewound; the caller closes it.

    extra: name and path of files that are no inputs themselves, because an input holds their hash (the tarball).
    """
    made = tempfile.TemporaryFile(prefix="gilfree-context-")  # noqa: SIM115
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        named = sorted([*((file.name, file.path) for file in files), *extra])
        for folder in sorted({str(parent) for name, _ in named for parent in Path(name).parents} - {"."}):
            archive.addfile(_member(folder, tarfile.DIRTYPE, 0o755))
        for name, path in named:
            member = _member(name, tarfile.REGTYPE, 0o755 if path.stat().st_mode & 0o100 else 0o644)
            with path.open("rb") as stream:
                member.size = path.stat().st_size
                archive.addfile(member, stream)
    made.seek(0)
    return made


def text_context(files: Mapping[str, str]) -> IO[bytes]:
    """A context in memory, of a few small files: name -> text."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, text in files.items():
            content = text.encode()
            member = _member(name, tarfile.REGTYPE, 0o644)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    made.seek(0)
    return made


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = kind, mode
    # A fixed day: Python records a source's time in its bytecode, and the time 0 means "none" to zip files.
    member.mtime = 1_700_000_000
    return member
