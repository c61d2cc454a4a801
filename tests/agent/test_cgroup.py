"""Memory, throttling and OOM kills are read on cgroup v1 and v2, on a host and inside a container.

The files' contents are as kernels write them; only one of the two versions can be mounted on the machine that tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.agent.system import Cgroup

V2 = {
    "cgroup.controllers": "cpuset cpu io memory pids\n",
    "cpu.stat": "usage_usec 900\nuser_usec 500\nsystem_usec 400\nnr_periods 40\nnr_throttled 3\nthrottled_usec 7000\n",
    "memory.current": "52428800\n",
    "memory.stat": "anon 40000000\nfile 12000000\ninactive_file 2428800\n",
    "memory.events": "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n",
}
V1_MEMORY = {
    "memory.usage_in_bytes": "52428800\n",
    "memory.stat": "cache 12000000\ninactive_file 1\ntotal_inactive_file 2428800\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
}
V1_CPU = {"cpu.stat": "nr_periods 40\nnr_throttled 3\nthrottled_time 7000000\n"}


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content)


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/", ""),  # in a container with a cgroup namespace of its own, as Docker makes on v2
        ("/system.slice/docker-1.scope", "system.slice/docker-1.scope"),  # the host's namespace
    ],
)
def test_version_2(tmp_path: Path, path: str, folder: str) -> None:
    write(tmp_path / "mount" / folder, V2)
    (tmp_path / "own").write_text(f"0::{path}\n")
    found = Cgroup(str(tmp_path / "own"), str(tmp_path / "mount"))
    assert found.version == 2
    assert found.memory() == {"working_set": 50_000_000, "oom_kills": 1}
    assert found.cpu() == {"periods": 40, "throttled": 3, "throttled_us": 7000}


@pytest.mark.parametrize("inside", [True, False])
def test_version_1(tmp_path: Path, inside: bool) -> None:
    folder = "" if inside else "docker/1"  # in a container its own folder is what is mounted
    write(tmp_path / "mount" / "memory" / folder, V1_MEMORY)
    write(tmp_path / "mount" / "cpu" / folder, V1_CPU)
    (tmp_path / "own").write_text("5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1\n0::/\n")
    found = Cgroup(str(tmp_path / "own"), str(tmp_path / "mount"))
    assert found.version == 1
    assert found.memory() == {"working_set": 50_000_000, "oom_kills": 1}
    assert found.cpu() == {"periods": 40, "throttled": 3, "throttled_us": 7000}


def test_where_none_can_be_read_nothing_is_throttled_and_no_memory_is_claimed(tmp_path: Path) -> None:
    found = Cgroup(str(tmp_path / "absent"), str(tmp_path))
    assert (found.version, found.memory()) == (0, {})
    assert found.cpu() == {"periods": 0, "throttled": 0, "throttled_us": 0}
