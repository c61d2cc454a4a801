"""What weakens a capacity plan, in sentences, and which node types of a catalogue it may use. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from toolkit.capacity.knee.pacing import WORTH_SAYING, random_arrival_share
from toolkit.capacity.knee.profile import Profile
from toolkit.capacity.nodes.catalogue import Catalogue, NodeType
from toolkit.capacity.planning.result import Requirements, VariantPlan
from toolkit.errors import GilfreeError

MOST_NAMED = 5
"""Node types that one sentence names."""


def plan_caveats(
    profile: Profile,
    requirements: Requirements,
    catalogue: Catalogue,
    endpoints: Sequence[str],
    planned: Sequence[VariantPlan],
) -> Iterator[str]:
    """The caveats of a plan. `endpoints`: all that were measured."""
    others = [one for one in endpoints if one != requirements.endpoint]
    if others:
        yield (
            f"planned as if every request went to {requirements.endpoint}; also measured, for --endpoint: {', '.join(others)}"
        )
    yield from profile.caveats
    if "fast" in profile.build_profiles():
        yield "the build profile is fast (no PGO): a release build carries more"
    if requirements.p99_ms > profile.p99_ms:
        yield f"measured for p99 under {profile.p99_ms:g} ms: for {requirements.p99_ms:g} ms the knees are lower bounds"
    yield _pacing(requirements, planned)
    if profile.cpu_model:
        yield f"knees hold for the CPU they were measured on: {profile.cpu_model}"
    yield "a pod is one server measured alone; other pods on a busy node may lower its knee"
    used = {name for one in planned for sizing in one.sizings for name in sizing.nodes}
    estimated = [one.name for one in catalogue.types if one.estimated and one.name in used]
    if estimated:
        yield (
            f"memory of {_named(estimated)} is calculated from the size that the cloud sells (7.5% and 60 MiB less);"
            " `allocatable` of kubectl describe node is exact"
        )
    unpriced = [one.name for one in catalogue.types if not one.priced]
    if unpriced:
        yield f"OpenCost's default prices are used for {_named(unpriced)}"
    yield f"prices: {catalogue.name}, {catalogue.date}: {catalogue.about}"


def _pacing(requirements: Requirements, planned: Sequence[VariantPlan]) -> str:
    words = "knees were measured with evenly paced requests; those of users come at random"
    less = {one.variant: 1 - random_arrival_share(one.mid.knee_rps, requirements.p99_ms) for one in planned}
    if max(less.values()) < WORTH_SAYING:
        return f"{words}, which costs less than {WORTH_SAYING:.0%} here"
    shares = ", ".join(f"{share:.0%} less on {variant}" for variant, share in less.items())
    return f"{words}: a pod is planned with {shares}, as for a single exponential server"


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def usable_types(catalogue: Catalogue, arch: str | None, spot: bool = False) -> Catalogue:
    """The catalogue with the node types that a plan may use: of one architecture, without GPUs, and without spot nodes.

    `arch` None: the only architecture of the types. `spot`: with spot nodes. The description says what was left out.
    Raises GilfreeError when there are several architectures, not the wanted one, or no usable type.
    """
    ordinary = tuple(one for one in catalogue.types if not one.gpus and (spot or not one.spot))
    left_out = [one.name for one in catalogue.types if one not in ordinary]
    if not ordinary:
        raise GilfreeError(
            f"{catalogue.name}: only nodes with GPUs or spot nodes: {_named(left_out)}",
            "add ordinary nodes, or plan with spot nodes: --spot",
        )
    about = catalogue.about
    if left_out:
        about += f"; without nodes with GPUs and spot nodes: {_named(left_out)}"
    return replace(catalogue, types=one_architecture(ordinary, arch), about=about)


def one_architecture(types: Sequence[NodeType], wanted: str | None) -> tuple[NodeType, ...]:
    """The node types of one architecture, because a knee holds for the architecture it was measured on.

    `wanted` None: the only architecture of the types. Raises GilfreeError when they have several, or not the wanted one.
    """
    known = sorted({one.arch for one in types})
    if wanted is None and len(known) > 1:
        raise GilfreeError(
            f"there are nodes of {' and '.join(known)}, and knees hold for one architecture",
            f"name the architecture that was measured: --arch {known[0]}",
        )
    found = tuple(one for one in types if wanted is None or one.arch == wanted)
    if not found:
        raise GilfreeError(
            f"--arch {wanted}: no nodes of that architecture, there are {', '.join(known)}", "give one of these"
        )
    return found
