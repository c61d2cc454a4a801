"""The labels of an image, and the last step of a build that sets them: a Dockerfile of metadata alone."""

from __future__ import annotations

import json

from toolkit.images.spec.inputs import ImageSpec
from toolkit.trial.contract import LABEL

_OCI = "org.opencontainers.image."


def labels(spec: ImageSpec, inventory_sha256: str) -> dict[str, str]:
    """Label -> value, without empty ones: OCI's and gilfree's own. `…inputs` holds all inputs by name, as JSON, so that
    the reason why an image is stale can be read from the image alone."""
    inputs = spec.inputs
    with_gil = "" if spec.kind == "load" else ("without the GIL" if spec.variant.endswith("t") else "with the GIL")
    titles = {
        "python": f"CPython {spec.version} {with_gil}",
        "app": f"A service on CPython {spec.version} {with_gil}",
        "load": "Load generators (rewrk, oha)",
    }
    profile = {
        "fast": "built without PGO and LTO: not for production, not comparable with a release build",
        "release": "built with PGO and LTO",
    }.get(spec.profile, "")
    base = inputs["base"]
    found = {
        f"{_OCI}title": titles[spec.kind],
        f"{_OCI}description": f"{titles[spec.kind]}{', ' + profile if profile else ''}; made by gilfree",
        f"{_OCI}version": spec.version,
        f"{_OCI}base.name": base.partition("@")[0],
        f"{_OCI}base.digest": base.partition("@")[2],
        f"{LABEL}id": spec.id,
        f"{LABEL}kind": spec.kind,
        f"{LABEL}variant": spec.variant,
        f"{LABEL}profile": spec.profile,
        f"{LABEL}inputs": json.dumps(dict(inputs), sort_keys=True, separators=(",", ":")),
        f"{LABEL}inventory": f"sha256:{inventory_sha256}",
    }
    if spec.kind == "python":
        found[f"{_OCI}licenses"] = "PSF-2.0"
        found[f"{LABEL}source"] = f"sha256:{inputs['source']}"
    if spec.runtime is not None:
        found[f"{LABEL}runtime"] = spec.runtime.id
    return {name: value for name, value in found.items() if value}


def dockerfile(image: str, spec: ImageSpec, inventory_sha256: str) -> str:
    """A Dockerfile that adds the labels to a built image and, for a user's app, the arguments of its entry point."""
    lines = [f"FROM {image}"]
    lines += [f"LABEL {name}={_quoted(value)}" for name, value in labels(spec, inventory_sha256).items()]
    if spec.kind == "app" and "," not in spec.targets:
        lines.append(f"ENV GRANIAN_INTERFACE={spec.interface} GILFREE_HEALTH_PATH=/")
        lines.append(f"CMD {json.dumps([spec.targets])}")
    return "\n".join(_labels_in_one_instruction(lines)) + "\n"


def _labels_in_one_instruction(lines: list[str]) -> list[str]:
    """The engine would start a container for each LABEL instruction."""
    given = [line.removeprefix("LABEL ") for line in lines if line.startswith("LABEL ")]
    return [lines[0], "LABEL " + " ".join(given), *(line for line in lines[1:] if not line.startswith("LABEL "))]


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'
