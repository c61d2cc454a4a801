"""Commands that have moved: an old name answers with the new one and exits 2, before anything is imported for it."""

from __future__ import annotations

from collections.abc import Sequence

RENAMED = {
    "render": "cluster render",
    "status": "cluster status",
    "gather": "cluster gather",
    "cancel": "cluster cancel",
    "overhead": "selftest overhead",
    "cluster-overhead": "selftest cluster-overhead",
    "simulate": "selftest simulate",
    "simulate --scale": "selftest scale",
    "fleet --scale": "selftest scale",
}
"""New names by the old ones; `--scale` was a command in the shape of an option."""


def renamed(arguments: Sequence[str]) -> tuple[str, str] | None:
    """The old and the new name if the arguments of `gilfree` begin with an old one, else None."""
    command = arguments[0] if arguments else ""
    for old in ([f"{command} --scale"] if "--scale" in arguments else []) + [command]:
        if old in RENAMED:
            return old, RENAMED[old]
    return None
