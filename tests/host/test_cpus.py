"""Server and loader get physical cores of their own wherever there are enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import GilfreeError
from toolkit.host.cpus import CpuSplit, physical_cores, split_cpus


def test_the_server_gets_the_cores_that_the_loader_leaves() -> None:
    assert split_cpus([(0, 4), (1, 5), (2, 6), (3, 7)], "auto", 1) == CpuSplit((1, 2, 3), (0,), ())


def test_a_loader_never_sits_on_the_servers_hyperthread_sibling() -> None:
    cores = [(0, 2), (1, 3)]
    found = split_cpus(cores, "auto", 1)
    assert not any(set(core) & set(found.server) and set(core) & set(found.load) for core in cores)


def test_on_one_core_they_share_it_and_that_is_said() -> None:
    assert split_cpus([(0, 1)], "auto", 1) == CpuSplit(
        (1,), (0,), ("server and loader run on two hardware threads of one core",)
    )
    assert split_cpus([(0,)], "auto", 1).caveats == ("server and loader share the only CPU",)


def test_with_too_few_cores_both_get_the_servers_where_the_scenario_allows_it() -> None:
    found = split_cpus([(0,), (1,)], 2, 1, share=True)
    assert (found.server, found.load, found.shared) == ((0, 1), (0, 1), True)
    assert "server and loader share 2 CPUs" in found.caveats[0]
    assert split_cpus([(0,)], "auto", 1).shared


@given(st.integers(2, 64), st.integers(1, 64), st.integers(1, 64))
def test_cpus_are_shared_only_where_there_are_too_few(cores: int, server: int, load: int) -> None:
    machine = [(cpu,) for cpu in range(cores)]
    if server + load <= cores:
        assert split_cpus(machine, server, load, share=True) == split_cpus(machine, server, load)
    elif server <= cores:
        found = split_cpus(machine, server, load, share=True)
        assert found.server == found.load == tuple(range(server))
    else:
        with pytest.raises(GilfreeError, match="physical core"):
            split_cpus(machine, server, load, share=True)


@pytest.mark.parametrize(("cores", "server", "load"), [(2, 2, 1), (1, 2, 1), (2, "auto", 2), (4, 4, 1)])
def test_more_cpus_than_there_are_is_refused(cores: int, server: float, load: float) -> None:
    with pytest.raises(GilfreeError, match="physical core"):
        split_cpus([(cpu,) for cpu in range(cores)], server, load)


@given(st.integers(2, 64), st.integers(1, 8))
def test_no_cpu_is_given_twice(cores: int, load: int) -> None:
    if load >= cores:
        return
    found = split_cpus([(cpu, cpu + cores) for cpu in range(cores)], "auto", load)
    assert len(found.load) == load
    assert len(found.server) == cores - load
    assert not set(found.server) & set(found.load)


def test_this_machine_has_a_core() -> None:
    assert physical_cores()[0]


@pytest.mark.parametrize(("cores", "loader"), [(2, 1), (4, 1), (8, 2), (16, 4)])
def test_a_large_machine_gives_its_loader_more_cores(cores: int, loader: int) -> None:
    found = split_cpus([(cpu,) for cpu in range(cores)], "auto", "auto")
    assert (len(found.load), len(found.server)) == (loader, cores - loader)


def test_a_share_of_a_cpu_is_a_quota_on_a_core_and_never_a_whole_one() -> None:
    found = split_cpus([(0,), (1,), (2,)], 1.5, 0.5)
    assert (found.server, found.server_quota, found.load, found.load_quota) == ((1, 2), 1.5, (0,), 0.5)
    assert "quota of 1.5 CPUs" in found.caveats[0]
    one_core = split_cpus([(0,)], 0.5, 1)
    assert (one_core.server, one_core.server_quota, one_core.load_quota) == ((0,), 0.5, None)


@pytest.mark.parametrize("server", [1, 2.0, "auto"])
def test_whole_cpus_have_no_quota(server: float) -> None:
    found = split_cpus([(0,), (1,), (2,)], server, "auto")
    assert (found.server_quota, found.load_quota, found.caveats) == (None, None, ())
