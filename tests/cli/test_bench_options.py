"""Options of `gilfree bench` that are refused before anything is built or measured."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.errors import GilfreeError


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fail-on", "requests_per_second<-5%"], "--fail-on without --against"),
        (["--against", "threads=8", "--fail-on", "rps<-5%"], "column 1: there is no metric 'rps'"),
        (
            ["--against", "threads=8", "--fail-on", "memory_mb>5%"],
            "fewer than 8 blocks: a quick run does not fail a build",
        ),
        (["--stop-when-sure", "--blocks", "4"], "no point may stop before 8 blocks"),
        (["--stop-when-sure", "--half-width", "wide"], "--half-width wide"),
        (["--scenario", "asgi", "--against", "threads=8"], "8 threads on ASGI"),
        (["--backend", "podman"], "there is no backend 'podman'"),
        (["--backend", "docker", "--port", "8000"], "--port: a container's ports are its own"),
    ],
)
def test_what_could_not_mean_anything_is_refused(words: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["bench", "--quiet", *words])
    assert isinstance(done.exception, GilfreeError)
    assert message in done.exception.message
