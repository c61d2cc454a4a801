"""`make` runs this first, with the system's Python: it installs into .venv exactly what uv.lock says, unless that is done.

Standard library only; any Python 3 can run it, if only to report that it is too old. uv does the installation: the one on
PATH or, since GitHub may be out of reach, one from the Python package index, which is installed into .venv itself.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / "gilfree-stamp"
OLDEST = (3, 11)
NEWEST_MINOR = 19
OLDEST_UV = (0, 9)

NOT_OURS = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PROJECT", "UV_NO_DEV", "PYTHONHOME", "PYTHONPATH")
"""Not passed on: if the caller is in another virtual environment, that one must not be changed."""

INTERRUPTED = 130


class SetupFailed(Exception):
    """The setup cannot continue. Its two arguments: what is wrong, and the remedy."""


def main() -> int:
    """Exit code 0 when .venv is ready, 2 with a remedy when it cannot be."""
    try:
        if not sys.platform.startswith("linux"):
            raise SetupFailed(
                "gilfree measures on Linux only, this is " + sys.platform, "use a Linux machine, virtual or real"
            )
        if sys.version_info < OLDEST:
            return run_newer_python()
        import fcntl  # Linux has it

        # One at a time: `make test` and `make bench` may be started in two terminals.
        with Path(__file__).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not up_to_date():
                make_environment()
    except SetupFailed as failure:
        message, remedy = failure.args
        print(f"gilfree: {message}\n  remedy: {remedy}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def run_newer_python() -> int:
    """Replace this process by a newer Python of PATH that runs this file. Raises SetupFailed when there is none."""
    for minor in range(NEWEST_MINOR, OLDEST[1] - 1, -1):
        other = shutil.which("python3." + str(minor))
        if other and subprocess.call([other, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(other, [other, __file__])
    found = ".".join(map(str, sys.version_info[:3]))
    raise SetupFailed(
        "Python 3.11 or newer is needed, " + sys.executable + " is " + found, "make … PYTHON3=/path/to/python3.13"
    )


def digest() -> str:
    """SHA-256 of what .venv depends on: pyproject.toml, uv.lock, and its own path, which its scripts contain."""
    content = hashlib.sha256(str(ROOT).encode())
    for name in ("pyproject.toml", "uv.lock"):
        content.update((ROOT / name).read_bytes())
    return content.hexdigest()


def up_to_date() -> bool:
    """Whether .venv was made from the present files at this place, and its Python is still there."""
    python = VENV / "bin" / "python"
    return STAMP.exists() and python.exists() and STAMP.read_text() == f"{ROOT}\n{digest()}\n"


def make_environment() -> None:
    """Make .venv, or update it. Raises SetupFailed."""
    print("setup: installing the toolkit into .venv (once, until pyproject.toml or uv.lock change)", file=sys.stderr)
    moved = STAMP.exists() and STAMP.read_text().splitlines()[:1] != [str(ROOT)]
    if VENV.exists() and (moved or not usable()):
        shutil.rmtree(VENV)  # its scripts contain another path, or it is incomplete
    STAMP.unlink(missing_ok=True)
    sys.path.insert(0, str(ROOT))
    from toolkit.setup.index import has_mirror, uv_environment

    environment = {key: value for key, value in os.environ.items() if key not in NOT_OURS}
    environment.update(uv_environment(environment), UV_PYTHON=sys.executable)
    uv = find_uv(environment)
    if has_mirror(environment):
        done = sync_from_mirror(uv, environment)
    else:
        done = run(environment, uv, "sync", "--frozen", "--all-extras", "--no-python-downloads", *quiet())
    if not done:
        raise SetupFailed("installing the toolkit failed, see above", NO_INDEX)
    STAMP.write_text(f"{ROOT}\n{digest()}\n")


NO_INDEX = "is a Python package index reachable? (PIP_INDEX_URL or UV_DEFAULT_INDEX names a mirror)"


def sync_from_mirror(uv: str, environment: "dict[str, str]") -> bool:
    """Do what `uv sync --frozen` does, but from a mirror: with names, versions and hashes of uv.lock, not its addresses."""
    with tempfile.TemporaryDirectory() as scratch:
        locked = str(Path(scratch, "requirements.txt"))
        export = ("export", "--frozen", "--all-extras", "--no-emit-project", "--quiet", "--output-file", locked)
        where = {**environment, "VIRTUAL_ENV": str(VENV)}
        where.pop("UV_PYTHON")
        return (
            run(environment, uv, *export)
            and (VENV.exists() or run(environment, uv, "venv", "--quiet", str(VENV)))
            and run(where, uv, "pip", "sync", "--require-hashes", *quiet(), locked)
            and run(where, uv, "pip", "install", "--no-deps", *quiet(), "--editable", ".")
        )


def usable() -> bool:
    """Whether .venv is a virtual environment whose Python starts."""
    python = VENV / "bin" / "python"
    try:
        starts = subprocess.run([str(python), "-c", ""], stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False
    return starts and (VENV / "pyvenv.cfg").exists()


def find_uv(environment: "dict[str, str]") -> str:
    """The path of uv: the one on PATH when it is new enough, else one that is installed into .venv at the locked version."""
    on_path = shutil.which("uv")
    if on_path and uv_version(on_path) >= OLDEST_UV:
        return on_path
    mine = VENV / "bin" / "uv"
    if uv_version(str(mine)) >= OLDEST_UV:
        return str(mine)
    ensure_venv()
    python = str(VENV / "bin" / "python")
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
    if not run(environment, sys.executable, "-m", "venv", "--clear", str(VENV)):
        raise SetupFailed("no virtual environment could be made, see above", "is the folder writable, is there space?")
    if not run(environment, *pip, "uv==" + locked_uv()):
        raise SetupFailed("uv could not be installed into .venv, see above", NO_INDEX)
    return str(mine)


def uv_version(uv: str) -> "tuple[int, ...]":
    """Major and minor version; (0,) when it does not run (a version manager may put a placeholder on PATH)."""
    try:
        done = subprocess.run([uv, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return tuple(int(part) for part in done.stdout.decode().split()[1].split(".")[:2])
    except (OSError, ValueError, IndexError):
        return (0,)


def locked_uv() -> str:
    """The version of uv that uv.lock has."""
    lines = (ROOT / "uv.lock").read_text().splitlines()
    return lines[lines.index('name = "uv"') + 1].split('"')[1]


def ensure_venv() -> None:
    """Ensure that this Python can make virtual environments, for which Debian has a separate package."""
    from toolkit.errors import GilfreeError
    from toolkit.setup import needs
    from toolkit.setup.packages import ensure_packages

    later = (*needs.LOAD_GENERATORS, *needs.CPYTHON)
    try:
        ensure_packages(needs.VENV, "to make a virtual environment", say, later)
    except GilfreeError as error:
        raise SetupFailed(error.message, error.remedy) from None


def say(words: str) -> None:
    """Print a line of progress to stderr, so that it does not mix with results."""
    print("setup: " + words, file=sys.stderr, flush=True)


def run(environment: "dict[str, str]", *command: str) -> bool:
    """Run a command, whose output is the user's to see; whether it succeeded."""
    done = subprocess.run(command, cwd=str(ROOT), env=environment, stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def quiet() -> "list[str]":
    """uv's option against progress bars, unless stderr is a terminal."""
    return [] if sys.stderr.isatty() else ["--quiet"]


if __name__ == "__main__":
    sys.exit(main())
