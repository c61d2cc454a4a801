"""Fixtures of the capacity tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say something that is shown although the test passes: counts that somebody wants to see."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(words: str) -> None:
        with capture.global_and_fixture_disabled():
            print(words, flush=True)

    return say
