"""Which CPUs the server and the loader of a trial get.

The loader gets physical cores of its own and the server the remaining ones: two hardware threads of one core share its
arithmetic units, so a loader on the server's sibling would slow what it measures. One hardware thread of each core is
used; its sibling stays idle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit.agent.system import physical_cores as physical_cores
from toolkit.errors import GilfreeError


@dataclass(frozen=True)
class CpuSplit:
    """CPU numbers for the two sides of a trial; `caveats` say, in sentences, what is imperfect about the split.

    `*_quota`: how many CPUs a side may use on them where the scenario asks for a fraction; None: all of them.
    `shared`: both sides have the same CPUs, so that the loader's work is in the server's figures.
    """

    server: tuple[int, ...]
    load: tuple[int, ...]
    caveats: tuple[str, ...]
    server_quota: float | None = None
    load_quota: float | None = None
    shared: bool = False


def split_cpus(
    cores: Sequence[tuple[int, ...]],
    server: float | Literal["auto"],
    load: float | Literal["auto"],
    share: bool = False,
) -> CpuSplit:
    """Divide a machine's cores between the server and the loader. Pure.

    cores: for each physical core the numbers of its hardware threads. server, load: numbers of CPUs; a fraction is
    a quota on the next whole number of cores. `auto` is a quarter of the cores for the loader, at least one, since one
    core of rewrk can load about three of a Python server, and all remaining cores for the server. share: where there are
    too few cores for both, both get the server's.

    Raises GilfreeError when there are fewer cores than the scenario asks for.
    """
    load_cores = max(1, len(cores) // 4) if load == "auto" else math.ceil(load)
    if len(cores) == 1:
        return _one_core(cores[0], server, load)
    remaining = len(cores) - load_cores
    server_cores = remaining if server == "auto" else math.ceil(server)
    if share and server != "auto" and remaining < server_cores <= len(cores):
        return _shared(cores[:server_cores], server, load)
    if remaining < 1 or server_cores > remaining:
        raise GilfreeError(
            f"resources: server {server} and load {load} CPUs need {load_cores + max(1, server_cores)}"
            f" physical cores; gilfree may use {len(cores)} on this machine",
            "lower resources.server.cpus or resources.load.cpus in the scenario, or use a larger machine",
        )
    load_cpus = tuple(core[0] for core in cores[:load_cores])
    server_cpus = tuple(core[0] for core in cores[load_cores : load_cores + server_cores])
    return CpuSplit(server_cpus, load_cpus, _quota_caveats(server), _quota(server), _quota(load))


def _one_core(core: tuple[int, ...], server: float | Literal["auto"], load: float | Literal["auto"]) -> CpuSplit:
    if server != "auto" and server > 1:
        raise GilfreeError(
            f"resources: server.cpus is {server}; gilfree may use one physical core on this machine",
            "lower resources.server.cpus in the scenario, or use a larger machine",
        )
    quotas = _quota(server), _quota(load)
    if len(core) > 1:
        shared = "server and loader run on two hardware threads of one core"
        return CpuSplit((core[1],), (core[0],), (shared, *_quota_caveats(server)), *quotas)
    only = ("server and loader share the only CPU", *_quota_caveats(server))
    return CpuSplit(core, core, only, *quotas, shared=True)


def _shared(cores: Sequence[tuple[int, ...]], server: float, load: float | Literal["auto"]) -> CpuSplit:
    cpus = tuple(core[0] for core in cores)
    words = (
        f"server and loader share {len(cpus)} CPUs: the loader's work is in the figures, so a comparison shows a direction"
        " and no size"
    )
    return CpuSplit(cpus, cpus, (words, *_quota_caveats(server)), _quota(server), _quota(load), shared=True)


def _quota(cpus: float | Literal["auto"]) -> float | None:
    return None if cpus == "auto" or cpus == int(cpus) else cpus


def _quota_caveats(server: float | Literal["auto"]) -> tuple[str, ...]:
    quota = _quota(server)
    if quota is None:
        return ()
    return (f"the server has a quota of {quota:g} CPUs: when it has used it up it waits, which belongs to the figures",)
