"""`gilfree doctor`: what this machine lacks, and which dependencies are not ready for free threading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.shared.options import DEFAULT_PYTHON, AsJson, Python

if TYPE_CHECKING:
    from toolkit.doctor.machine_checks import MachineCheck
    from toolkit.doctor.requirements import Readiness
    from toolkit.pythons.pair import Interpreter


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    requirements: Annotated[
        Path | None, typer.Argument(help="A requirements file, a pyproject.toml or a project's folder.")
    ] = None,
    python: Python = DEFAULT_PYTHON,
    free_threaded: Annotated[
        Path | None, typer.Option(help="Free-threaded interpreter to import the dependencies with.")
    ] = None,
    json_output: AsJson = False,
) -> None:
    """List what this machine has and lacks; with REQUIREMENTS, what is not ready for the free-threaded variant.

    Builds nothing and leaves nothing installed. Exit 1 when something is missing or not ready, 2 when that cannot be
    found out.
    """
    import sys
    from dataclasses import asdict

    from toolkit.cli.shared.output import progress
    from toolkit.doctor import machine_checks
    from toolkit.doctor.requirements import readiness
    from toolkit.errors import CHECK_FAILED, GilfreeError
    from toolkit.pythons.lock import load_lock

    entry = load_lock().resolve(python)
    broken = ""
    try:
        pair = machine_checks.pair_here(entry)
    except GilfreeError as error:  # a pair that is incomplete is a finding; the other checks still run
        pair, broken = None, error.message
    found = machine_checks.checks(entry, pair)
    if broken:
        found.append(
            machine_checks.MachineCheck("pair in the cache", "missing", broken, "remove it, then run `gilfree pythons`")
        )
    ready: Readiness | None = None
    if not json_output:
        _print_checks(found)
    if requirements is not None:
        interpreter = _interpreter(free_threaded, entry.series) or (pair.free_threaded if pair else None)
        ready = readiness(requirements, entry.series, interpreter, progress())
        if not json_output:
            _print_readiness(ready)
    if json_output:
        import json

        data = {
            "doctor_schema": 1,
            "python": entry.version,
            "checks": [asdict(one) for one in found],
            "requirements": ready.as_data() if ready else None,
        }
        print(json.dumps(data, indent=1))
    if any(one.state == "missing" for one in found) or (ready is not None and not ready.ready):
        sys.exit(CHECK_FAILED)


def _interpreter(path: Path | None, series: str) -> Interpreter | None:
    if path is None:
        return None
    from toolkit.errors import GilfreeError
    from toolkit.pythons.pair import inspect_interpreter

    found = inspect_interpreter(path)
    if found.variant != f"{series}t":
        raise GilfreeError(
            f"--free-threaded {path} is {found.variant}, not {series}t", f"give the interpreter of {series}t"
        )
    return found


def _print_checks(found: list[MachineCheck]) -> None:
    width = max(len(one.name) for one in found)
    for one in found:
        print(f"{one.state:10}  {one.name:{width}}  {one.detail}")
        if one.remedy and one.state != "here":
            print(f"{'':10}  {'':{width}}  -> {one.remedy}")
    count = sum(one.state == "missing" for one in found)
    made = any(one.state == "to be made" for one in found)
    ready = "a run builds what is still to be made" if made else "everything that a run on this machine needs is here"
    print(f"\n{count} missing" if count else f"\nnothing is missing: {ready}")


def _print_readiness(ready: Readiness) -> None:
    from toolkit.doctor.requirements import readiness_lines

    print("\n" + "\n".join(readiness_lines(ready)))
