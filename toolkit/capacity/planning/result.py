"""What a plan is: its question, its three cases for each variant, and whether it shows a saving.

Every block found its own knee; the lowest, the median and the highest each make a plan of their own, and the spread
between them is what is not known. A saving is claimed only if all pods fit and the dearest plan of the free-threaded
build costs less than the cheapest of the GIL build.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from toolkit.capacity.nodes.catalogue import Catalogue
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.planning.traffic import Traffic

SCHEMA = 1
CASES = ("low", "mid", "high")


@dataclass(frozen=True)
class Asked:
    """What is planned for. `sidecar…`: what other containers of each pod ask; `beside`: Deployments on the same
    nodes. `endpoint` None: the one that a CPU carries least of."""

    traffic: Traffic
    p99_ms: float
    headroom: float = 0.7
    zones: int = 1
    spare_nodes: int = 1
    sidecar_cpu_millis: int = 0
    sidecar_memory_bytes: int = 0
    beside: tuple[Workload, ...] = ()
    endpoint: str | None = None


@dataclass(frozen=True)
class Case:
    """The plan for one knee. `problem`: why the pods do not fit; then there are no nodes and no cost."""

    knee_rps: float
    pods: int
    nodes: dict[str, int] = field(default_factory=dict)
    spare: dict[str, int] = field(default_factory=dict)
    month: float | None = None
    gap: float | None = None
    limiting: dict[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def node_count(self) -> int:
        """All nodes, spare ones included."""
        return sum(self.nodes.values())


@dataclass(frozen=True)
class VariantPlan:
    """One variant at its cheapest setting; `why_not`: settings that could not be planned with, and why."""

    variant: str
    role: str
    point: str
    workers: int
    threads: int
    knees_rps: tuple[float, ...]
    cpu_millis: int
    memory_bytes: int
    low: Case
    mid: Case
    high: Case
    reasons: dict[str, str] = field(default_factory=dict)
    why_not: dict[str, str] = field(default_factory=dict)

    @property
    def cheapest(self) -> float | None:
        """The least that this variant may cost a month, over the blocks' knees."""
        costs = self._costs()
        return min(costs) if costs else None

    @property
    def dearest(self) -> float | None:
        """The most that it may cost; None when not all cases fit."""
        costs = self._costs()
        return max(costs) if len(costs) == len(CASES) else None

    def _costs(self) -> list[float]:
        return [one.month for one in (self.low, self.mid, self.high) if one.month is not None]


@dataclass(frozen=True)
class Saving:
    """Free-threaded against GIL, a month. `low`…`high` spans all combinations of knees; unless `claimed` none is shown."""

    claimed: bool
    low: float | None
    mid: float | None
    high: float | None
    words: str


@dataclass(frozen=True)
class Plan:
    """What `gilfree plan` prints. `day`: for each hour pods (and nodes, where they are alone) of each variant."""

    service: str
    campaign: str
    asked: Asked
    catalogue: Catalogue
    variants: tuple[VariantPlan, ...]
    saving: Saving | None
    day: tuple[dict[str, Any], ...]
    caveats: tuple[str, ...]

    def data(self) -> dict[str, Any]:
        """As plain data for JSON."""
        found = asdict(self)
        types = {name for one in self.variants for case in (one.low, one.mid, one.high) for name in case.nodes}
        found["catalogue"]["types"] = [one for one in found["catalogue"]["types"] if one["name"] in types]
        return {"plan_schema": SCHEMA, **found}


def saving(gil: VariantPlan, free: VariantPlan, currency: str) -> Saving:
    """Whether moving saves money, in what the measurement supports. Pure."""
    unfit = next(((one, case) for one in (gil, free) for case in (one.low, one.mid, one.high) if case.problem), None)
    if unfit is not None:
        return Saving(False, None, None, None, f"no saving shown: not all pods of {unfit[0].variant} fit")
    costs = gil.cheapest, gil.dearest, free.cheapest, free.dearest, gil.mid.month, free.mid.month
    assert all(one is not None for one in costs), "every case without a problem has a cost"
    gil_least, gil_most, free_least, free_most, gil_mid, free_mid = (one or 0.0 for one in costs)
    low, mid, high = gil_least - free_most, gil_mid - free_mid, gil_most - free_least
    if low > 0:
        words = (
            f"{free.variant} saves {mid:,.0f} {currency} a month ({low:,.0f} to {high:,.0f}; "
            f"{mid / gil_mid:.0%} of what {gil.variant} costs)"
        )
        return Saving(True, low, mid, high, words)
    if high < 0:
        words = (
            f"no saving shown: {free.variant} costs {-mid:,.0f} {currency} a month more ({-high:,.0f} to {-low:,.0f})"
        )
    elif mid == 0 and low == 0 and high == 0:
        words = "no saving shown: both need the same nodes"
    else:
        words = (
            f"no saving shown: the blocks' knees leave it open ({low:+,.0f} to {high:+,.0f} {currency} a month, "
            f"{mid:+,.0f} at the median)"
        )
    return Saving(False, low, mid, high, words)
