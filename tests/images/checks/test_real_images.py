"""The images that users get, built fast: everything that `gilfree images test` requirements holds of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolkit.engine.containers import create, run
from toolkit.images.checks.collect import RESTRICTED, collect_facts
from toolkit.images.checks.results import check_results
from toolkit.images.progress import BuildProgress
from toolkit.images.registry.engine_images import inspected
from toolkit.images.registry.resolve import resolve
from toolkit.images.spec.inputs import ImageSpec
from toolkit.images.spec.network import Network
from toolkit.trial.contract import SERVER_PYTHON

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

GILFREE = [sys.executable, "-m", "toolkit.cli"]
ORDERS = Path(__file__).parents[2] / "e2e" / "orders"


def gilfree(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GILFREE, "images", *arguments], capture_output=True, text=True, env={**os.environ, **environment}, timeout=600
    )


def test_everything_claimed_of_the_images_holds(
    client: DockerClient, built_images: list[ImageSpec], progress: BuildProgress
) -> None:
    results = check_results(collect_facts(client, built_images, Network(), progress))
    assert [one for one in results if not one.passed] == []
    requirements = [one.requirement for one in results if one.subject.startswith("app 3.14t")]
    for app in ("asgi:app", "wsgi:app"):
        assert f"the GIL is off in {app} after them" in requirements
    assert "the GIL is off after importing every package" in requirements


def test_the_pair_is_resolved_by_content(built_images: list[ImageSpec]) -> None:
    found = resolve("3.14", "fast")
    apps = [one for one in built_images if one.kind == "app"]
    assert [found.gil.id, found.free_threaded.id] == [one.id for one in apps]
    assert found.gil.name.startswith("gilfree-app:3.14.") and "t-" in found.free_threaded.name


def test_a_build_with_nothing_to_do_takes_under_two_seconds_and_no_network(built_images: list[ImageSpec]) -> None:
    nowhere = {"https_proxy": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "GILFREE_SOURCES": "/nowhere"}
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        done = gilfree("build", "--profile", "fast", **nowhere)
        seconds.append(time.monotonic() - started)
        assert done.returncode == 0, done.stderr
        assert f"0 built, {len(built_images)} current" in done.stdout
    assert min(seconds) < 2  # the best of three: other work shares this machine


def test_no_image_has_more_than_the_official_recipe_above_its_base(
    client: DockerClient, built_images: list[ImageSpec]
) -> None:
    base = inspected(client, "debian:trixie-slim")
    assert base is not None
    for one in built_images:
        if one.kind == "python":
            found = inspected(client, one.name)
            assert found is not None and found["Size"] - base["Size"] <= 38.9e6


def test_what_an_image_is_made_of_can_be_read_from_the_image(
    client: DockerClient, built_images: list[ImageSpec]
) -> None:
    from toolkit.images.registry.engine_images import labels_of
    from toolkit.images.spec.inputs import content_id

    for one in built_images:
        labels = labels_of(inspected(client, one.name))
        assert content_id(json.loads(labels["inputs"])) == labels["id"] == one.id


def test_a_users_project_is_added_to_both_variants(
    client: DockerClient, built_images: list[ImageSpec], tmp_path: Path
) -> None:
    import shutil

    project = tmp_path / "my-orders"
    shutil.copytree(ORDERS, project)
    (project / ".env").write_text("SECRET=never in an image")
    done = gilfree("build", "--profile", "fast", "--project", str(project), "--app", "orders.service:app", "--json")
    assert done.returncode == 0, done.stderr
    mine = [one for one in json.loads(done.stdout) if one["name"].startswith("gilfree-app-my-orders:")]
    try:
        assert [one["variant"] for one in mine] == ["3.14", "3.14t"]
        images = resolve("3.14", "fast", project="my-orders")
        assert [images.gil.name, images.free_threaded.name] == [one["name"] for one in mine]
        for image, with_gil in ((images.gil, True), (images.free_threaded, False)):
            ended, out, errors = run(
                client,
                image.name,
                [
                    SERVER_PYTHON,
                    "-c",
                    "import os, sys, orders.service; print(sys._is_gil_enabled(), os.listdir('/app'))",
                ],
                purpose="test",
                timeout_seconds=60,
                **RESTRICTED,
            )
            assert ended.code == 0, errors
            assert out.startswith(f"{with_gil} ") and ".env" not in out
            config = (inspected(client, image.name) or {})["Config"]
            with create(
                client, image.name, [*config["Entrypoint"], *config["Cmd"]], purpose="test", **RESTRICTED
            ) as one:
                one.start()
                ask = [*config["Healthcheck"]["Test"][1:]]
                deadline = time.monotonic() + 30
                while (code := one.container.exec_run(ask).exit_code) and time.monotonic() < deadline:
                    time.sleep(0.1)
                assert code == 0, one.errors()
    finally:
        for image in mine:
            client.images.remove(image["name"], force=True)
