"""Values of options, checked and converted; what is wrong is named by its option."""

from __future__ import annotations

from toolkit.errors import GilfreeError

PROFILES = ("fast", "release")


def seconds_of(option: str, text: str) -> int:
    """Whole seconds of a duration such as `30s`, `5m` or `2h`. Raises GilfreeError naming the option."""
    from toolkit.units import whole_seconds_of

    try:
        return whole_seconds_of(text)
    except ValueError as error:
        raise GilfreeError(f"{option}: {error}") from None


def check_profile(profile: str) -> None:
    """Raise GilfreeError unless it is a build profile."""
    if profile not in PROFILES:
        raise GilfreeError(f"--profile: there is no profile {profile!r}", f"give {' or '.join(PROFILES)}")


def check_both_interpreters(gil: object, free_threaded: object) -> None:
    """Raise GilfreeError when only one interpreter of the pair is given."""
    if (gil is None) != (free_threaded is None):
        raise GilfreeError("only one interpreter of the pair is given", "give both --gil and --free-threaded")
