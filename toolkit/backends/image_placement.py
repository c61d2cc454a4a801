"""Where both sides are inside gilfree's images, for the backends that run trials in containers."""

from __future__ import annotations

from toolkit.backends.trial_agents import LOOPBACK
from toolkit.trial.contract import AGENT_DIRECTORY, APP_DIRECTORY, OHA, PORT, REWRK, SERVER_PYTHON
from toolkit.trial.model import Placement


def image_placement(
    server_cpus: tuple[int, ...] | None = None, load_cpus: tuple[int, ...] | None = None, *, watch_stdin: bool
) -> Placement:
    """The placement of a trial in containers, whose own limits confine its memory.

    server_cpus, load_cpus: the CPUs that each side pins itself to; None where the container's cpuset decides. watch_stdin:
    whether the agents stop when their standard input closes.
    """
    return Placement(
        python=SERVER_PYTHON,
        app_directory=APP_DIRECTORY,
        agent_directory=AGENT_DIRECTORY,
        rewrk=REWRK,
        oha=OHA,
        host=LOOPBACK,
        port=PORT,
        server_cpus=server_cpus,
        load_cpus=load_cpus,
        memory_watchdog=False,
        watch_stdin=watch_stdin,
    )
