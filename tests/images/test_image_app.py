"""Apps in images are imported where they are: the same answers and words as for interpreters of this machine."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.bench.docker import check_apps
from toolkit.engine.client import connected
from toolkit.errors import GilfreeError
from toolkit.images.image_app import app_probe_command, check_image_apps, probed_apps
from toolkit.images.spec.inputs import ImageSpec
from toolkit.scenario.loading import scenario_for_app
from toolkit.trial.contract import ImageRef

SERVICE = """
import os, sys
async def app(scope, receive, send): ...
def create_app(): return app
"""
BROKEN = "import os\nprint('noise')\nDSN = os.environ['ORDERS_DSN']\napp = None\n"
CRASHES = "import os\nos.abort()\n"
MODULES = {"service": SERVICE, "broken": BROKEN, "crashes": CRASHES}

REFUSED = [
    ("service:create_app", "service:create_app is a factory, not an app"),
    ("broken:app", r"importing broken fails: KeyError: 'ORDERS_DSN' \((/.*)?broken.py:3\)"),
    ("crashes:app", r"importing crashes ended the process \(signal 6\)"),
    ("absent:app", "there is no module absent"),
]


def imported_here(folder: Path, *targets: str) -> str:
    """What the command of a container prints when it is run in `folder` of this machine."""
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    apps = probed_apps([scenario_for_app(target, "asgi", "/", None) for target in targets])
    _, *options, argument = app_probe_command(apps)
    argument = json.dumps({**json.loads(argument), "cwd": str(folder), "timeout_seconds": 20})
    return subprocess.run([sys.executable, *options, argument], capture_output=True, text=True, check=True).stdout


def judged(output: str, *targets: str) -> None:
    check_image_apps(output, probed_apps([scenario_for_app(target, "asgi", "/", None) for target in targets]), "shop:1")


@pytest.mark.parametrize(("target", "words"), REFUSED)
def test_an_app_that_cannot_be_served_is_refused_by_image_and_reason(tmp_path: Path, target: str, words: str) -> None:
    with pytest.raises(GilfreeError, match=f"shop:1: {words}") as refused:
        judged(imported_here(tmp_path, "service:app", target), "service:app", target)
    assert refused.value.remedy


def test_an_app_that_can_be_served_passes(tmp_path: Path) -> None:
    judged(imported_here(tmp_path, "service:app"), "service:app")


def test_the_import_has_the_servers_environment_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_DSN", "of the container")
    with pytest.raises(GilfreeError, match="ORDERS_DSN"):
        judged(imported_here(tmp_path, "broken:app"), "broken:app")


@pytest.mark.parametrize("output", ["", "Killed", '[{"stdout": "", "stderr": "", "code": -9}]'])
def test_a_container_that_gave_no_answer_says_nothing_about_the_app(output: str) -> None:
    judged(output, "service:app")


@pytest.fixture
def with_modules(built_images: list[ImageSpec]) -> Iterator[ImageRef]:
    """The free-threaded app image with MODULES in its app folder."""
    (app,) = (one.name for one in built_images if (one.kind, one.variant) == ("app", "3.14t"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in MODULES.items():
            entry = tarfile.TarInfo(f"{name}.py")
            entry.size, entry.mode = len(text), 0o644
            archive.addfile(entry, io.BytesIO(text.encode()))
    with connected() as client:
        container = client.containers.create(app)
        try:
            container.put_archive("/app", packed.getvalue())
            image = container.commit("gilfree-test/modules", "1")
        finally:
            container.remove(force=True)
        try:
            yield ImageRef("app", "3.14t", "", str(image.id))
        finally:
            client.images.remove(str(image.id), force=True)


@pytest.mark.engine
def test_in_a_container_the_answers_are_the_same(with_modules: ImageRef) -> None:
    def check(target: str) -> None:
        apps = probed_apps([scenario_for_app(target, "asgi", "/", None)])
        with connected() as client:
            check_apps(client, [with_modules], [with_modules.name], apps)

    check("service:app")
    for target, words in REFUSED:
        with pytest.raises(GilfreeError, match=words):
            check(target)
