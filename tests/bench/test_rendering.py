"""`gilfree cluster render`: the same bytes every time, no cluster and none of its library, settings and mistakes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.bench.goldens import CASES, GOLDEN, IMAGES, file_of, rendered
from toolkit.scenario.loading import load_scenario


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "toolkit.cli", "cluster", "render", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("case", CASES)
def test_manifests_are_as_they_were_kept(case: str) -> None:
    assert rendered(CASES[case]) == file_of(case).read_text(), "`make goldens` regenerates them; see `git diff`"


def test_every_golden_is_of_a_case() -> None:
    assert {file.stem for file in (GOLDEN / "jobs").glob("*.yaml")} == set(CASES)


def test_every_trial_of_every_block_has_its_own_job() -> None:
    one = load_scenario("asgi")
    jobs = list(yaml.safe_load_all(rendered(("asgi",))))
    names = {made["metadata"]["name"] for made in jobs}
    assert len(names) == len(jobs) == len(one.points()) * one.load.rounds * 2


def test_a_folder_gets_one_file_for_each_job_named_after_it(tmp_path: Path) -> None:
    done = run("asgi", "--blocks", "1", "--images", IMAGES, "--out", str(tmp_path / "new" / "jobs"))
    files = sorted((tmp_path / "new" / "jobs").iterdir())
    assert done.returncode == 0 and "6 Jobs in" in done.stderr and done.stdout == ""
    assert [file.stem for file in files] == [yaml.safe_load(file.read_text())["metadata"]["name"] for file in files]


def test_neither_a_cluster_nor_its_library_is_needed() -> None:
    code = (
        "import sys; sys.modules['kubernetes'] = sys.modules['docker'] = None\n"
        f"sys.argv = ['gilfree', 'cluster', 'render', 'asgi', '--blocks', '1', '--images', {IMAGES!r}]\n"
        "from toolkit.cli import main\nmain()"
    )
    environment = {"PATH": "/usr/bin:/bin", "KUBECONFIG": "/nonexistent", "HOME": "/nonexistent"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == file_of("asgi").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nope",), "there is no scenario 'nope'"),
        (("asgi", "--images", "a,b"), "2 given"),
        (("asgi", "--images", IMAGES, "--python", "3.9"), "not in gilfree.lock"),
        (("asgi", "--images", IMAGES, "--cluster", "none.yaml"), "there is no file none.yaml"),
        (("asgi", "--images", IMAGES, "--set", "server.cpu=1"), "did you mean 'cpus'?"),
        (("asgi", "--images", IMAGES, "--out", "/dev/null/x"), "cannot be written"),
    ],
)
def test_what_is_wrong_is_said_with_exit_code_2(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and words in done.stderr and "Traceback" not in done.stderr


def test_images_by_a_moving_name_are_told() -> None:
    done = run("asgi", "--blocks", "1", "--images", "app:1,app:2,load:1")
    assert done.returncode == 0 and "not named by digest" in done.stderr
