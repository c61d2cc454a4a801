"""Apps that fail on the free-threaded build alone: the other arm of a block must not be blamed for it."""

from __future__ import annotations

import sysconfig
import threading
import time

import faulty  # type: ignore[import-not-found]

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

dies, eats_memory, wrong, gil_on, stalls = (
    bad if FREE_THREADED else faulty.right
    for bad in (
        faulty.dies,
        faulty.eats_memory,
        faulty.wrong_of_same_size,
        faulty.turns_gil_on,
        faulty.stalls,
    )
)
right, slow = faulty.right, faulty.slow


def _work() -> None:
    while True:
        until = time.monotonic() + 0.005
        while time.monotonic() < until:
            pass
        time.sleep(0.05)


async def works_in_background(scope: object, receive: object, send: faulty.Send) -> None:
    """Has a thread that works while nobody asks anything: no fault, but it takes CPU time from the other arms."""
    if faulty.served == 0:
        threading.Thread(target=_work, daemon=True).start()
    await faulty.answer(send)


if not FREE_THREADED:  # the other build has no app of that name, and does not start
    never_starts = faulty.right
