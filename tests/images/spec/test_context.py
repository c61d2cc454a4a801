"""A build's context has the same bytes for the same content."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from toolkit.images.spec.context import build_context
from toolkit.images.spec.inputs import ContextFile


def entries(folder: Path) -> list[ContextFile]:
    return [ContextFile("a/b.py", folder / "b.py", "b"), ContextFile("Dockerfile", folder / "d", "d")]


def test_times_owners_and_order_leave_no_trace(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("b")
    (tmp_path / "d").write_text("d")
    with build_context(entries(tmp_path)) as first:
        one = first.read()
    os.utime(tmp_path / "b.py", (1, 1))
    with build_context(list(reversed(entries(tmp_path)))) as second:
        assert second.read() == one


def test_folders_are_there_for_all_to_read_and_scripts_stay_executable(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("b")
    (tmp_path / "d").write_text("d")
    (tmp_path / "b.py").chmod(0o700)
    with build_context(entries(tmp_path)) as made, tarfile.open(fileobj=made) as archive:
        modes = {one.name: one.mode for one in archive}
    assert modes == {"a": 0o755, "a/b.py": 0o755, "Dockerfile": 0o644}
