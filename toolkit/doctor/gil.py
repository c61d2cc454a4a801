"""Which modules switch the GIL back on when they are imported, found by importing them under the free-threaded variant.

Packages go into a temporary environment and every extension module is imported, also those that an application imports
late: nobody notices when one of them switches the GIL on in the middle of serving.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.doctor.wheels import Resolved
from toolkit.errors import GilfreeError
from toolkit.pythons.pair import Interpreter
from toolkit.pythons.subprocesses import run_untrusted
from toolkit.pythons.uv import UvFailed, run_uv

PROBE = Path(__file__).with_name("probe.py")
IMPORT_TIMEOUT_SECONDS = 120
_CULPRIT = re.compile(r"to load module '([^']+)'")


@dataclass(frozen=True)
class Switch:
    """A module that switches the GIL on, and its distribution; `imported` are the modules whose import loaded it."""

    module: str
    distribution: str
    imported: tuple[str, ...]


@dataclass(frozen=True)
class GilReport:
    """What importing `tried` extension modules did. `failed`: those whose import raised, each with the reason.

    `crashed`: those whose import ended the process, each with how. They are not ready: a server would end as well.
    """

    tried: int
    switches: tuple[Switch, ...]
    failed: tuple[tuple[str, str], ...]
    crashed: tuple[tuple[str, str], ...] = ()

    def as_data(self) -> dict[str, Any]:
        """For `--json`, where `not_imported` are all modules that could not be imported, `crashed` among them."""
        return {
            "tried": self.tried,
            "switches": [asdict(one) for one in self.switches],
            "not_imported": [list(one) for one in (*self.crashed, *self.failed)],
            "crashed": [list(one) for one in self.crashed],
        }


def gil_report(interpreter: Interpreter, resolved: Resolved) -> GilReport:
    """Install the packages of `resolved` that have a free-threaded wheel, and import all their extension modules.

    interpreter: the free-threaded variant. Raises GilfreeError when the packages cannot be installed or `interpreter`
    cannot run.
    """
    pins = [one.pin for one in resolved.dependencies if one.free_threaded and one.version]
    with tempfile.TemporaryDirectory(prefix="gilfree-doctor-") as name:
        folder = Path(name)
        requirements, venv = folder / "requirements.txt", folder / "venv"
        requirements.write_text("\n".join([*resolved.index_lines, *pins]) + "\n")
        python = venv / "bin" / "python"
        try:
            run_uv(["venv", "--quiet", "--no-project", "--python", str(interpreter.executable), str(venv)])
            options = ("--no-deps", "--only-binary", ":all:", "--python", str(python))
            run_uv(["pip", "install", "--quiet", *options, "-r", str(requirements)])
        except UvFailed as error:
            raise GilfreeError(
                f"the packages cannot be installed for {interpreter.variant}: {error.message}",
                "check that the package index answers, then run the same command again",
            ) from None
        return import_all(python, folder)


def import_all(python: Path, folder: Path) -> GilReport:
    """Import every extension module in the environment of `python`, with `folder` as working and home folder."""
    listed = [json.loads(line) for line in _probe(python, folder, "list").lines]
    distributions = {one["module"]: one["distribution"] for one in listed}
    remaining, imports = sorted(distributions), []
    while remaining:
        ran = _probe(python, folder, "import", *remaining)
        results = [json.loads(line) for line in ran.lines]
        imports += [one for one in results if "imported" in one]
        if results and "importing" in results[-1]:  # its last line: the import ended the process
            imports.append(
                {
                    "imported": results[-1]["importing"],
                    "gil_on": False,
                    "warnings": [],
                    "error": ran.ended,
                    "crashed": True,
                }
            )
        elif not results:
            raise GilfreeError(f"{python} cannot import anything: {ran.ended}", "check that this interpreter works")
        remaining = remaining[remaining.index(imports[-1]["imported"]) + 1 :]
    return summarize(imports, distributions)


def summarize(imports: Sequence[dict[str, object]], distributions: dict[str, str]) -> GilReport:
    """The report of the probe's lines about imports. Pure.

    The module to blame is the one that CPython's warning names, which may be another than the imported one.
    distributions: the distribution of each extension module.
    """
    switches: dict[str, list[str]] = {}
    failed, crashed = [], []
    for one in imports:
        imported = str(one["imported"])
        if one["gil_on"]:
            warned = one["warnings"]
            assert isinstance(warned, Iterable)
            named = [match[1] for match in (_CULPRIT.search(text) for text in warned) if match]
            switches.setdefault(named[0] if named else imported, []).append(imported)
        elif one.get("crashed"):
            crashed.append((imported, str(one["error"])))
        elif one["error"]:
            failed.append((imported, str(one["error"])))
    return GilReport(
        tried=len(imports),
        switches=tuple(
            Switch(module, _owner(module, imported, distributions), tuple(imported))
            for module, imported in sorted(switches.items())
        ),
        failed=tuple(failed),
        crashed=tuple(crashed),
    )


def _owner(module: str, imported: Sequence[str], distributions: dict[str, str]) -> str:
    """The package that a module belongs to; the warning may give a module's short name only."""
    for known, distribution in distributions.items():
        if known == module or known.endswith("." + module):
            return distribution
    return distributions[imported[0]]


@dataclass(frozen=True)
class _Ran:
    """The probe's output, and how it ended, in words."""

    lines: list[str]
    ended: str


def _probe(python: Path, folder: Path, *arguments: str) -> _Ran:
    # A clean environment: PYTHON_GIL=0 would hide the offenders, and imports must not write to the user's home.
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder)}
    command = [str(python), "-I", str(PROBE), *arguments]
    ran = run_untrusted(command, cwd=folder, env=environment, timeout_seconds=IMPORT_TIMEOUT_SECONDS)
    if ran.code is None:
        ended = f"the import had not ended after {IMPORT_TIMEOUT_SECONDS} s"
    else:
        ended = f"the import ended the process ({ran.ended}): {ran.stderr.strip()[-200:]}".rstrip(": ")
    if arguments[0] == "list" and ran.code != 0:
        raise GilfreeError(
            f"{python} cannot list its modules: {ran.stderr.strip()[-400:]}", "check that this interpreter works"
        )
    return _Ran(ran.stdout.splitlines(), ended)
