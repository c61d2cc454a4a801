"""Promises of time and size, tried and printed: `simulate --scale`, `fleet --scale`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.selftest.scale import Timed


def print_promises(timed: Iterable[Timed], as_json: bool) -> None:
    """Print each as it is measured (as JSON all at the end); exit 1 when one is broken."""
    from toolkit.errors import CHECK_FAILED

    found = []
    for one in timed:
        found.append(one)
        if not as_json:
            state = "" if one.kept else "  BROKEN"
            print(
                f"{one.what}: {one.took:.1f} {one.unit}, at most {one.limit:g} {one.unit} promised{state}", flush=True
            )
    if as_json:
        print(json.dumps([{**asdict(one), "kept": one.kept} for one in found], indent=1))
    if not all(one.kept for one in found):
        sys.exit(CHECK_FAILED)
