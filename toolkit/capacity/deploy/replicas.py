"""How many pods a Deployment starts with, and between which numbers its autoscaler may choose. Pure."""

from __future__ import annotations

from dataclasses import dataclass

CANARY_SHARE = 0.1
"""Of the requests, which a Service divides equally among all pods."""
MOST_TIMES = 10
"""The autoscaler's highest number of pods as a multiple of the first, where no plan says how many there may be."""


@dataclass(frozen=True)
class Replicas:
    """`first`: pods at the start; `least` and `most`: the bounds of the autoscaler; `reason`: where they come from.

    `alongside`: pods of the Deployment that a canary joins. `zones`: over which pods are spread. `arch`: of the nodes,
    None: any.
    """

    first: int
    least: int
    most: int
    reason: str
    alongside: int
    zones: int = 1
    arch: str | None = None

    @property
    def canary(self) -> int:
        """Pods of a canary that come nearest to CANARY_SHARE of all pods; at least one."""
        return max(1, round(CANARY_SHARE / (1 - CANARY_SHARE) * self.alongside))

    @property
    def canary_share(self) -> str:
        """The share of the requests that the canary gets, in words."""
        total = self.canary + self.alongside
        return f"{self.canary} of {total} pods, {self.canary / total:.0%} of the requests while the other {self.alongside} run"


def unplanned(first: int) -> Replicas:
    """Without a plan: `first` pods, and as many times more as the autoscaler wants."""
    reason = (
        f"{first} to start with and {MOST_TIMES} times as many at most; gilfree plan --manifests bounds them by traffic"
    )
    return Replicas(first, first, MOST_TIMES * first, reason, alongside=first)
