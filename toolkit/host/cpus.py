"""Which CPUs the server and the loader of a local trial get.

The loader gets physical cores of its own, the server those that are left: two hardware threads of one core share its
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
    """The split of a machine for one trial, with what is imperfect about it."""

    server: tuple[int, ...]
    load: tuple[int, ...]
    caveats: tuple[str, ...]


def split_cpus(
    cores: Sequence[tuple[int, ...]], server: float | Literal["auto"], load: float | Literal["auto"]
) -> CpuSplit:
    """Divide `cores` for a server that asks for `server` CPUs (or all that are left) and a loader of `load` CPUs (or a
    quarter of them, since one core of rewrk can fill about three of a Python server). Pure.

    Raises GilfreeError when a number of CPUs is asked for that is not there.
    """
    load_cores = max(1, len(cores) // 4) if load == "auto" else math.ceil(load)
    if len(cores) == 1:
        return _one_core(cores[0], server)
    left = len(cores) - load_cores
    wanted = left if server == "auto" else math.ceil(server)
    if left < 1 or wanted > left:
        raise GilfreeError(
            f"resources: server {server} and load {load} CPUs need {load_cores + max(1, 0 if server == 'auto' else math.ceil(server))}"
            f" physical cores, this machine has {len(cores)} for us",
            "lower resources.server.cpus or resources.load.cpus in the scenario, or use a larger machine",
        )
    load_cpus = tuple(core[0] for core in cores[:load_cores])
    server_cpus = tuple(core[0] for core in cores[load_cores : load_cores + wanted])
    return CpuSplit(server_cpus, load_cpus, ())


def _one_core(core: tuple[int, ...], server: float | Literal["auto"]) -> CpuSplit:
    if server != "auto" and server > 1:
        raise GilfreeError(
            f"resources: server.cpus is {server}, this machine has one physical core for us",
            "lower resources.server.cpus in the scenario, or use a larger machine",
        )
    if len(core) > 1:
        return CpuSplit((core[1],), (core[0],), ("server and loader run on two hardware threads of one core",))
    return CpuSplit(core, core, ("server and loader share the only CPU",))
