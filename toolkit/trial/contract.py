"""The contract of the images with those who run them: the paths inside, the user, and how the agents are started.

The backends never rely on an image's own ENTRYPOINT, HEALTHCHECK or WORKDIR: they give command and working directory
themselves, so that a user's own image works as long as it has these paths (see docs/images.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from toolkit.errors import GilfreeError

USER = 10001
"""Numeric user and group of every image: Kubernetes cannot tell whether a name is root."""

SERVER_PYTHON = "/usr/local/bin/python3"
LOAD_PYTHON = "/usr/bin/python3"
APP_DIRECTORY = "/app"
"""Working directory of the served app; the sample apps are `asgi:app` and `wsgi:app` in it."""

AGENT_DIRECTORY = "/opt/gilfree"
"""Holds the package `gilfree_agent`, in app images and in the load image; the working directory of an agent."""

AGENT_ENVIRONMENT = {"PYTHONPATH": AGENT_DIRECTORY}
"""How an agent finds its package: with -P, Python imports nothing from the working directory."""

REWRK, OHA = "/usr/local/bin/rewrk", "/usr/local/bin/oha"
PORT = 8000
"""Where an app image listens when started by its own entry point, without an agent."""

NO_HEALTHCHECK = {"test": ["NONE"]}
"""For the Docker SDK: an image's own health check would start a Python every half minute during a measurement."""

TRIAL_VARIABLE = "GILFREE_TRIAL"
"""Environment variable of every process of a trial; its value is the trial's id."""

LABEL = "io.gilfree."
"""Prefix of the labels: id, kind, variant, profile, inputs (canonical JSON, what the id is the hash of), inventory."""

Side = Literal["serve", "load"]


def agent_command(side: Side, argument: Mapping[str, Any]) -> list[str]:
    """The whole command of a container's process (entry point included); run it with AGENT_ENVIRONMENT, in AGENT_DIRECTORY.

    A read-only root is fine for both sides.
    """
    return agent_argv(SERVER_PYTHON if side == "serve" else LOAD_PYTHON, side, argument)


def agent_argv(python: str, side: Side, argument: Mapping[str, Any]) -> list[str]:
    """The command of an agent under the interpreter `python`; its package must be on PYTHONPATH.

    -P: a file in the working directory, such as a project's own `signal.py`, must not take the place of a library's module.
    """
    return [python, "-P", "-m", "gilfree_agent", side, json.dumps(argument)]


@dataclass(frozen=True)
class ImageRef:
    """One image that is current. `name` is the immutable tag in the engine, `digest` what a registry returned."""

    kind: str
    variant: str
    id: str
    name: str
    digest: str | None = None

    @property
    def pinned(self) -> str:
        """`registry/repository@sha256:…`, what a cluster is given. Raises GilfreeError when it was never pushed."""
        if self.digest is None:
            raise GilfreeError(
                f"{self.name} was not pushed to a registry, so no cluster can pull it",
                "gilfree images build --push --registry HOST[/PREFIX]",
            )
        return self.digest


@dataclass(frozen=True)
class Images:
    """What a run on Docker or Kubernetes needs: the pair's app images and the load image."""

    gil: ImageRef
    free_threaded: ImageRef
    load: ImageRef
