"""Options together with --resume: what a run began with cannot be changed, so such an option is refused, not ignored."""

from __future__ import annotations

from collections.abc import Collection

import typer

BENCH_FIXED = frozenset(
    [
        "scenario",
        "python",
        "backend",
        "duration",
        "profile",
        "full",
        "name",
        "app",
        "interface",
        "path",
        "project",
        "gil",
        "free_threaded",
        "against",
        "stop_when_sure",
        "half_width",
        "aa",
        "registry",
        "cluster",
    ]
)
"""Parameters of `gilfree bench` that a resumed run keeps as they were."""

KNEE_FIXED = frozenset(
    [
        "scenario",
        "slo",
        "point",
        "grid",
        "cpus",
        "ladder",
        "confirm",
        "blocks",
        "python",
        "backend",
        "profile",
        "name",
        "registry",
    ]
)
"""The same of `gilfree knee`."""


def refuse_fixed_options(invocation: typer.Context, fixed: Collection[str]) -> None:
    """Raise GilfreeError when this invocation gives one of these parameters, naming all of them."""
    from toolkit.errors import GilfreeError

    given = [
        max(parameter.opts, key=len) if parameter.opts and parameter.opts[0].startswith("-") else str(parameter.name)
        for parameter in invocation.command.params
        if parameter.name in fixed and _is_given(invocation, parameter.name)
    ]
    if given:
        raise GilfreeError(
            f"{', '.join(given)}: a resumed run keeps what it began with, so this cannot be changed",
            "omit it, or start a new run (with --resume you can give --blocks, --limit and --max-duration)",
        )


def _is_given(invocation: typer.Context, name: str) -> bool:
    source = invocation.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"
