"""The memory of soak runs of the service whose knee was measured: hours show growth that a knee's short windows cannot.

A soak belongs to a knee campaign when it is in the same results folder and has the same application, the same server
settings at the same point, and the same interpreter.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.analysis.soak import soak_of
from toolkit.campaign.logs import read_frames
from toolkit.campaign.runner import Campaign
from toolkit.capacity.knee.profile import SoakedMemory
from toolkit.errors import GilfreeError
from toolkit.records.metrics import server_pss_kb
from toolkit.records.store import Record


def soaked_memory(campaign: Campaign) -> dict[tuple[str, str], SoakedMemory]:
    """By point key and arm the memory of the longest soak that belongs to this campaign."""
    found: dict[tuple[str, str], SoakedMemory] = {}
    for soak in _soaks(campaign):
        arms = {arm.name: arm for arm in campaign.arms}
        for record in soak.records():
            arm = next((one for one in soak.arms if one.name == record.arm), None)
            if arm is None or arms.get(arm.name) != arm or not record.accepted or not _is_soak(record):
                continue
            one = _memory(soak, record)
            key = record.point_key, record.arm
            if one is not None and (key not in found or one.seconds > found[key].seconds):
                found[key] = one
    return found


def _soaks(campaign: Campaign) -> Iterator[Campaign]:
    for file in sorted(campaign.folder.parent.glob("*/campaign.json")):
        if file.parent == campaign.folder:
            continue
        try:
            other = Campaign.open(file.parent)
        except GilfreeError:
            continue  # of another version of gilfree
        if not other.description.get("knee") and other.scenario.app == campaign.scenario.app:
            yield other


def _is_soak(record: Record) -> bool:
    return "soak-0" in (record.load.get("windows") or {})


def _memory(soak: Campaign, record: Record) -> SoakedMemory | None:
    """The most memory of one soak, which may be before its last window; None without frames or samples."""
    frames = read_frames(soak.folder, record)
    if not frames:
        return None
    found = soak_of(soak.scenario, record, frames)
    samples_mb = [server_pss_kb(frame) * 1024 / 1e6 for frame in frames if frame["kind"] == "memory"]
    high = max([*samples_mb, record.metrics.memory_high_mb or 0.0], default=0.0)
    if not high or not found.seconds:
        return None
    grows = found.memory.an_hour if found.memory and found.memory.state == "grows" else None
    return SoakedMemory(run=soak.name, seconds=found.seconds, high_mb=high, grows_mb_an_hour=grows)
