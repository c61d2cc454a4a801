"""A capacity plan as data: what is required, the sizing of each variant at three knees, and whether there is a saving.

Every block of the measurement found its own knee. The lowest, the median and the highest knee are each sized; the spread
between them is the uncertainty of the measurement. A saving is claimed only if all pods fit and the dearest sizing of the
free-threaded build costs less than the cheapest sizing of the GIL build.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from toolkit.capacity.knee.usable import Confidence
from toolkit.capacity.nodes.catalogue import Catalogue
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.planning.traffic import Traffic

SCHEMA = 1


@dataclass(frozen=True)
class Requirements:
    """What a capacity plan has to satisfy.

    `headroom`: the share of its knee that a pod carries. `survive_zone`: the loss of any one zone is survived.
    `sidecar_…`: requests of the other containers of each pod. `colocated`: Deployments on the same nodes. `endpoint` None:
    the endpoint with the lowest knee per CPU.
    """

    traffic: Traffic
    p99_ms: float
    headroom: float = 0.7
    zones: int = 1
    spare_nodes: int = 1
    survive_zone: bool = False
    sidecar_cpu_millis: int = 0
    sidecar_memory_bytes: int = 0
    colocated: tuple[Workload, ...] = ()
    endpoint: str | None = None


@dataclass(frozen=True)
class Sizing:
    """Pods, nodes by type and cost a month at one knee. `problem`: why the pods do not fit; then nodes and cost are absent.

    `carried_rps`: what a pod is planned with. `spare`: the nodes among `nodes` that are spare. `zones`: the nodes by type in
    each zone. `uneven`: the available nodes do not give every zone its share of the pods. `gap`: the share of the cost that a better packing could save at
    most. `limiting`: by node type what fills a node first.
    """

    knee_rps: float
    carried_rps: float
    pods: int
    nodes: dict[str, int] = field(default_factory=dict)
    spare: dict[str, int] = field(default_factory=dict)
    month: float | None = None
    gap: float | None = None
    limiting: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    zones: tuple[dict[str, int], ...] = ()
    uneven: bool = False

    @property
    def node_count(self) -> int:
        """All nodes, spare nodes included."""
        return sum(self.nodes.values())


@dataclass(frozen=True)
class VariantPlan:
    """One variant at its cheapest setting, sized at the lowest, the median and the highest knee.

    `cpu_millis` and `memory_bytes` are the requests of one pod, `reasons` their reasons. `why_not`: by point the
    settings that cannot be planned with, and why. `confidence` and `confidence_why`: how sure knees and memory are.
    """

    variant: str
    role: str
    point: str
    workers: int
    threads: int
    knees_rps: tuple[float, ...]
    cpu_millis: int
    memory_bytes: int
    low: Sizing
    mid: Sizing
    high: Sizing
    reasons: dict[str, str] = field(default_factory=dict)
    why_not: dict[str, str] = field(default_factory=dict)
    confidence: Confidence = "medium"
    confidence_why: str = ""

    @property
    def sizings(self) -> tuple[Sizing, Sizing, Sizing]:
        """At the lowest, the median and the highest knee."""
        return self.low, self.mid, self.high

    @property
    def cheapest(self) -> float | None:
        """The lowest cost a month of the three sizings; None when no sizing fits."""
        return min(self._costs(), default=None)

    @property
    def dearest(self) -> float | None:
        """The highest cost a month of the three sizings; None unless every sizing fits."""
        costs = self._costs()
        return max(costs) if len(costs) == len(self.sizings) else None

    def _costs(self) -> list[float]:
        return [one.month for one in self.sizings if one.month is not None]


@dataclass(frozen=True)
class Saving:
    """What the free-threaded build saves a month against the GIL build.

    `low` to `high` spans all combinations of the blocks' knees; `mid` compares the medians. All three are None when not
    all pods fit. `claimed`: whether even `low` is a saving. `words`: the result in a sentence.
    """

    claimed: bool
    low: float | None
    mid: float | None
    high: float | None
    words: str


@dataclass(frozen=True)
class CapacityPlan:
    """The result of `gilfree plan`.

    `day`: for each hour of the traffic the rate and, by variant, the pods; nodes and their price too unless other
    Deployments share the nodes. `saving` is None unless both variants were measured. `unplanned`: by variant why it
    cannot be planned with.
    """

    service: str
    campaign: str
    requirements: Requirements
    catalogue: Catalogue
    variants: tuple[VariantPlan, ...]
    saving: Saving | None
    day: tuple[dict[str, Any], ...]
    caveats: tuple[str, ...]
    unplanned: dict[str, str] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """The plan as plain data for JSON; of the catalogue only the node types in use."""
        requirements = {
            ("beside" if key == "colocated" else key): value for key, value in asdict(self.requirements).items()
        }
        used = {name for one in self.variants for sizing in one.sizings for name in sizing.nodes}
        types = [asdict(one) for one in self.catalogue.types if one.name in used]
        return {
            "plan_schema": SCHEMA,
            "service": self.service,
            "campaign": self.campaign,
            "asked": requirements,
            "catalogue": {**asdict(self.catalogue), "types": types},
            "variants": [asdict(one) for one in self.variants],
            "unplanned": self.unplanned,
            "saving": asdict(self.saving) if self.saving else None,
            "day": self.day,
            "caveats": self.caveats,
        }


def saving(gil: VariantPlan, free: VariantPlan, currency: str) -> Saving:
    """Whether moving from `gil` to `free` saves money, as far as the measurement supports it. Pure."""
    unfit = next((one for one in (gil, free) for sizing in one.sizings if sizing.problem), None)
    if unfit is not None:
        return Saving(False, None, None, None, f"no saving shown: not all pods of {unfit.variant} fit")
    costs = gil.cheapest, gil.dearest, free.cheapest, free.dearest, gil.mid.month, free.mid.month
    assert all(one is not None for one in costs), "every sizing without a problem has a cost"
    gil_least, gil_most, free_least, free_most, gil_mid, free_mid = (one or 0.0 for one in costs)
    low, mid, high = gil_least - free_most, gil_mid - free_mid, gil_most - free_least
    unsure = next((one for one in (gil, free) if one.confidence == "low"), None)
    if low > 0 and unsure is not None:
        return Saving(False, low, mid, high, f"no saving shown: {unsure.variant} is {unsure.confidence_why}")
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
