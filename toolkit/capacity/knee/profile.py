"""The profile of a service: what one pod of each variant carries within its SLO, and the CPU and memory that it uses.

`gilfree knee` makes it from the records of a campaign; `gilfree plan` and `gilfree fleet` read it from the campaign's
folder or from a profile.json. They know nothing else of the measurement, so the profile also holds what weakens it:
rejected trials, unfinished blocks, caveats.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolkit.errors import GilfreeError

SCHEMA: Literal[1] = 1
FILE = "profile.json"

MEMORY_HEADROOM = 0.25
"""Share added to the highest memory use of any trial, because a load of a minute does not show everything that a day does."""

MIN_KNEES = 3
"""Blocks with a knee that a capacity plan needs: with fewer there is no median between a lowest and a highest."""

Role = Literal["gil", "free-threaded"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True)


class MeasuredRate(_Model):
    """One constant rate on one server of one block.

    `passed`: whether the rate met the SLO; None when the measurement cannot decide it. `why`: the reason in words.
    """

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

    @property
    def fresh(self) -> bool:
        """Whether the server had served nothing else, so that the result outranks one of a ladder."""
        return self.step == "confirm"


class VerifiedRate(_Model):
    """One rate of `--verify` on a fresh server: `share` x the median knee. `expected`: whether its SLO had to be met or missed.

    `holds`: whether it was so; None when the measurement cannot decide it. `why`: what was measured, in words.
    """

    expected: Literal["met", "missed"]
    share: float = Field(gt=0)
    rate_rps: float = Field(gt=0)
    p99_ms: float | None = None
    holds: bool | None
    why: str


class SoakedMemory(_Model):
    """Memory of a variant in a soak run. `grows_mb_an_hour` None: no growth was seen; its interval excludes 0 otherwise."""

    run: str
    seconds: float = Field(gt=0)
    high_mb: float = Field(gt=0)
    grows_mb_an_hour: float | None = None


class StricterKnee(_Model):
    """The knee of a block under a stricter SLO; `knee_rps` None: no measured rate met it.

    `confirmed`: the rate met it on a fresh server, not only in a window of a ladder.
    """

    block: int
    knee_rps: float | None
    confirmed: bool


class BlockKnee(_Model):
    """The knee of one block: the highest measured constant rate that met the SLO, confirmed on a fresh server.

    `knee_rps` None: no rate met the SLO, or the block was not finished (`finished` False). `above_rps`: the lowest rate
    above the knee that missed the SLO. `loader_saturated`: the loader, not the server, ended the search, so the knee is
    a lower bound.
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
    """One variant at one setting (point). `build_profile` (JSON: profile): fast, release or unknown."""

    variant: str
    role: Role
    build_profile: str = Field(validation_alias="profile", serialization_alias="profile")
    point: str
    endpoint: str
    workers: int = Field(ge=1)
    threads: int = Field(ge=1)
    connections: int = Field(ge=1)
    server_cpus: float = Field(gt=0, description="CPUs the server had")
    blocks: tuple[BlockKnee, ...]
    server_cpus_used: float | None = Field(default=None, ge=0, description="at the knee, median of the blocks")
    memory_high_mb: float | None = Field(
        default=None, gt=0, description="highest use in any trial, MB of 1,000,000 bytes"
    )
    memory_kind: str = ""
    trials: int = Field(ge=0)
    rejected: dict[str, int] = Field(default_factory=dict, description="trials that do not count, by cause")
    rates: tuple[MeasuredRate, ...] = ()
    verified: tuple[VerifiedRate, ...] = ()
    soak: SoakedMemory | None = None

    def knees_rps(self) -> list[float]:
        """The knees of the finished blocks that found one, in the order of the blocks."""
        return [block.knee_rps for block in self.blocks if block.finished and block.knee_rps is not None]

    @property
    def no_rate_blocks(self) -> list[BlockKnee]:
        """The finished blocks in which no rate met the SLO."""
        return [block for block in self.blocks if block.finished and block.knee_rps is None]

    @property
    def knee_rps(self) -> float | None:
        """The median knee of the finished blocks, in which a block without a knee counts as 0; None when it is 0 or unknown."""
        return median([block.knee_rps or 0.0 for block in self.blocks if block.finished]) or None

    def stricter_knees(self, p99_ms: float) -> list[StricterKnee]:
        """For each finished block the highest rate that also met a stricter p99, without a new measurement.

        A trial on a fresh server outranks a window of a ladder: it decides about its rate, and a rate that it missed rules
        out all higher ones. Only rates up to the block's knee are considered.
        """
        found = []
        for block in self.blocks:
            if not block.finished:
                continue
            rates = [one for one in self.rates if one.block == block.block and one.passed is not None]
            ranked = {one.rate_rps: one for one in sorted(rates, key=lambda one: one.fresh)}
            met = {rate: one.passed and one.p99_ms is not None and one.p99_ms <= p99_ms for rate, one in ranked.items()}
            missed = [rate for rate, one in ranked.items() if one.fresh and not met[rate]]
            limit = min([*missed, math.inf])
            knees = [rate for rate in met if met[rate] and rate < limit and rate <= (block.knee_rps or 0)]
            best = max(knees, default=None)
            confirmed = best is not None and ranked[best].fresh
            found.append(StricterKnee(block=block.block, knee_rps=best, confirmed=confirmed))
        return found

    @property
    def verification(self) -> Literal["held", "failed", "too low", "unknown", "none"]:
        """What `--verify` found: the knee held; the SLO was missed below it; the knee is too low; undecided; not verified."""
        outcome = {one.expected: one.holds for one in self.verified}
        if outcome.get("met") is False:
            return "failed"
        if outcome.get("missed") is False:
            return "too low"
        if not outcome:
            return "none"
        return "held" if outcome == {"met": True, "missed": True} else "unknown"

    @property
    def loader_saturated(self) -> bool:
        """Whether the loader, not the server, ended the search in any block."""
        return any(block.loader_saturated for block in self.blocks)

    @property
    def rejected_total(self) -> int:
        """Trials that do not count."""
        return sum(self.rejected.values())


