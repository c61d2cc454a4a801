"""The measured profile of a service: what one pod of each variant carries at its SLO, and what it takes for that.

`gilfree knee` makes it from a campaign's records, `gilfree plan` and `gilfree fleet` read it, from the campaign's folder
or from a profile.json alone. It is all that they know of a measurement, so it also says what speaks against it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolkit.errors import GilfreeError

SCHEMA: Literal[1] = 1
FILE = "profile.json"

MEMORY_HEADROOM = 0.25
"""Added to the most memory that was ever seen: a load of a minute does not show all that a day does."""

Role = Literal["gil", "free-threaded"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RateSeen(_Model):
    """One constant rate on one server of one block. `passed` None: it cannot be told, `why` says why."""

    block: int = Field(ge=0)
    step: str
    rate_rps: float = Field(gt=0)
    achieved_rps: float | None = None
    requests: int | None = None
    errors: int | None = None
    p99_ms: float | None = None
    server_cpus_used: float | None = None
    loader_saturation: float | None = None
    passed: bool | None
    why: str


class BlockKnee(_Model):
    """One block's own knee: the highest measured constant rate that met the SLO, confirmed on a fresh server.

    `knee_rps` None: not one rate met it, or the block was not finished (`finished` False). `above_rps`: the lowest rate
    above it that did not. `loader_saturated`: the loader, not the server, ended the search, so the knee is a lower bound.
    """

    block: int = Field(ge=0)
    knee_rps: float | None = Field(default=None, gt=0)
    above_rps: float | None = Field(default=None, gt=0)
    p99_ms: float | None = None
    server_cpus_used: float | None = Field(default=None, ge=0)
    finished: bool
    loader_saturated: bool = False
    note: str = ""


class VariantProfile(_Model):
    """One variant at one setting. `profile`: how its interpreter was built: fast, release, upstream or given."""

    variant: str
    role: Role
    profile: str
    point: str
    endpoint: str
    workers: int = Field(ge=1)
    threads: int = Field(ge=1)
    connections: int = Field(ge=1)
    server_cpus: float = Field(gt=0, description="CPUs the server had")
    blocks: tuple[BlockKnee, ...]
    server_cpus_used: float | None = Field(default=None, ge=0, description="at the knee, median of the blocks")
    memory_high_mb: float | None = Field(default=None, gt=0, description="most it ever used, MB of 1,000,000 bytes")
    memory_kind: str = ""
    trials: int = Field(ge=0)
    rejected: dict[str, int] = Field(default_factory=dict, description="trials that do not count, by cause")
    rates: tuple[RateSeen, ...] = ()

    def knees_rps(self) -> list[float]:
        """The knees of the finished blocks that found one, in order of blocks."""
        return [block.knee_rps for block in self.blocks if block.finished and block.knee_rps is not None]

    def knees_at(self, p99_ms: float) -> list[float]:
        """Knees for a stricter p99 without measuring again: in each finished block the highest rate that also met it.

        Only rates up to the block's knee are looked at, so for a laxer p99 it is a lower bound.
        """
        found = []
        for block in self.blocks:
            if not block.finished or block.knee_rps is None:
                continue
            met = [
                seen.rate_rps
                for seen in self.rates
                if seen.block == block.block
                and seen.passed
                and seen.rate_rps <= block.knee_rps
                and seen.p99_ms is not None
                and seen.p99_ms <= p99_ms
            ]
            if met:
                found.append(max(met))
        return found

    @property
    def loader_saturated(self) -> bool:
        """Whether any block's search was ended by the loader."""
        return any(block.loader_saturated for block in self.blocks)

    @property
    def rejected_total(self) -> int:
        """Trials that do not count."""
        return sum(self.rejected.values())


class Profile(_Model):
    """All variants and settings of one service that were measured under one SLO."""

    profile_schema: Literal[1] = SCHEMA
    service: str
    campaign: str
    created: str = ""
    backend: str = "unknown"
    cpu_model: str = ""
    interface: Literal["asgi", "wsgi"]
    p99_ms: float = Field(gt=0)
    headroom: float = Field(gt=0, le=1)
    variants: tuple[VariantProfile, ...]
    unmeasured: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()

    def points(self) -> list[str]:
        """The measured settings, each once, in order."""
        return list(dict.fromkeys(one.point for one in self.variants))

    def at(self, point: str) -> list[VariantProfile]:
        """The variants at one setting, the GIL build first."""
        return sorted((one for one in self.variants if one.point == point), key=lambda one: one.role != "gil")

    def endpoints(self) -> list[str]:
        """The measured endpoints, each once, in order."""
        return list(dict.fromkeys(one.endpoint for one in self.variants))

    def of_endpoint(self, name: str | None) -> Profile:
        """One endpoint's settings alone: knees of different endpoints are never held against each other.

        None: the one of which a CPU of the GIL build carries least, since the pods have to carry that one too; an
        endpoint without a knee carries nothing. Raises GilfreeError when there is no endpoint of that name.
        """
        known = self.endpoints()
        if name is not None and name not in known:
            raise GilfreeError(f"{self.campaign}: no endpoint {name!r} was measured", f"there are {', '.join(known)}")
        chosen = name if name is not None else min(known, key=self._carried, default=None)
        return self.model_copy(update={"variants": tuple(one for one in self.variants if one.endpoint == chosen)})

    def _carried(self, endpoint: str) -> float:
        here = [one for one in self.variants if one.endpoint == endpoint]
        first = [one for one in here if one.role == "gil"] or here
        return max((median(one.knees_rps()) or 0) / one.server_cpus for one in first)


def read_profile(path: Path) -> Profile:
    """The profile in a knee campaign's folder, or in a file as `gilfree knee --json` prints it.

    Raises GilfreeError naming file and place when there is none, or when it is not one.
    """
    file = path / FILE if path.is_dir() else path
    try:
        return Profile.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise GilfreeError(f"{path} holds no measured profile ({FILE})", "measure one: gilfree knee SCENARIO") from None
    except OSError as error:
        raise GilfreeError(f"{file} cannot be read: {error.strerror}", "name a readable file") from None
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the whole of it"
        raise GilfreeError(f"{file}: not a profile: {where}: {problem['msg']}", "write it anew: gilfree knee") from None


def write_profile(profile: Profile, folder: Path) -> Path:
    """Write profile.json beside the records it was made from."""
    partial = folder / f"{FILE}.part"
    partial.write_text(json.dumps(profile.model_dump(mode="json"), indent=1, allow_nan=False) + "\n")
    return partial.replace(folder / FILE)


def median(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
