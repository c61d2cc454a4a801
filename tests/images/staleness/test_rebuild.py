"""From one Python to the next: stale and why, built, tested, promoted, current again; and tags that stay when it fails.

The fast form runs the whole chain on the real engine with Dockerfiles that unpack a tarball instead of compiling it. The
slow one compiles the real 3.14.5, 3.14.6 and 3.14.7, whose tarballs it takes from GILFREE_SOURCES or Debian's archive.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.images.checks.results import CheckResult
from toolkit.images.progress import BuildProgress
from toolkit.images.registry import resolve
from toolkit.images.registry.engine_images import inspected
from toolkit.images.spec import inputs
from toolkit.images.spec.inputs import ImageSpec
from toolkit.images.staleness.observe import observe
from toolkit.images.staleness.rebuild import RebuildRequest, rebuild, run_checks
from toolkit.images.staleness.update import update
from toolkit.images.staleness.upstream import Fact, Upstream
from toolkit.pythons import sources
from toolkit.pythons.lock import LockedSeries, load_lock

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

REQUEST = RebuildRequest("3.14", "fast", None, "gilfree images rebuild")

RUNTIME = """ARG BASE
FROM ${BASE}
ARG VARIANT
COPY Python.tar.xz /
RUN tar -xOf /Python.tar.xz python3 > /usr/local/bin/python3 && chmod 755 /usr/local/bin/python3 && : "${VARIANT}"
"""
APP = """ARG RUNTIME
FROM ${RUNTIME}
COPY app /app
"""
LOAD = """ARG BASE
FROM ${BASE}
COPY Dockerfile /
RUN printf '#!/bin/sh\\necho {\\\\"python\\\\": \\\\"3\\\\", \\\\"wheels\\\\": [], \\\\"debian\\\\": [], \\\\"release\\\\": \\\\"debian\\\\"}\\n' \
  > /usr/bin/python3 && chmod 755 /usr/bin/python3
