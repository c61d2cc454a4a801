"""A fleet of one service with one profile, for the tests of its ranking and rules."""

from __future__ import annotations

from pathlib import Path

from tests.capacity.factory import measured, variant
from toolkit.capacity.knee.profile import Profile, write_profile
from toolkit.capacity.nodes.catalogue import GIB, MIB, Catalogue, NodeType
from toolkit.fleet.inventory.model import FleetService
from toolkit.fleet.rules import FleetRules, read_rules
from toolkit.fleet.usage import Usage

NODES = Catalogue("nodes.yaml", (NodeType("n", 3900, 15 * GIB, 110, 0.2), NodeType("l", 15900, 60 * GIB, 234, 0.8)))
FASTER = measured(variant("gil", [1000, 1010, 1020]), variant("free-threaded", [1900, 2000, 2100]))
ORDERS = FleetService("shop", "orders", 10, 1000, 512 * MIB, ("r/orders:1",), {"lang": "python"})
BUSY = Usage(rps=5000, cpu_cores=5.0, memory_bytes=300 * MIB)


def fleet_rules(tmp_path: Path, profile: Profile = FASTER, own: bool = False, more: str = "") -> FleetRules:
    """Rules with one profile, for services labelled as Python; `more`: further lines of the file."""
    write_profile(profile, tmp_path)
    file = tmp_path / "rules.yaml"
    file.write_text(
        f"profiles: {{ wsgi: {{ campaign: ., own: {str(own).lower()} }} }}\n"
        f'rules:\n  - {{ label: "lang=py*", profile: wsgi }}\n  - {{ image: "*jvm*", python: false }}\n{more}'
    )
    return read_rules(file)
