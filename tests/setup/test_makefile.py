"""Variables of make are options of gilfree; what make cannot do it says."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("PYTHON", "SCENARIO", "BACKEND", "BLOCKS", "BUDGET", "DURATION", "PROFILE", "FULL", "RESUME", "NAME", "LIMIT")
MAKES = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # of the `make test` that runs this


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in (*OURS, *MAKES)}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def bench(*variables: str) -> list[str]:
    """The arguments that `make bench` would call gilfree with."""
    lines = make("--dry-run", "bench", *variables).stdout.splitlines()
    (line,) = [line for line in lines if "gilfree bench" in line]
    return shlex.split(line)[2:]


def test_without_variables_it_is_a_quick_run_of_all_three_on_this_machine() -> None:
    assert " ".join(bench()) == "--python 3.14 --scenario asgi,wsgi,wsgi-threads --backend local --profile fast"


@pytest.mark.parametrize(
    ("variable", "option"),
    [
        ("PYTHON=3.14.7", "--python 3.14.7"),
        ("SCENARIO=asgi", "--scenario asgi"),
        ("BLOCKS=3", "--blocks 3"),
        ("BUDGET=14m", "--budget 14m"),
        ("DURATION=2s", "--duration 2s"),
        ("PROFILE=release", "--profile release"),
        ("FULL=1", "--full"),
        ("RESUME=last", "--resume last"),
    ],
)
def test_a_variable_is_its_option(variable: str, option: str) -> None:
    assert option in " ".join(bench(variable))


def test_a_resumed_run_keeps_what_it_began_with_and_what_is_asked_for_is_passed_on() -> None:
    assert bench("RESUME=last", "BLOCKS=3", "LIMIT=steal=0.1") == [
        *("--blocks", "3", "--resume", "last", "--limit", "steal=0.1"),
    ]
    assert "--scenario asgi" in " ".join(bench("RESUME=last", "SCENARIO=asgi"))  # bench refuses it by name


def test_where_images_come_from_is_no_concern_of_this_machine() -> None:
    elsewhere = ["REGISTRY=localhost:5000", "CONTEXT=prod", "NAMESPACE=load", "YES=1"]
    options = "--registry localhost:5000 --context prod --namespace load --yes"
    assert options in " ".join(bench("BACKEND=kubernetes", *elsewhere))
    assert "--registry" not in bench(*elsewhere)


def test_an_empty_variable_is_no_option() -> None:
    assert bench("PYTHON=", "SCENARIO=", "BACKEND=", "PROFILE=", "BLOCKS=", "FULL=0", "RESUME=") == []


def test_where_there_is_no_python_the_remedy_is_said() -> None:
    done = make("setup", "PYTHON3=python-nowhere")
    assert done.returncode == 2
    assert "python-nowhere" in done.stderr and "remedy" in done.stderr


def test_help_names_every_target_that_the_docs_name() -> None:
    listed = make("help").stdout
    for target in ("bench", "test", "test-slow", "lint", "bench-overhead", "pythons", "doctor", "clean"):
        assert f"make {target} " in listed
