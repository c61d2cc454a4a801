"""A real knee of both variants, found, tried out and planned with, as a user does it. Minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.capacity.knee.profile import read_profile


@pytest.mark.slow
def test_a_knee_is_found_holds_when_tried_out_and_gives_manifests(tmp_path: Path) -> None:
    point = ["--point", "json-w1-t1-c128", "--blocks", "1", "--ladder", "2s", "--confirm", "4s"]
    limits = ["--limit", "foreign_cpu=0.5", "--limit", "steal=0.5"]  # this test is not about noise
    deploy = ["--manifests", str(tmp_path / "deploy"), "--images", "gil:1,free:1"]
    command = ["knee", "asgi", "--slo", "p99=50ms", *point, *limits, *deploy, "--verify", "--name", "run", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "toolkit.cli", *command, "--results", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )
    assert done.returncode == 0, done.stderr
    assert "estimate: about" in done.stderr
    found = json.loads(done.stdout)
    assert [one["holds"] for one in found["tried_out"]] == [True] * 4, found["tried_out"]
    profile = read_profile(tmp_path / "run-asgi")
    assert [len(one.knees_rps()) for one in profile.variants] == [1, 1]
    assert all(one.memory_high_mb and one.server_cpus_used for one in profile.variants)
    assert len(list((tmp_path / "deploy").rglob("*.yaml"))) == 6
