"""The labels of an image, and the last step of a build that sets them: a Dockerfile of metadata alone."""

from __future__ import annotations

import json

from toolkit.images.spec.inputs import Wanted
from toolkit.trial.contract import LABEL

_OCI = "org.opencontainers.image."


def labels(wanted: Wanted, inventory_sha256: str) -> dict[str, str]:
    """All labels. The inputs are there by name and hash, so that a stale image can say what changed."""
    inputs = wanted.inputs
    with_gil = "" if wanted.kind == "load" else ("without the GIL" if wanted.variant.endswith("t") else "with the GIL")
    titles = {
        "python": f"CPython {wanted.version} {with_gil}",
        "app": f"A service on CPython {wanted.version} {with_gil}",
        "load": "Load generators (rewrk, oha)",
    }
    profile = {
        "fast": "built without PGO and LTO: not for production, not comparable with a release build",
        "release": "built with PGO and LTO",
    }.get(wanted.profile, "")
    base = inputs["base"]
    found = {
        f"{_OCI}title": titles[wanted.kind],
        f"{_OCI}description": f"{titles[wanted.kind]}{', ' + profile if profile else ''}; made by gilfree",
        f"{_OCI}version": wanted.version,
        f"{_OCI}base.name": base.partition("@")[0],
        f"{_OCI}base.digest": base.partition("@")[2],
        f"{LABEL}id": wanted.id,
        f"{LABEL}kind": wanted.kind,
        f"{LABEL}variant": wanted.variant,
        f"{LABEL}profile": wanted.profile,
        f"{LABEL}inputs": json.dumps(dict(inputs), sort_keys=True, separators=(",", ":")),
        f"{LABEL}inventory": f"sha256:{inventory_sha256}",
    }
    if wanted.kind == "python":
        found[f"{_OCI}licenses"] = "PSF-2.0"
        found[f"{LABEL}source"] = f"sha256:{inputs['source']}"
    if wanted.runtime is not None:
        found[f"{LABEL}runtime"] = wanted.runtime.id
    return {name: value for name, value in found.items() if value}


def dockerfile(image: str, wanted: Wanted, inventory_sha256: str) -> str:
    """FROM the built image, with labels and, for a user's app, what its entry point serves."""
    lines = [f"FROM {image}"]
    lines += [f"LABEL {name}={_quoted(value)}" for name, value in labels(wanted, inventory_sha256).items()]
    if wanted.kind == "app" and "," not in wanted.targets:
        lines.append(f"ENV GRANIAN_INTERFACE={wanted.interface} GILFREE_HEALTH_PATH=/")
        lines.append(f"CMD {json.dumps([wanted.targets])}")
    return "\n".join(_joined(lines)) + "\n"


def _joined(lines: list[str]) -> list[str]:
    """All labels in one instruction: each would be a container of its own to the engine."""
    given = [line.removeprefix("LABEL ") for line in lines if line.startswith("LABEL ")]
    return [lines[0], "LABEL " + " ".join(given), *(line for line in lines[1:] if not line.startswith("LABEL "))]


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'
