"""How long work shows its progress to the user without knowing what a terminal is."""

from __future__ import annotations

import sys
from collections.abc import Callable

Say = Callable[[str], None]
"""Shows one line of progress to the user. The command line passes one that writes to stderr; tests pass a list's append."""


def to_stderr(line: str) -> None:
    """A `Say` for those who are given none."""
    print(line, file=sys.stderr, flush=True)
