"""Golden manifests: what `gilfree cluster render` writes, kept in tests/golden/jobs. `make goldens` regenerates them."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

from toolkit.cli import app

GOLDEN = Path(__file__).parents[1] / "golden"
IMAGES = ",".join(
    f"registry.example/{name}@sha256:{64 * letter}"
    for name, letter in (("gilfree-app", "a"), ("gilfree-app", "b"), ("gilfree-load", "c"))
)

CASES: dict[str, tuple[str, ...]] = {
    "asgi": ("asgi", "--blocks", "1"),
    "wsgi-on-two-cpus": ("wsgi", "--blocks", "1", "--set", "server.cpus=2", "--set", "namespace=bench"),
    "every-setting": ("asgi", "--blocks", "1", "--cluster", str(GOLDEN / "settings" / "everything.yaml")),
    "fraction-throttled": ("asgi", "--blocks", "1", "--set", "server.cpus=500m", "--set", "throttling=measure"),
    "twice-the-same": ("aa", "--blocks", "1", "--no-suspend"),
}
"""Arguments of `gilfree cluster render` by the golden file's name."""


def rendered(arguments: tuple[str, ...]) -> str:
    """What the command prints, run in this process."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        app(["cluster", "render", *arguments, "--images", IMAGES], standalone_mode=False)
    return output.getvalue()


def file_of(name: str) -> Path:
    """The file of a golden."""
    return GOLDEN / "jobs" / f"{name}.yaml"


if __name__ == "__main__":
    for known in file_of("x").parent.glob("*.yaml"):
        if known.stem not in CASES:
            known.unlink()
    for case, words in CASES.items():
        text = rendered(words)
        changed = not file_of(case).exists() or file_of(case).read_text() != text
        file_of(case).write_text(text)
        print(f"{'written' if changed else 'the same'}: {file_of(case)}", file=sys.stderr)
