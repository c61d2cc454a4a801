"""Options that were typed although they cannot apply: refused, because a figure for other conditions would look alike."""

from __future__ import annotations

from collections.abc import Collection

import typer

from toolkit.errors import GilfreeError


def given_options(context: typer.Context) -> list[str]:
    """The options and arguments on the command line, by their parameters' names."""
    return [
        name
        for name in context.params
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    ]


def refuse_others(context: typer.Context, allowed: Collection[str], because: str) -> None:
    """Raise GilfreeError naming the given options outside `allowed`, by the names that the user typed."""
    labels = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    others = [str(labels[name]) for name in given_options(context) if name not in allowed]
    if others:
        raise GilfreeError(
            f"{', '.join(others)} cannot apply: {because}", f"omit {'it' if len(others) == 1 else 'them'}"
        )
