"""Either side of a trial says which machine it runs on: reports name that one, wherever gilfree itself ran."""

from __future__ import annotations

import os

from toolkit.agent import system
from toolkit.host.facts import machine_facts

SHARED = ("cpu_model", "architecture", "memory_bytes", "kernel", "hypervisor", "governor")


def test_an_agent_reports_what_the_toolkit_reads_on_the_same_machine() -> None:
    ours, agents = machine_facts(), system.machine()
    assert {name: agents[name] for name in SHARED} == {name: ours[name] for name in SHARED}
    assert agents["cpus"] == os.cpu_count()
