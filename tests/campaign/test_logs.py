"""The frames of a trial are found in the log of its block, and in the logs that older campaigns have of each trial."""

from __future__ import annotations

import json
from pathlib import Path

from tests.factory import POINTS, a_record
from toolkit.campaign.logs import log_file, read_frames
from toolkit.trial.block import block_id


def test_a_blocks_log_gives_each_trial_its_frames_and_those_that_all_share(tmp_path: Path) -> None:
    one, other = (a_record(POINTS[0], 3, arm, attempt=2) for arm in ("3.14", "3.14t"))
    (tmp_path / "logs").mkdir()
    frames = [{"kind": "hello"}, {"kind": "ready", "arm": "3.14"}, {"kind": "ready", "arm": "3.14t"}]
    log = log_file(tmp_path, block_id(one.campaign, one.point_key, 3, 2))
    log.write_text("".join(json.dumps(frame) + "\n" for frame in frames) + '{"kind": "mem')
    assert read_frames(tmp_path, one) == frames[:2]
    assert read_frames(tmp_path, other) == [frames[0], frames[2]]


def test_a_log_of_the_trial_alone_is_read_too_and_a_missing_one_has_no_frames(tmp_path: Path) -> None:
    one = a_record(POINTS[0], 0, "3.14")
    assert read_frames(tmp_path, one) == []
    (tmp_path / "logs").mkdir()
    log_file(tmp_path, one.trial).write_text('{"kind": "ready"}\n')
    assert read_frames(tmp_path, one) == [{"kind": "ready"}]
