"""Small inputs of a plan: Deployments that share the nodes (`--beside FILE`) and what sidecars ask (`--sidecar`)."""

from __future__ import annotations

from pathlib import Path

from toolkit.capacity.inputs.fields import Fields
from toolkit.capacity.placement.scheduler import Workload
from toolkit.errors import GilfreeError
from toolkit.quantities import cpu_millis_of, memory_bytes_of
from toolkit.scenario.yaml_source import read_yaml


def read_beside(file: Path) -> tuple[Workload, ...]:
    """`deployments: [{name, replicas, cpu, memory}]`. Raises GilfreeError with line and value."""
    top = Fields(read_yaml(file))
    found = []
    for one in top.each("deployments"):
        found.append(Workload(one.text("name"), one.cpu("cpu"), one.memory("memory"), one.whole("replicas", least=1)))
        one.end()
    top.end()
    return tuple(found)


def sidecar_of(text: str) -> tuple[int, int]:
    """Millicores and bytes of `cpu=100m,memory=64Mi`; either may be left away."""
    found = {"cpu": 0, "memory": 0}
    for part in text.split(","):
        name, _, amount = part.strip().partition("=")
        if name == "cpu":
            found[name] = cpu_millis_of(amount, "--sidecar cpu")
        elif name == "memory":
            found[name] = memory_bytes_of(amount, "--sidecar memory")
        else:
            raise GilfreeError(f"--sidecar {text!r}: {name!r} is neither cpu nor memory", "write cpu=100m,memory=64Mi")
    return found["cpu"], found["memory"]
