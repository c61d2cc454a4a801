"""What `make` runs first, with the system's Python: makes .venv hold exactly what uv.lock says, and nothing when it does.

Standard library only, and it runs on any Python 3 far enough to say that it is too old. uv is needed for the rest of the
toolkit too; it is taken from PATH or, without GitHub, from the Python package index into .venv itself.
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
"""The virtual environment that the caller may be in is not ours to change."""

INTERRUPTED = 130


class Stop(Exception):
    """It cannot go on: what is wrong, and what to do."""


def main() -> int:
    """Exit code 0 when .venv is ready, 2 with a remedy when it cannot be."""
    try:
        if not sys.platform.startswith("linux"):
            raise Stop(
                "gilfree measures on Linux only, this is " + sys.platform, "use a Linux machine, virtual or real"
            )
        if sys.version_info < OLDEST:
            return run_newer_python()
        import fcntl  # where it is not, nobody gets this far

        # One at a time: `make test` and `make bench` may well be started in two terminals.
        with Path(__file__).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not up_to_date():
                make_environment()
    except Stop as stop:
        message, remedy = stop.args
        print(f"gilfree: {message}\n  remedy: {remedy}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def run_newer_python() -> int:
    """Start over with a newer Python of PATH."""
    for minor in range(NEWEST_MINOR, OLDEST[1] - 1, -1):
        other = shutil.which("python3." + str(minor))
        if other and subprocess.call([other, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(other, [other, __file__])
    found = ".".join(map(str, sys.version_info[:3]))
    raise Stop(
        "Python 3.11 or newer is needed, " + sys.executable + " is " + found, "make … PYTHON3=/path/to/python3.13"
    )


def digest() -> str:
    """What .venv depends on, by content; and where it stands, since its scripts hold that."""
    content = hashlib.sha256(str(ROOT).encode())
    for name in ("pyproject.toml", "uv.lock"):
        content.update((ROOT / name).read_bytes())
    return content.hexdigest()


def up_to_date() -> bool:
    """Whether .venv was made from what is here now, and its Python is still there."""
    python = VENV / "bin" / "python"
    return STAMP.exists() and python.exists() and STAMP.read_text() == f"{ROOT}\n{digest()}\n"


def make_environment() -> None:
    """Make or bring up to date .venv, or raise Stop."""
    print("setup: installing the toolkit into .venv (once, until pyproject.toml or uv.lock change)", file=sys.stderr)
    moved = STAMP.exists() and STAMP.read_text().splitlines()[:1] != [str(ROOT)]
    if VENV.exists() and (moved or not usable()):
        shutil.rmtree(VENV)  # its scripts and links lead to where it was made, or it was left half made
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
        raise Stop("installing the toolkit failed, see above", NO_INDEX)
    STAMP.write_text(f"{ROOT}\n{digest()}\n")


NO_INDEX = "is a Python package index reachable? (PIP_INDEX_URL or UV_DEFAULT_INDEX names a mirror)"


def sync_from_mirror(uv: str, environment: "dict[str, str]") -> bool:
    """As `uv sync --frozen`, by the names, versions and hashes of uv.lock: its addresses are not the mirror's."""
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
    """uv from PATH when it is new enough, else installed into .venv at the locked version."""
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
        raise Stop("no virtual environment could be made, see above", "is the folder writable, is there space?")
    if not run(environment, *pip, "uv==" + locked_uv()):
        raise Stop("uv could not be installed into .venv, see above", NO_INDEX)
    return str(mine)


def uv_version(uv: str) -> "tuple[int, ...]":
    """Major and minor; (0,) for one that does not run, as a version manager's placeholder may not."""
    try:
        done = subprocess.run([uv, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return tuple(int(part) for part in done.stdout.decode().split()[1].split(".")[:2])
    except (OSError, ValueError, IndexError):
        return (0,)


def locked_uv() -> str:
    """The version of uv in uv.lock."""
    lines = (ROOT / "uv.lock").read_text().splitlines()
    return lines[lines.index('name = "uv"') + 1].split('"')[1]


def ensure_venv() -> None:
    """This Python can make virtual environments from here on; Debian has that in a package of its own."""
    from toolkit.errors import GilfreeError
    from toolkit.setup import needs
    from toolkit.setup.packages import ensure_packages

    later = (*needs.LOAD_GENERATORS, *needs.CPYTHON)
    try:
        ensure_packages(needs.VENV, "to make a virtual environment", say, later)
    except GilfreeError as error:
        raise Stop(error.message, error.remedy) from None


def say(words: str) -> None:
    """Progress, where it does not mix with results."""
    print("setup: " + words, file=sys.stderr, flush=True)


def run(environment: "dict[str, str]", *command: str) -> bool:
    """Whether the command succeeded; it speaks for itself."""
    done = subprocess.run(command, cwd=str(ROOT), env=environment, stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def quiet() -> "list[str]":
    """Progress bars are for terminals."""
    return [] if sys.stderr.isatty() else ["--quiet"]


if __name__ == "__main__":
    sys.exit(main())
