"""One promise about time or size, compared with what was measured: `gilfree selftest scale` prints them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PromiseCheck:
    """`what` was measured, what it `took` and the `limit` that is promised, both in `unit`."""

    what: str
    took: float
    limit: float
    unit: str

    @property
    def kept(self) -> bool:
        """Whether it was within its limit."""
        return self.took <= self.limit
