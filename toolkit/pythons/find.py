"""Finds or makes a pair, with one line of progress for each way that was tried and why it did not work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.pythons.build import build_pair, cached_pair, clean_leftovers
from toolkit.pythons.lock import LockedSeries, load_lock
from toolkit.pythons.pair import Pair, foreign_pair, inspect_interpreter
from toolkit.pythons.uv import downloaded_pair, managed_pair
from toolkit.setup.needs import Need


def find_pair(
    python: str,
    *,
    profile: str = "fast",
    explicit: tuple[Path, Path] | None = None,
    say: Say = print,
    later: Sequence[Need] = (),
    optimised: bool = True,
) -> Pair:
    """The pair for a series or an exact version of the lock.

    The first of these is taken: the interpreters given as `explicit` (then nothing else is tried); a pair that is here, as
    `pair_at_hand` finds it; uv's builds, downloaded, which have PGO and LTO and are therefore preferred to building; both
    variants built from one tarball with `profile`. The two interpreters of a pair always come from the same place.
    later: what the caller's next steps need of the system, named in the message if a user has to install packages.
    optimised: as for `pair_at_hand`. Raises GilfreeError when no way works, NotAPair when explicit interpreters are no pair.
    """
    entry = load_lock().resolve(python)
    if explicit is not None:
        return _explicit(entry, explicit)
    clean_leftovers()
    pair = pair_at_hand(entry, profile, say, optimised=optimised)
    if pair is not None:
        return pair
    say(f"pythons: no {profile} pair of {entry.version} in the cache")
    say("pythons: asking uv for its builds")
    try:
        pair = managed_pair(entry)
    except GilfreeError as reason:
        say(f"pythons: uv's builds cannot be used: {_last_line(reason.message)}")
    else:
        say(f"pythons: {entry.version} and {entry.version}t from uv")
        return pair
    say(f"pythons: building both variants of {entry.version} from one tarball")
    return build_pair(entry, profile, say, later)


def pair_at_hand(entry: LockedSeries, profile: str, say: Say, *, optimised: bool = True) -> Pair | None:
    """The pair that is here already: a release build, uv's builds, or a build with `profile`; None when none is.

    optimised: False takes a build with `profile` alone, for a pair that is compared with one of that profile. Nothing is
    built or downloaded. An optimised pair that is damaged is passed over with the reason; raises GilfreeError when the build
    with `profile` is damaged.
    """
    for name in dict.fromkeys(("release", "uv", profile) if optimised else (profile,)):
        try:
            pair = downloaded_pair(entry) if name == "uv" else cached_pair(entry, name)
        except GilfreeError as reason:
            if name == profile:
                raise
            say(f"pythons: {_named(name)} cannot be used: {_last_line(reason.message)}")
            continue
        if pair is not None:
            say(f"pythons: {entry.version} and {entry.version}t, {_named(name)}")
            return pair
    return None


def _named(name: str) -> str:
    return "downloaded by uv before" if name == "uv" else f"built here before ({name})"


def _explicit(entry: LockedSeries, explicit: tuple[Path, Path]) -> Pair:
    gil, free_threaded = (inspect_interpreter(path) for path in explicit)
    return foreign_pair(entry.series, entry.version, "paths given by the user", gil, free_threaded)


def _last_line(text: str) -> str:
    """The last line that is not empty: uv puts the cause there."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else text
