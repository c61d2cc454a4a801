"""Fixtures of the capacity tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def print_live(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a line at once, although pytest captures output and the test passes: counts that are worth seeing."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def show(words: str) -> None:
        with capture.global_and_fixture_disabled():
            print(words, flush=True)

    return show
