"""What is in an image, as CycloneDX JSON: Python, its packages, the system's packages, each with its version.

Python and dpkg are asked in a container of the image. The file is in the user's cache; its SHA-256 is a label of the image,
so that an inventory cannot be taken for another image's. It holds no time and no random number: the same image has the
same inventory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit import paths
from toolkit.engine.containers import run
from toolkit.errors import GilfreeError
from toolkit.images.spec.inputs import ImageSpec
from toolkit.trial.contract import LOAD_PYTHON, SERVER_PYTHON

if TYPE_CHECKING:
    from docker import DockerClient

_LIST_CONTENTS = """
import importlib.metadata, json, platform, subprocess
debian = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\\n"], capture_output=True, text=True)
print(json.dumps({
  "python": platform.python_version(),
  "wheels": sorted([d.metadata["Name"], d.version] for d in importlib.metadata.distributions()),
  "debian": [line.split(" ") for line in debian.stdout.splitlines()],
  "release": platform.freedesktop_os_release().get("ID", "debian"),
}))
"""


def write_inventory(client: DockerClient, image: str, spec: ImageSpec) -> str:
    """Ask the image what is in it and write its inventory; the SHA-256 of that file. Raises GilfreeError without answer."""
    python = LOAD_PYTHON if spec.kind == "load" else SERVER_PYTHON
    ended, out, errors = run(
        client,
        image,
        [python, "-I", "-c", _LIST_CONTENTS],
        purpose="inventory",
        timeout_seconds=60,
        network_mode="none",
    )
    if ended.code != 0:
        raise GilfreeError(f"{spec.title}: its packages cannot be listed: {errors.strip()[-400:]}")
    text = json.dumps(cyclonedx(json.loads(out), spec), indent=1, sort_keys=True) + "\n"
    inventory_file(spec.id).write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


def inventory_file(image_id: str) -> Path:
    """The path of an image's inventory, whether it is there or not."""
    return paths.cache("images", "inventories") / f"{image_id}.cdx.json"


def cyclonedx(found: dict[str, Any], spec: ImageSpec) -> dict[str, Any]:
    """The inventory of an image as CycloneDX 1.6. found: what the container printed (`python`, `wheels`, `debian`,
    `release`)."""
    distribution = found["release"]
    components: list[dict[str, str]] = []
    if spec.kind == "load":
        tools = [name for name in ("rewrk", "oha") if name in spec.inputs]
        components += [_component("application", "cargo", name, spec.inputs[name]) for name in tools]
    else:
        components.append(_component("application", "generic", "python", found["python"]))
    components += [
        _component("library", "pypi", name.lower().replace("_", "-"), version) for name, version in found["wheels"]
    ]
    components += [
        _component("library", f"deb/{distribution}", name, version, f"?arch={architecture}")
        for name, version, architecture in found["debian"]
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": f"gilfree:{spec.id}",
                "name": spec.repository,
                "version": spec.tag,
            }
        },
        "components": _unique(components),
    }


def _component(kind: str, purl_type: str, name: str, version: str, qualifier: str = "") -> dict[str, str]:
    escaped = version.replace("+", "%2B").replace(":", "%3A")
    purl = f"pkg:{purl_type}/{name}@{escaped}{qualifier}"
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _unique(components: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return list({one["bom-ref"]: one for one in components}.values())
