"""What is reported of this machine: a line for each thing that a run needs, with a remedy for each that is missing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from toolkit.doctor import machine_checks
from toolkit.doctor.machine_checks import build_needs, cargo_too_old, checks, pair_here
from toolkit.errors import GilfreeError
from toolkit.loadgen import binaries
from toolkit.pythons.lock import LockedSeries, load_lock
from toolkit.pythons.pair import Pair
from toolkit.setup import packages
from toolkit.setup.needs import Need

ABSENT = Need("libabsent-dev", header="no/such/header.h")
OPTIONAL = Need("libnicer-dev", header="no/such/other.h", optional=True)


@pytest.fixture
def entry() -> LockedSeries:
    return load_lock().resolve("3.14")


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_a_built_pair_is_found_and_what_it_is_stands_in_its_line(entry: LockedSeries, pair: Pair) -> None:
    found = {one.name: one for one in checks(entry, pair)}
    line = found[f"pair {entry.version} and {entry.version}t"]
    assert line.state == "here"
    assert pair.profile in line.detail and pair.origin in line.detail


def test_everything_a_run_needs_has_a_line_and_whatever_is_not_here_a_remedy(
    entry: LockedSeries, empty_cache: Path
) -> None:
    found = checks(entry, None)
    names = [one.name for one in found]
    for name in ("system", "CPUs", "memory limit", "space for builds", "uv", "to build CPython", "rewrk", "Docker"):
        assert name in names
    assert [one for one in found if one.state != "here" and not one.remedy] == []


def test_with_an_empty_cache_the_pair_is_still_to_be_made_and_looking_makes_nothing(
    entry: LockedSeries, empty_cache: Path
) -> None:
    assert pair_here(entry) is None
    assert machine_checks.interpreters(entry, None).state == "to be made"
    assert [file for file in empty_cache.rglob("*") if file.is_file()] == []


def test_a_missing_header_is_named_with_the_one_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks, "root_prefix", lambda: None)
    found = build_needs("to build it", [ABSENT, OPTIONAL], needed=True)
    assert found.state == "missing"
    assert "libabsent-dev" in found.detail and "libnicer-dev" not in found.detail
    assert "apt-get install" in found.remedy and "libabsent-dev" in found.remedy


def test_a_missing_header_is_no_fault_when_nothing_has_to_be_built() -> None:
    assert build_needs("to build it", [ABSENT], needed=False).state == "optional"


def test_an_optional_header_is_named_but_is_never_a_fault() -> None:
    found = build_needs("to build it", [OPTIONAL], needed=True)
    assert found.state == "here" and "libnicer-dev" in found.detail


def test_headers_in_the_compiler_s_own_folders_count(tmp_path: Path) -> None:
    assert packages.missing_needs([Need("libc6-dev", header="stdio.h")]) == []


def test_a_full_disk_is_missing_space_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks, "NEEDED_BYTES", 1 << 60)
    found = machine_checks.space()
    assert found.state == "missing" and "XDG_CACHE_HOME" in found.remedy


def test_an_engine_that_does_not_answer_is_told_and_hinders_no_local_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such/socket")
    found = machine_checks.docker()
    assert found.state == "optional"
    assert "BACKEND=docker" in found.remedy or "gilfree[docker]" in found.remedy


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", None])
def test_a_cluster_that_is_not_there_is_told_and_hinders_no_local_run(
    address: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    if address:
        config.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: here\nusers: []\n"
            f"clusters: [{{name: here, cluster: {{server: '{address}'}}}}]\n"
            "contexts: [{name: here, context: {cluster: here, user: ''}}]\n"
        )
    monkeypatch.setenv("KUBECONFIG", str(config))
    if importlib.util.find_spec("kubernetes"):  # where it looks was fixed when it was imported
        location = importlib.import_module("kubernetes.config.kube_config")
        monkeypatch.setattr(location, "KUBE_CONFIG_DEFAULT_LOCATION", str(config))
    found = machine_checks.kubernetes()
    assert found.state == "optional"
    assert "BACKEND=kubernetes" in found.remedy or "gilfree[kubernetes]" in found.remedy


def test_a_check_that_breaks_hides_none_of_the_others(entry: LockedSeries, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> machine_checks.MachineCheck:
        raise PermissionError(13, "Permission denied", "/sys/fs/cgroup")

    def refused() -> machine_checks.MachineCheck:
        raise GilfreeError("uv is not installed", "pip install uv")

    monkeypatch.setattr(machine_checks, "limit", broken)
    monkeypatch.setattr(machine_checks, "uv_itself", refused)
    found = {one.name: one for one in checks(entry, None)}
    assert found["memory limit"].state == "missing" and "/sys/fs/cgroup" in found["memory limit"].detail
    assert found["uv"].remedy == "pip install uv"
    assert found["system"].state == "here"


@pytest.mark.parametrize(("needed", "count"), [("0.1", 0), ("999.0", 1)])
def test_a_cargo_too_old_is_told_with_the_way_to_a_newer_one(needed: str, count: int) -> None:
    if binaries.cargo_version() is None:
        count = 0  # without any cargo it is a system package that is missing
    found = cargo_too_old(needed)
    assert len(found) == count
    assert all("rustup" in one.remedy for one in found)


def test_the_check_of_the_memory_limit_leaves_no_cgroup(tmp_path: Path) -> None:
    machine_checks.limit()
    assert list(Path("/sys/fs/cgroup").glob("**/gilfree-doctor-*")) == []
