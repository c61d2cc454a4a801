"""What `make` runs first, with the system's Python: makes .venv hold exactly what uv.lock says, and nothing when it does.

Standard library only, and it runs on any Python 3 far enough to say that it is too old. uv is needed for the rest of the
toolkit too; it is taken from PATH or, without GitHub, from the Python package index into .venv itself.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / "gilfree-stamp"
OLDEST = (3, 11)


def main() -> int:
    """Exit code 0 when .venv is ready, 2 with a remedy when it cannot be."""
    if sys.platform != "linux":
        return stop(f"gilfree measures on Linux only, this is {sys.platform}", "use a Linux machine, virtual or real")
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        return stop(f"Python 3.11 or newer is needed, {sys.executable} is {found}", "make … PYTHON3=python3.12 (or newer)")
    wanted = digest()
    if STAMP.exists() and STAMP.read_text() == wanted and (VENV / "bin" / "python").exists():
        return 0
    print("setup: installing the toolkit into .venv (once, until pyproject.toml or uv.lock change)", file=sys.stderr)
    uv = find_uv()
    if uv is None:
        return 2
    # Whatever virtual environment the caller is in, it is not ours to change.
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    environment["UV_PYTHON"] = sys.executable
    sync = [uv, "sync", "--frozen", "--all-extras", "--no-python-downloads", "--quiet", "--inexact"]
    if subprocess.run(sync, cwd=ROOT, env=environment, check=False).returncode:
        return stop("`uv sync` failed, see above", "is a Python package index reachable? (UV_DEFAULT_INDEX names a mirror)")
    STAMP.write_text(wanted)
    return 0


def digest() -> str:
    """What .venv depends on, by content."""
    content = hashlib.sha256(sys.version.encode())
    for name in ("pyproject.toml", "uv.lock"):
        content.update((ROOT / name).read_bytes())
    return content.hexdigest()


def find_uv() -> "str | None":
    """uv from PATH, else installed into .venv at the locked version; None after saying what is wrong."""
    on_path = shutil.which("uv")
    if on_path and subprocess.run([on_path, "sync", "--help"], capture_output=True, check=False).returncode == 0:
        return on_path
    mine = VENV / "bin" / "uv"
    if mine.exists():
        return str(mine)
    if not have_venv():
        return None
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False).returncode
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if made or subprocess.run([*pip, f"uv=={locked_uv()}"], check=False).returncode:
        stop("uv could not be installed into .venv, see above", "is a Python package index reachable? (PIP_INDEX_URL names a mirror)")
        return None
    return str(mine)


def locked_uv() -> str:
    """The version of uv in uv.lock."""
    lines = (ROOT / "uv.lock").read_text().splitlines()
    return lines[lines.index('name = "uv"') + 1].split('"')[1]


def have_venv() -> bool:
    """Whether this Python can make virtual environments; Debian has that in a package of its own."""
    sys.path.insert(0, str(ROOT))
    from toolkit.errors import GilfreeError
    from toolkit.setup.packages import Need, ensure_packages

    try:
        ensure_packages([Need("python3-venv", module="ensurepip")], "to make a virtual environment", print)
    except GilfreeError as error:
        print(f"gilfree: {error}", file=sys.stderr)
        return False
    return True


def stop(message: str, remedy: str) -> int:
    """Say what is wrong and what to do; the exit code for bad input or environment."""
    print(f"gilfree: {message}\n  remedy: {remedy}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
