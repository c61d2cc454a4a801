"""The cheapest mix of node types by integer programming (scipy's milp, which is HiGHS), with a proven lower bound.

For pods of one size the program is exact: it counts pods per node. For several sizes it treats all nodes of a type as one
large node, so its optimum is a lower bound of any packing; free CPU and memory are rounded down to what sums of the pods'
sizes can fill.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from toolkit.capacity.nodes.catalogue import NodeType
from toolkit.capacity.placement.scheduler import Workload

MOST_NODES = 15_000
"""Kubernetes supports 5,000 nodes in a cluster; more than three times as many is a mistake in the input."""
SOLVER_SECONDS = 1.0
ONE_SIZE_GAP, SIZES_GAP = 1e-6, 1e-3


def cheapest_mix(
    workloads: Sequence[Workload], types: Sequence[NodeType], spare: int = 0
) -> tuple[list[int] | None, float]:
    """Counts of the cheapest mix by index of type, and the proven lower bound of the price of any mix an hour.

    The counts are None when the solver found no mix. `spare` nodes are considered for pods of one size only. Variables of
    the program: x (whole nodes of each type) and y (pods of each size on each type).
    """
    from scipy.optimize import Bounds, LinearConstraint  # type: ignore[import-untyped]
    from scipy.sparse import lil_array  # type: ignore[import-untyped]

    pods = _by_size(workloads)
    kinds, sizes = len(types), len(pods)
    per_node = [[one.pods_that_fit(*size) for one in types] for size in pods]
    if sizes == 1:
        return _one_size(per_node[0], next(iter(pods.values())), types, spare)
    most = [_most(one, sum(pods.values())) for one in types]
    columns = kinds + kinds * sizes
    cost = np.zeros(columns)
    cost[:kinds] = [one.price_hour for one in types]
    room = lil_array((kinds * (3 + sizes), columns))
    row = 0
    for kind, one in enumerate(types):
        for free, requests in (
            (one.free_cpu_millis, [size[0] for size in pods]),
            (one.free_memory_bytes, [size[1] for size in pods]),
            (one.free_pods, [1] * sizes),
        ):
            step = math.gcd(*requests) or 1
            room[row, kind] = -(free // step)
            for index, amount in enumerate(requests):
                room[row, kinds + index * kinds + kind] = amount / step
            row += 1
        for index in range(sizes):
            room[row, kind] = -per_node[index][kind]
            room[row, kinds + index * kinds + kind] = 1
            row += 1
    every = lil_array((sizes, columns))
    for index in range(sizes):
        every[index, kinds + index * kinds : kinds + (index + 1) * kinds] = 1
    upper = np.concatenate([most, np.repeat(list(pods.values()), kinds)]).astype(float)
    found = _solve(
        cost,
        constraints=[
            LinearConstraint(room.tocsr(), -np.inf, 0),
            LinearConstraint(every.tocsr(), list(pods.values()), np.inf),
        ],
        integrality=np.concatenate([np.ones(kinds), np.zeros(columns - kinds)]),
        bounds=Bounds(0, upper),
        gap=SIZES_GAP,
    )
    return _solution(found, kinds)


def _one_size(
    per_node: Sequence[int], pods: int, types: Sequence[NodeType], spare: int
) -> tuple[list[int] | None, float]:
    """Variables x and, for spare nodes, z (is the type in use?) and m (most pods on a used node: what is lost with it)."""
    from scipy.optimize import Bounds, LinearConstraint

    kinds = len(types)
    most = np.array([_most(one, pods + spare * max(per_node)) for one in types], dtype=float)
    x, z = np.eye(kinds), np.eye(kinds)
    room = np.array(per_node, dtype=float)
    # room·x - spare·m >= pods; m >= room·z; x <= most·z.
    cost = np.concatenate([[one.price_hour for one in types], np.zeros(kinds + 1)])
    constraints = [LinearConstraint(np.concatenate([room, np.zeros(kinds), [-spare]]), pods, np.inf)]
    if spare:
        constraints += [
            LinearConstraint(np.hstack([np.zeros((kinds, kinds)), np.diag(room), -np.ones((kinds, 1))]), -np.inf, 0),
            LinearConstraint(np.hstack([x, -z * most, np.zeros((kinds, 1))]), -np.inf, 0),
        ]
    found = _solve(
        cost,
        constraints=constraints,
        integrality=np.ones(2 * kinds + 1),
        bounds=Bounds(0, np.concatenate([most, np.ones(kinds), [max(per_node)]])),
        gap=ONE_SIZE_GAP,
    )
    return _solution(found, kinds)


def _solve(cost: Any, gap: float, **program: Any) -> Any:
    from scipy.optimize import milp

    with _quiet():
        return milp(cost, options={"time_limit": SOLVER_SECONDS, "mip_rel_gap": gap}, **program)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """HiGHS prints on standard output whatever its options say, and that would break --json."""
    kept = os.dup(1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


def _solution(found: object, kinds: int) -> tuple[list[int] | None, float]:
    values = getattr(found, "x", None)
    bound = getattr(found, "mip_dual_bound", None)
    counts = None if values is None else [int(np.ceil(value - 1e-6)) for value in values[:kinds]]
    return counts, float(bound) if bound is not None and math.isfinite(bound) else 0.0


def _by_size(workloads: Sequence[Workload]) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for one in workloads:
        size = one.cpu_millis, one.memory_bytes
        found[size] = found.get(size, 0) + one.replicas
    return found


def _most(one: NodeType, pods: int) -> int:
    return min(pods, MOST_NODES) if one.available is None else min(one.available, pods)
