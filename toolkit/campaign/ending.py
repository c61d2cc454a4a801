"""Why a point, or a whole campaign, takes no more blocks before its plan is done. Pure functions of records.

Two things end measuring early. A server that fails before any load (it does not start, every answer is wrong, the wrong
GIL) fails the same way in every block: its point ends after its first block. Whether an app that did not start can start
at all is then asked at one other point, the one that is most unlike and asks for the least: if it does not start there
either, the campaign ends, and the other points are not tried. And an environment that keeps disturbing trials makes every
further trial a waste of time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from toolkit.records.reasons import Rejection, deciding, reason_of
from toolkit.records.store import Record
from toolkit.scenario.model import Point

MIN_TRIALS_TO_STOP = 9
NEVER_STARTED = frozenset({"server-did-not-start", "server-not-ready", "server-died"})

NEW_RUN = "then start a new run"
REMEDIES = {
    "server-did-not-start": f"start the app by hand with the command in the record (server.argv), fix it, {NEW_RUN}",
    "server-not-ready": f"start the app by hand with the command in the record (server.argv), fix it, {NEW_RUN}",
    "server-died": f"start the app by hand with the command in the record (server.argv), fix it, {NEW_RUN}",
    "out-of-memory": f"raise `resources.server.memory` in the scenario, {NEW_RUN}",
    "wrong-answers": f"request the path by hand; fix the app, or the path, status or body in the scenario, {NEW_RUN}",
    "dropped-connections": f"request the path by hand and read the server's log, fix the app, {NEW_RUN}",
    "runtime-unknown": f"give the app an endpoint at `app.runtime_path`, or set `app.wrapped: true`, {NEW_RUN}",
    "gil-on": "`gilfree doctor` names the packages that switch the GIL on; replace them, " + NEW_RUN,
    "gil-off": f"give the GIL build as the GIL arm, {NEW_RUN}",
    "wrong-build": f"give the GIL build first and the free-threaded build second, {NEW_RUN}",
}
"""What to do about a failure that is the same in every block."""


@dataclass(frozen=True)
class Ending:
    """Why `point` (a key), or the whole campaign where it is None, takes no more blocks; what to do about it, if known."""

    point: str | None
    reason: str
    remedy: str = ""

    def text(self, campaign: str) -> str:
        """A message to the user: the reason, and the remedy on a line of its own."""
        what = f"{campaign} stopped" if self.point is None else f"{campaign}: {self.point} was given up"
        return f"{what}: {self.reason}" + (f"\n  {self.remedy}" if self.remedy else "")


def endings(
    records: Sequence[Record],
    of_this_run: Sequence[Record],
    points: Sequence[Point],
    share: float,
    given_up: Collection[str] = (),
) -> list[Ending]:
    """What has ended by now, the whole campaign first.

    records: all of the campaign; of_this_run: those since it was started or resumed, by which noise is judged, so that
    a campaign that was stopped for noise can be resumed. points: all points. share: `limits.rejected_share`. given_up:
    keys of the points that have ended already; noise is judged without them.
    """
    left = [one for one in of_this_run if one.point_key not in given_up]
    keys = {point.key for point in points} - set(given_up)
    return [*stopped_by_failures(records, points, given_up), *noise_endings(left, keys, share)]


def stopped_by_failures(
    records: Sequence[Record], points: Sequence[Point], given_up: Collection[str] = ()
) -> tuple[Ending, ...]:
    """What failures before any load ended; where that was the campaign, its points are not named for the same reason."""
    never = never_started(records, points, given_up)
    if never is None:
        return tuple(hopeless_points(records))
    return (never, *hopeless_points([one for one in records if not _did_not_start(one)]))


def never_started(records: Sequence[Record], points: Sequence[Point], given_up: Collection[str] = ()) -> Ending | None:
    """The end of a campaign in which an arm's app started at no point: not at the first and not at the second that was
    tried, or not at the only one. None otherwise.
    """
    found = [
        one
        for failed in _never_started(records).values()
        if (second := _second_try(failed, points, given_up)) is None or second.key in {one.point_key for one in failed}
        for one in failed
    ]
    if not found or len({one.point_key for one in found}) < min(2, len(points)):
        return None
    tried = len({one.point_key for one in found})
    return _ending(None, found, f" at {tried} of {len(points)} points" if tried > 1 else "")


def waiting_points(
    records: Sequence[Record], points: Sequence[Point], given_up: Collection[str] = ()
) -> frozenset[str]:
    """The keys of the points that wait until it is known whether an app that did not start starts at a second point."""
    seconds = {
        second.key
        for failed in _never_started(records).values()
        if (second := _second_try(failed, points, given_up)) is not None
    }
    return frozenset(point.key for point in points if point.key not in seconds) if seconds else frozenset()


def _never_started(records: Sequence[Record]) -> dict[str, list[Record]]:
    """By arm that has started at no point, its trials in which its app did not start."""
    started = {one.arm for one in records if one.accepted or one.metrics.ready_seconds is not None}
    found: dict[str, list[Record]] = {}
    for one in records:
        if one.arm not in started and _did_not_start(one):
            found.setdefault(one.arm, []).append(one)
    return found


def _did_not_start(one: Record) -> bool:
    cause = deciding(one.rejections)
    return one.outcome == "failed" and cause is not None and cause.hopeless and cause.reason in NEVER_STARTED


def _second_try(failed: Sequence[Record], points: Sequence[Point], given_up: Collection[str]) -> Point | None:
    """Where an app that did not start in these trials of one arm is tried next: the point that shares least with the
    first one, of these the smallest. None where there is no other.
    """
    first = Point.model_validate(failed[0].point)
    tried = {one.point_key for one in failed}
    others = [one for one in points if one.key != first.key and (one.key in tried or one.key not in given_up)]

    def likeness(one: Point) -> tuple[bool, bool, bool, int, int]:
        same = (one.endpoint == first.endpoint, one.loop == first.loop, one.threadpool == first.threadpool)
        return (*same, one.workers * one.threads, one.connections)

    return min(others, key=likeness, default=None)


def hopeless_points(records: Sequence[Record]) -> list[Ending]:
    """The points at which an arm failed before any load and has not counted in any block."""
    counted = {(one.point_key, one.arm) for one in records if one.accepted}
    by_point: dict[str, list[Record]] = {}
    for one in _hopeless(records):
        if (one.point_key, one.arm) not in counted:
            by_point.setdefault(one.point_key, []).append(one)
    return [_ending(point, failed) for point, failed in by_point.items()]


def noise_endings(records: Sequence[Record], points: Collection[str], share: float) -> list[Ending]:
    """The points that the environment makes impossible, and the campaign where it disturbs more than one point.

    A cause ends what it disturbs when more than `share` of these records were rejected for it. If they are all at one
    of several `points`, that point ends, and the others are judged without it.
    """
    found: list[Ending] = []
    while True:
        ended = {one.point for one in found}
        left = [one for one in records if one.point_key not in ended]
        reason, cause, where = _disturbed(left, share)
        if reason is None:
            return found
        if len(where) > 1 or len(set(points) - ended) < 2:
            return [*found, Ending(None, reason, _noise_remedy(cause))]
        found.append(Ending(where.pop(), reason, _noise_remedy(cause)))


def stop_reason(records: Sequence[Record], points: Collection[str], share: float, blocks_left: int = 1) -> str | None:
    """Why a campaign with these records should stop for its environment; None: it should not. See `noise_endings`.

    blocks_left: how many blocks are not concluded. A campaign that was stopped and resumed to its end has none: nothing
    is missing in it.
    """
    if blocks_left <= 0:
        return None
    return next((one.reason for one in noise_endings(records, points, share) if one.point is None), None)


def _disturbed(records: Sequence[Record], share: float) -> tuple[str | None, str, set[str]]:
    """The cause for which more than `share` of the trials were rejected, in words and by name, and the points it hit."""
    # A point that was moved apart has lost one block by that, and its further blocks nothing.
    records = [one for one in records if all(found.reason != "not-idle" for found in one.rejections)]
    causes = [(one, cause) for one in records if one.outcome == "rejected" and (cause := deciding(one.rejections))]
    if len(records) < MIN_TRIALS_TO_STOP or not causes:
        return None, "", set()
    reason, count = Counter(cause.reason for _, cause in causes).most_common(1)[0]
    if count <= share * len(records):
        return None, "", set()
    words = f"{count} of {len(records)} trials were rejected for one cause: {reason}"
    return words, reason, {one.point_key for one, cause in causes if cause.reason == reason}


def _noise_remedy(cause: str) -> str:
    limit = {"foreign-cpu": "foreign_cpu", "stolen": "steal", "throttled": "throttled_periods"}.get(cause)
    if limit is None:
        return "remove the cause, then continue with --resume"
    return f"continue on a quieter machine with --resume, or with a higher limit: --limit {limit}=SHARE (recorded as a caveat)"


def _hopeless(records: Sequence[Record]) -> list[Record]:
    return [one for one in records if one.outcome == "failed" and any(found.hopeless for found in one.rejections)]


def _ending(point: str | None, failed: Sequence[Record], where: str = "") -> Ending:
    """The ending by these failed trials; the first speaks for all arms that failed for the same reason."""
    cause = next(one for one in failed[0].rejections if one.hopeless)
    same = dict.fromkeys(one.arm for one in failed if any(other.reason == cause.reason for other in one.rejections))
    what = f"{' and '.join(same)} {reason_of(cause.reason).text}{where}"
    return Ending(point, f"{what}: {cause.detail}", _remedy(cause))


def _remedy(cause: Rejection) -> str:
    location = re.search(r"Location: (\S+)", cause.detail)
    if location:
        return f"load the path that it redirects to: --path {location[1]} (in a scenario: the endpoint's `path`)"
    return REMEDIES.get(cause.reason, "")
