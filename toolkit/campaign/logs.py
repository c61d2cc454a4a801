"""The logs of a campaign: the frames of each block as they arrived."""

from __future__ import annotations

import json
from pathlib import Path

from toolkit.agent.frames import Frame
from toolkit.records.store import Record
from toolkit.trial.block import block_id


def log_file(folder: Path, name: str) -> Path:
    """Where the frames of a block, or of a trial alone, are by its id; folder: the campaign's."""
    return folder / "logs" / f"{name}.jsonl"


def read_frames(folder: Path, record: Record) -> list[Frame]:
    """The frames of a trial from the log of its block, without an incomplete last line; none when there is no log.

    A log of the trial alone is read too: gathered trials have one, as have campaigns until November 2026.
    """
    whole = log_file(folder, block_id(record.campaign, record.point_key, record.block, record.attempt))
    for log in (log_file(folder, record.trial), whole):
        if log.exists():
            found = _frames_in(log)
            return [frame for frame in found if frame.get("arm") in (None, record.arm)]
    return []


def _frames_in(log: Path) -> list[Frame]:
    found = []
    for line in log.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found
