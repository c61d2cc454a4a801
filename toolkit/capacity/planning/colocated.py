"""What shares nodes and pods with a service: other Deployments on its nodes (`--beside`), sidecars in its pods (`--sidecar`)."""

from __future__ import annotations

from pathlib import Path

from toolkit.capacity.inputs.yaml_mapping import YamlMapping
from toolkit.capacity.placement.scheduler import Workload
from toolkit.errors import GilfreeError
from toolkit.quantities import cpu_millis_of, memory_bytes_of
from toolkit.scenario.yaml_source import read_yaml


def read_colocated(file: Path) -> tuple[Workload, ...]:
    """The Deployments of a YAML file `deployments: [{name, replicas, cpu, memory}]`; cpu and memory are one pod's.

    Raises GilfreeError with file, line and value.
    """
    top = YamlMapping(read_yaml(file))
    found = []
    for one in top.mappings("deployments"):
        found.append(Workload(one.text("name"), one.cpu("cpu"), one.memory("memory"), one.integer("replicas", least=1)))
        one.refuse_unknown_keys()
    top.refuse_unknown_keys()
    return tuple(found)


def read_sidecar(text: str) -> tuple[int, int]:
    """Millicores and bytes of `cpu=100m,memory=64Mi`; an omitted part is 0. Raises GilfreeError naming the part."""
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