class Profile(_Model):
    """All variants and settings of one service that were measured in one campaign, under one SLO."""

    profile_schema: Literal[1] = SCHEMA
    service: str
    campaign: str
    run: str = Field(default="", description="the name that the user gave, or was given")
    created: str = ""
    backend: str = "unknown"
    cpu_model: str = ""
    interface: Literal["asgi", "wsgi"]
    p99_ms: float = Field(gt=0)
    headroom: float = Field(gt=0, le=1)
    memory_headroom: float = Field(default=MEMORY_HEADROOM, ge=0)
    variants: tuple[VariantProfile, ...]
    unmeasured: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()

    def points(self) -> list[str]:
        """The measured points, each once, in the order of `variants`."""
        return list(dict.fromkeys(one.point for one in self.variants))

    def variants_at(self, point: str) -> list[VariantProfile]:
        """The variants at one point, the GIL build first."""
        return sorted((one for one in self.variants if one.point == point), key=lambda one: one.role != "gil")

    def endpoints(self) -> list[str]:
        """The measured endpoints, each once, in the order of `variants`."""
        return list(dict.fromkeys(one.endpoint for one in self.variants))

    def for_endpoint(self, name: str | None) -> Profile:
        """The profile with the settings of one endpoint only: knees of different endpoints are never compared.

        `name` None: the endpoint with the lowest knee per CPU of the GIL build, because the pods have to carry that
        endpoint too; an endpoint without a knee counts as 0. Raises GilfreeError when there is no endpoint `name`.
        """
        known = self.endpoints()
        if name is not None and name not in known:
            raise GilfreeError(f"{self.campaign}: no endpoint {name!r} was measured", f"there are {', '.join(known)}")
        chosen = name if name is not None else min(known, key=self._knee_per_cpu, default=None)
        return self.model_copy(update={"variants": tuple(one for one in self.variants if one.endpoint == chosen)})

    def build_profiles(self) -> list[str]:
        """The build profiles of the interpreters, each once, sorted. Knees of different ones cannot be compared."""
        return sorted({one.build_profile for one in self.variants})

    def _knee_per_cpu(self, endpoint: str) -> float:
        here = [one for one in self.variants if one.endpoint == endpoint]
        first = [one for one in here if one.role == "gil"] or here
        return max((one.knee_rps or 0) / one.server_cpus for one in first)


def read_profile(path: Path) -> Profile:
    """The profile in a knee campaign's folder, or in a profile.json.

    Raises GilfreeError, naming the file, when it is missing or cannot be read, and with the key when it is not a profile.
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
        where = ".".join(str(part) for part in problem["loc"]) or "the whole file"
        raise GilfreeError(
            f"{file}: not a profile: {where}: {problem['msg']}", "write it again: gilfree knee --of RUN"
        ) from None


def write_profile(profile: Profile, folder: Path) -> Path:
    """Write profile.json into a campaign's folder, replacing an older one in one step. Returns the path of the file."""
    partial = folder / f"{FILE}.part"
    partial.write_text(json.dumps(profile.model_dump(mode="json"), indent=1, allow_nan=False) + "\n")
    return partial.replace(folder / FILE)


def median(values: Sequence[float]) -> float | None:
    """The median; None when there are no values."""
    return statistics.median(values) if values else None