"""
Put = Callable[..., None]


@pytest.fixture(scope="module")
def mark() -> Iterator[str]:
    """Begins the names of all repositories here. Images stay until the last test: one test finds what another built."""
    from toolkit.engine.client import connected

    begin = f"gilfree-test-{os.getpid()}"
    yield begin
    with connected() as client:
        for kind in ("app", "python", "load"):
            for tag in [tag for image in client.images.list(f"{begin}-{kind}") for tag in image.tags]:
                client.images.remove(tag, force=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path, mark: str) -> Path:
    """A copy of images/ and gilfree.lock, a folder as the only source, and repositories that are nobody else's."""
    shutil.copytree(paths.shipped("images"), tmp_path / "images")
    shutil.copy(paths.shipped("gilfree.lock"), tmp_path / "gilfree.lock")
    real = paths.shipped
    monkeypatch.setattr(
        paths, "shipped", lambda name: tmp_path / name if name in ("images", "gilfree.lock") else real(name)
    )
    for module, name in ((inputs, "runtime_image"), (inputs, "app_image"), (resolve, "load_image")):
        monkeypatch.setattr(module, name, _renamed(getattr(module, name), mark))
    (tmp_path / "sources").mkdir()
    monkeypatch.setenv("GILFREE_SOURCES", str(tmp_path / "sources"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")  # it is not what is tested here
    return tmp_path


def _renamed(make: Callable[..., ImageSpec], mark: str) -> Callable[..., ImageSpec]:
    def renamed(*given: Any) -> ImageSpec:
        one = make(*given)
        return replace(one, repository=one.repository.replace("gilfree", mark))

    return renamed


@pytest.fixture
def cheap(project: Path) -> Put:
    """Dockerfiles that take a second, and tarballs that hold an interpreter's answer alone; the lock is at 3.14.5."""
    for kind, text in (("cpython", RUNTIME), ("app", APP), ("load", LOAD)):
        (project / "images" / kind / "Dockerfile").write_text(text)

    def put(version: str) -> None:
        answer = f'{{"python": "{version}", "wheels": [], "debian": [], "release": "debian"}}'
        content = f"#!/bin/sh\necho '{answer}'\n".encode()
        with tarfile.open(project / "sources" / f"Python-{version}.tar.xz", "w") as archive:
            member = tarfile.TarInfo("python3")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

    put("3.14.5")
    update("3.14.5", Upstream(Fact(("3.14.5",)), None), lambda words: None)
    return put


def fine(
    client: DockerClient, images: Sequence[ImageSpec], request: RebuildRequest, progress: BuildProgress
) -> list[CheckResult]:
    """Stands for the tests of real images, which have tests of their own."""
    return [CheckResult(one.title, "is there", "" if inspected(client, one.name) else "it is not") for one in images]


def broken(
    client: DockerClient, images: Sequence[ImageSpec], request: RebuildRequest, progress: BuildProgress
) -> list[CheckResult]:
    """One of the pair does not pass."""
    return [*fine(client, images, request, progress), CheckResult("app 3.14t (fast)", "the GIL is off", "it is on")]


def states() -> list[str]:
    return [one.words() for one in observe("3.14", "fast", None, prereleases=False).statuses]


def tags(client: DockerClient, moved: dict[str, str]) -> dict[str, str]:
    return {tag: str((inspected(client, tag) or {}).get("Id")) for tag in moved}


def test_two_version_changes_in_a_row(cheap: Put, client: DockerClient, progress: BuildProgress) -> None:
    first = rebuild(REQUEST, progress, fine)
    assert states() == ["current (local base)"] * 5 and len(first.moved) == 5 and first.old is None
    before = first
    for old, new in (("3.14.5", "3.14.6"), ("3.14.6", "3.14.7")):
        cheap(new)
        assert states() == [f"stale because python {old} -> {new}"] * 4 + ["current (local base)"]
        done = rebuild(REQUEST, progress, fine)
        assert list(done.changes) == [f"python {old} -> {new}"] and load_lock().resolve("3.14").version == new
        assert [f"python {old} -> {new}" in one.why for one in done.built] == [True] * 4 + [False]
        assert states() == ["current (local base)"] * 5
        assert done.old == before.new and done.moved.keys() == before.moved.keys()
        assert [tags(client, done.moved)[tag] for tag in done.moved] == [
            str((inspected(client, name) or {})["Id"]) for name in done.moved.values()
        ]
        before = done


def test_nothing_changed_is_nothing_done(cheap: Put, progress: BuildProgress) -> None:
    rebuild(REQUEST, progress, fine)
    again = rebuild(REQUEST, progress, broken)  # not even tested
    assert (again.built, again.check_results, again.moved) == ((), (), {})


def test_images_are_judged_by_their_own_labels_where_the_cache_folder_is_lost(
    cheap: Put, progress: BuildProgress, cache: Path
) -> None:
    rebuild(REQUEST, progress, fine)
    (cache / "gilfree" / "images" / "state.json").unlink()
    assert states() == ["current (local base)"] * 5


def test_a_new_series_is_announced_and_not_built(cheap: Put, progress: BuildProgress) -> None:
    rebuild(REQUEST, progress, fine)
    cheap("3.15.0rc1")
    assert rebuild(REQUEST, progress, fine).built == ()
    assert set(load_lock().series) == {"3.14"}


def test_a_failed_test_moves_no_tag_and_the_next_rebuild_goes_on(
    cheap: Put, client: DockerClient, progress: BuildProgress
) -> None:
    first = rebuild(REQUEST, progress, fine)
    before = tags(client, first.moved)
    cheap("3.14.16")  # a version of its own: no other test has built it
    done = rebuild(REQUEST, progress, broken)
    assert [one.problem for one in done.failed] == ["it is on"] and done.moved == {}
    assert tags(client, first.moved) == before
    again = rebuild(REQUEST, progress, fine)
    assert all(one.why == () for one in again.built)  # built already; tested and promoted now
    assert again.old == first.new and tags(client, again.moved) != before


def test_a_build_that_fails_half_way_moves_no_tag(
    cheap: Put, client: DockerClient, progress: BuildProgress, project: Path
) -> None:
    first = rebuild(REQUEST, progress, fine)
    before = tags(client, first.moved)
    cheap("3.14.26")
    dockerfile = project / "images" / "cpython" / "Dockerfile"
    dockerfile.write_text(f'{RUNTIME}RUN test -z "${{VARIANT}}" # the second of the pair fails\n')
    with pytest.raises(GilfreeError, match=r"python 3\.14t \(fast\) failed at step"):
        rebuild(REQUEST, progress, fine)
    assert tags(client, first.moved) == before
    assert states()[1] == "stale because images/cpython/Dockerfile changed; python 3.14.5 -> 3.14.26"


def test_a_tarball_with_a_wrong_hash_is_refused_before_anything_is_built(
    cheap: Put, client: DockerClient, progress: BuildProgress, project: Path
) -> None:
    first = rebuild(REQUEST, progress, fine)
    before, lock = tags(client, first.moved), (project / "gilfree.lock").read_text()
    cheap("3.14.6")
    (project / "sources" / "SHA256SUMS").write_text(f"{'0' * 64}  Python-3.14.6.tar.xz\n")
    with pytest.raises(GilfreeError, match="refused"):
        rebuild(REQUEST, progress, fine)
    assert tags(client, first.moved) == before and (project / "gilfree.lock").read_text() == lock


def test_a_tarball_that_is_not_the_locks_is_refused(
    cheap: Put, progress: BuildProgress, project: Path, cache: Path
) -> None:
    cheap("3.14.36")
    update("3.14.36", Upstream(Fact(("3.14.36",)), None), lambda words: None)
    shutil.rmtree(cache / "gilfree" / "sources")
    (project / "sources" / "Python-3.14.36.tar.xz").write_bytes(b"something else")
    with pytest.raises(GilfreeError, match=r"gilfree\.lock has [0-9a-f]{64}: refused"):
        rebuild(REQUEST, progress, fine)


def test_sources_that_do_not_answer_rebuild_nothing(
    cheap: Put, progress: BuildProgress, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild(REQUEST, progress, fine)
    monkeypatch.setenv("GILFREE_SOURCES", "http://127.0.0.1:1/")
    assert states()[0].startswith("unknown because the newest 3.14 cannot be learnt")
    with pytest.raises(GilfreeError, match=r"not rebuilt: .* cannot be learnt") as caught:
        rebuild(REQUEST, progress, fine)
    assert caught.value.exit_code == 2


@pytest.mark.slow
def test_the_real_3_14_5_to_3_14_6_to_3_14_7(project: Path, client: DockerClient) -> None:
    """Real compiles of three pairs, each tested in containers of it: many minutes."""
    folder, progress = project / "sources", BuildProgress()
    for number, version in enumerate(("3.14.5", "3.14.6", "3.14.7")):
        _real_tarball(version, folder, REAL_SOURCES)
        if number == 0:
            update(version, Upstream(Fact((version,)), None), print)
        else:
            before = f"3.14.{5 + number - 1}"
            assert states()[:4] == [f"stale because python {before} -> {version}"] * 4
        done = rebuild(replace(REQUEST, child=False), progress, run_checks)
        assert done.failed == [] and len(done.moved) == 5
        assert states() == ["current (local base)"] * 5
        for name, flag in zip(done.new or (), ("1", "0"), strict=True):
            output = client.containers.run(
                name,
                ["-c", "import sys; print(sys.version.split()[0], int(sys._is_gil_enabled()))"],
                entrypoint="/usr/local/bin/python3",
                remove=True,
            )
            assert output.decode().split() == [version, flag]


REAL_SOURCES = os.environ.get("GILFREE_SOURCES")


def _real_tarball(version: str, folder: Path, given: str | None) -> None:
    """The real tarball from where a user has it, else from Debian's archive, into the folder that the test asks."""
    entry = LockedSeries(version=version, sha256="0" * 64, requirements_sha256="0" * 64)
    target, tried = folder / entry.tarball, []
    places: list[Callable[[Path], None]] = []
    if given is not None and "://" not in given:
        places.append(lambda to: sources.copy(Path(given) / entry.tarball, to))
    elif given is not None:
        places.append(lambda to: sources.download(f"{given.rstrip('/')}/{entry.tarball}", to))
    for archive in sources.debian_archives():
        places.append(lambda to, a=archive: sources.download(sources.debian_file(a, entry), to))  # type: ignore[misc]
    for fetch in places:
        try:
            fetch(target)
            return
        except sources.SourceUnavailable as reason:
            tried.append(str(reason))
    pytest.skip(f"{entry.tarball} is not to be had ({'; '.join(tried)}); to enable: GILFREE_SOURCES=<folder with it>")
