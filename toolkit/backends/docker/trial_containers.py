"""The containers of trials: how they are confined, and which network they share."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from toolkit.backends.docker.agent import ContainerAgent
from toolkit.backends.trial_agents import AgentEvents
from toolkit.engine import containers
from toolkit.engine.client import engine_errors
from toolkit.host.confinement import PERIOD_US
from toolkit.host.cpus import CpuSplit
from toolkit.trial.block import BlockTrials
from toolkit.trial.contract import (
    AGENT_DIRECTORY,
    AGENT_ENVIRONMENT,
    LOAD_PYTHON,
    TRIAL_VARIABLE,
    USER,
    Side,
    agent_command,
)
from toolkit.trial.model import Trial

if TYPE_CHECKING:
    from docker import DockerClient

TMPFS = {"/tmp": "rw,nosuid,nodev,size=64m,mode=1777"}
NETWORK_BYTES = 64 << 20
"""Memory of the container that keeps a network: a Python that waits."""

NO_CPUS = CpuSplit((), (), ())


class TrialContainers:
    """The containers of one trial; `stack` removes them when it is left.

    network: the container whose network they join; "": the load joins the server's. name: of the trial or block that they
    belong to, by default the trial's id.
    """

    def __init__(
        self,
        client: DockerClient,
        trial: Trial,
        cpus: CpuSplit,
        load_image: str,
        stack: ExitStack,
        *,
        network: str = "",
        name: str = "",
    ) -> None:
        self._client, self._trial, self._cpus, self._load_image, self._stack = client, trial, cpus, load_image, stack
        self._network, self._name = network, name or trial.id

    def start(self, side: Side, argument: Mapping[str, Any], events: AgentEvents, name: str) -> ContainerAgent:
        """Make and start a side's container; see StartAgent. Raises GilfreeError when the engine refuses."""
        serving = side == "serve"
        options = container_options(self._trial, side, self._cpus, self._network)
        container = containers.create(
            self._client,
            self._trial.arm.runtime if serving else self._load_image,
            agent_command(side, argument),
            purpose="trial",
            trial=self._name,
            name=f"{self._name}-{side}",
            **options,
        )
        self._stack.enter_context(container)
        self._network = self._network or container.id
        with engine_errors(f"starting the {side} container"):
            container.start(keep_stdin=True)
        return ContainerAgent(side, container, events, name)


def start_network(client: DockerClient, block: BlockTrials, load_image: str, stack: ExitStack) -> str:
    """Start the container whose network the servers of a block and their load join, so that it outlives each of them.

    Returns its id. `stack` removes it when it is left; it ends by itself when this process is gone. Raises GilfreeError when
    the engine refuses.
    """
    trial = block.trials[0]
    options = {
        **container_options(trial, "serve", NO_CPUS, ""),
        "mem_limit": NETWORK_BYTES,
        "memswap_limit": NETWORK_BYTES,
    }
    del options["cpuset_cpus"]
    container = containers.create(
        client,
        load_image,
        [LOAD_PYTHON, "-S", "-c", "import os; os.read(0, 1)"],
        purpose="trial",
        trial=block.id,
        name=f"{block.id}-network",
        **options,
    )
    stack.enter_context(container)
    with engine_errors("starting the container that keeps the network of a block"):
        container.start(keep_stdin=True)
    return container.id


def container_options(trial: Trial, side: Side, cpus: CpuSplit, network: str) -> dict[str, Any]:
    """How a side's container is confined, as keyword arguments of the Docker SDK's `containers.create`. Pure.

    network: the id of the container whose network it joins; "": it has its own.
    """
    serving, resources = side == "serve", trial.scenario.resources
    memory = resources.server.memory_bytes if serving else resources.load.memory_bytes
    quota = cpus.server_quota if serving else cpus.load_quota
    return {
        "network_mode": f"container:{network}" if network else "bridge" if trial.scenario.app.wrapped else "none",
        "cpuset_cpus": ",".join(str(cpu) for cpu in (cpus.server if serving else cpus.load)),
        **({} if quota is None else {"cpu_period": PERIOD_US, "cpu_quota": round(quota * PERIOD_US)}),
        "mem_limit": memory,
        "memswap_limit": memory,  # the limit of memory and swap together, so there is no swap
        "read_only": True,
        "tmpfs": TMPFS,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "user": str(USER),
        "working_dir": AGENT_DIRECTORY,
        "environment": {**AGENT_ENVIRONMENT, TRIAL_VARIABLE: trial.id},
        "stdin_open": True,
    }
