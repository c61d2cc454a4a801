"""Finds or makes the matched pair, saying one line for each way that was tried and why it did not serve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.pythons.build import build_pair, cached_pair, clean_leftovers
from toolkit.pythons.lock import LockedSeries, load_lock
from toolkit.pythons.pair import Pair, ask, verified
from toolkit.pythons.uv import managed_pair
from toolkit.setup.needs import Need


def find_pair(
    asked: str,
    *,
    profile: str = "fast",
    explicit: tuple[Path, Path] | None = None,
    say: Say = print,
    later: Sequence[Need] = (),
) -> Pair:
    """The pair for a series or exact version of the lock. In this order, the first that serves:

    explicit paths (then nothing else is tried); a pair built before; uv's managed builds; both built from one tarball.
    `later`: what the caller's next steps need of the system, so that a user is told of it at once.
    A uv pair is PGO and LTO built, so it is preferred to building either profile; what was built is never mixed with it.
    """
    entry = load_lock().resolve(asked)
    if explicit is not None:
        return _explicit(entry, explicit)
    clean_leftovers()
    pair = cached_pair(entry, profile)
    if pair is not None:
        say(f"pythons: {entry.version} and {entry.version}t, built here before ({profile})")
        return pair
    say(f"pythons: no {profile} pair of {entry.version} in the cache")
    say("pythons: asking uv for its builds")
    try:
        pair = managed_pair(entry)
    except GilfreeError as reason:
        say(f"pythons: uv's builds do not serve: {_short(reason.message)}")
    else:
        say(f"pythons: {entry.version} and {entry.version}t from uv")
        return pair
    say(f"pythons: building both variants of {entry.version} from one tarball")
    return build_pair(entry, profile, say, later)


def _explicit(entry: LockedSeries, explicit: tuple[Path, Path]) -> Pair:
    gil, free_threaded = (ask(path) for path in explicit)
    notes = verified(gil, free_threaded, entry.version, built=False)
    return Pair(entry.series, "unknown", "paths given by the user", gil, free_threaded, notes)


def _short(text: str) -> str:
    """The last line that says something: uv puts the cause there."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else text
