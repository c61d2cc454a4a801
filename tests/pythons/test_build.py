"""Building: what fails half way is never found afterwards, and says why. With a tarball of our own, in seconds."""

from __future__ import annotations

import hashlib
import io
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from toolkit.agent.system import stat_fields
from toolkit.errors import GilfreeError
from toolkit.pythons.build import BUILD_NEEDS, build_pair, cached_pair
from toolkit.pythons.lock import LockedSeries
from toolkit.setup.packages import missing_needs

VERSION = "3.14.7"


def a_tarball(folder: Path, configure: str) -> LockedSeries:
    """An upstream tarball whose `configure` runs the given commands, in a folder that GILFREE_SOURCES can name."""
    file = folder / f"Python-{VERSION}.tar.xz"
    with tarfile.open(file, "w:xz") as archive:
        content = f"#!/bin/sh\n{configure}\n".encode()
        member = tarfile.TarInfo(f"Python-{VERSION}/configure")
        member.size, member.mode = len(content), 0o755
        archive.addfile(member, io.BytesIO(content))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return LockedSeries(version=VERSION, sha256=digest, requirements_sha256="0" * 64)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if missing_needs([need for need in BUILD_NEEDS if not need.optional]):
        build_needs = " ".join(need.package for need in missing_needs(BUILD_NEEDS))
        pytest.fail(f"a build needs these system packages: {build_needs}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GILFREE_SOURCES", str(tmp_path))
    return tmp_path


def leftovers(folder: Path) -> list[str]:
    return [str(path) for path in (folder / "cache" / "gilfree" / "pythons").glob("*/*") if path.name != ".lock"]


def test_a_build_that_fails_says_what_the_compiler_said_and_leaves_nothing(sources: Path) -> None:
    entry = a_tarball(sources, "echo 'configure: error: no acceptable C compiler found'; exit 77")
    said: list[str] = []
    with pytest.raises(GilfreeError, match="no acceptable C compiler"):
        build_pair(entry, "fast", said.append)
    assert leftovers(sources) == []
    assert cached_pair(entry, "fast") is None
    assert any(".log" in words for words in said)


def test_a_build_that_is_interrupted_ends_its_children_and_leaves_nothing(sources: Path) -> None:
    marker = sources / "child"
    entry = a_tarball(sources, f"echo $$ > {marker}; exec sleep 600")
    code = (
        "from toolkit.pythons.build import build_pair; from toolkit.pythons.lock import LockedSeries;"
        f"build_pair(LockedSeries(version='{VERSION}', sha256='{entry.sha256}', requirements_sha256='{'0' * 64}'), 'fast', print)"
    )
    builder = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (marker.exists() and marker.read_text().strip()) and time.monotonic() < deadline:
        assert builder.poll() is None
    builder.send_signal(signal.SIGINT)
    builder.wait(30)
    state = stat_fields(int(marker.read_text()))[:1]
    assert state in ([], ["Z"])  # gone, or dead and not yet collected by the machine's init
    assert leftovers(sources) == []


def test_an_interpreter_that_is_not_what_it_should_be_never_enters_the_cache(sources: Path) -> None:
    makefile = r"all:\npython:\n\ttouch python\ninstall:\n\tmkdir -p $(DESTDIR)$$(cat prefix)/bin\n\tln -s /bin/false $(DESTDIR)$$(cat prefix)/bin/python3\n"
    configure = (
        'for a in "$@"; do case $a in --prefix=*) echo "${a#--prefix=}" > prefix;; esac; done; touch python; '
        f"printf '{makefile}' > Makefile"
    )
    entry = a_tarball(sources, configure)
    with pytest.raises(GilfreeError, match="is not usable"):
        build_pair(entry, "fast", print)
    assert leftovers(sources) == []
