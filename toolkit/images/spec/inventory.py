"""What is in an image, as CycloneDX JSON: Python, its packages, the system's packages, each with its version.

Asked of the image itself: the interpreter names its packages, dpkg its own. The file stands in the user's cache (and beside
the image when it is handed on); its SHA-256 is in the image's label, so that the two cannot be mixed up. It holds no time
and no random number: the same image has the same inventory.
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
from toolkit.images.spec.inputs import Wanted
from toolkit.trial.contract import LOAD_PYTHON, SERVER_PYTHON

if TYPE_CHECKING:
    from docker import DockerClient

_ASK = """
import importlib.metadata, json, platform, subprocess
debian = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\\n"], capture_output=True, text=True)
print(json.dumps({
  "python": platform.python_version(),
  "wheels": sorted([d.metadata["Name"], d.version] for d in importlib.metadata.distributions()),
  "debian": [line.split(" ") for line in debian.stdout.splitlines()],
  "release": platform.freedesktop_os_release().get("ID", "debian"),
}))
"""


def take(client: DockerClient, image: str, wanted: Wanted) -> str:
    """Ask the image, write the inventory; its SHA-256."""
    python = LOAD_PYTHON if wanted.kind == "load" else SERVER_PYTHON
    ended, out, errors = run(
        client, image, [python, "-I", "-c", _ASK], purpose="inventory", timeout_seconds=60, network_mode="none"
    )
    if ended.code != 0:
        raise GilfreeError(f"{wanted.title} cannot be asked what is in it: {errors.strip()[-400:]}")
    text = json.dumps(cyclonedx(json.loads(out), wanted), indent=1, sort_keys=True) + "\n"
    file_of(wanted.id).write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


def file_of(image_id: str) -> Path:
    """Where the inventory of an image stands."""
    return paths.cache("images", "inventories") / f"{image_id}.cdx.json"


def cyclonedx(found: dict[str, Any], wanted: Wanted) -> dict[str, Any]:
    """CycloneDX 1.6 of what an image said. Pure."""
    distribution = found["release"]
    components: list[dict[str, str]] = []
    if wanted.kind == "load":
        tools = [name for name in ("rewrk", "oha") if name in wanted.inputs]
        components += [_component("application", "cargo", name, wanted.inputs[name]) for name in tools]
    else:
        components.append(_component("application", "generic", "python", found["python"]))
    components += [_component("library", "pypi", name.lower().replace("_", "-"), one) for name, one in found["wheels"]]
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
                "bom-ref": f"gilfree:{wanted.id}",
                "name": wanted.repository,
                "version": wanted.tag,
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
