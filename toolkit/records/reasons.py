"""Why a trial does not count, and what follows from it: the one table of reasons, and the outcome that they give.

Only what the environment did may be repeated. What the server did by itself is a finding: a trial with such a reason is
`failed`, its block is not run again, and how often each arm failed is a figure of the report.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass as plain_dataclass
from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

Cause = Literal["environment", "server"]
Outcome = Literal["counted", "failed", "rejected"]
"""`counted`: no reason against the trial. `failed`: the server's own doing. `rejected`: the environment's doing."""

Explains = Literal["nothing", "delays", "everything"]


@plain_dataclass(frozen=True)
class Reason:
    """What a reason means. `text`: for people, after "because of". `explains`, of an environmental reason: which of the
    server's own reasons in the same trial it accounts for. `delay`, of a server's reason: a machine that was busy with
    other work can cause it.
    """

    cause: Cause
    text: str
    explains: Explains = "nothing"
    delay: bool = False


def _environment(text: str, explains: Explains = "nothing") -> Reason:
    return Reason("environment", text, explains)


def _server(text: str, *, delay: bool = False) -> Reason:
    return Reason("server", text, delay=delay)


REASONS = {
    # Other work on the server's CPUs, or a load generator that cannot keep up: delays follow from them.
    "foreign-cpu": _environment("other processes on the server's CPUs", "delays"),
    "stolen": _environment("CPU time stolen by the host", "delays"),
    "throttled": _environment("a CPU quota that was used up", "delays"),
    "not-pinned": _environment("other CPUs than the assigned ones", "delays"),
    "loader-saturated": _environment("a load generator at its own limit", "delays"),
    "load-failed": _environment("a load generator that failed", "delays"),
    "load-died": _environment("a load generator that ended early", "delays"),
    "load-out-of-memory": _environment("a load generator at its memory limit", "delays"),
    # The place of the trial, which ends servers or puts others in their place: whatever the server did follows from it.
    "interrupted": _environment("an interruption", "everything"),
    "port-taken": _environment("another server on the port", "everything"),
    "image-pull": _environment("an image that could not be pulled", "everything"),
    "container-not-created": _environment("a container that was not created", "everything"),
    "engine-refused": _environment("an engine that refused the container", "everything"),
    "refused": _environment("a cluster that refused the Job", "everything"),
    "quota": _environment("a quota of the namespace", "everything"),
    "pod-not-created": _environment("a pod that was not created", "everything"),
    "unschedulable": _environment("a pod that found no node", "everything"),
    "not-admitted": _environment("a kubelet that did not take the pod", "everything"),
    "evicted": _environment("an evicted pod", "everything"),
    "node-gone": _environment("a node that is gone", "everything"),
    "pod-deleted": _environment("a deleted pod", "everything"),
    "pod-replaced": _environment("a replaced pod", "everything"),
    # What could not be observed.
    "not-idle": _environment("a server that worked while another one was loaded"),
    "deadline": _environment("a trial that did not end in time"),
    "pod-failed": _environment("a failed pod"),
    "not-guaranteed": _environment("changed requests or limits of the pod"),
    "different-kernels": _environment("two sides on different kernels"),
    "frames-missing": _environment("missing frames"),
    "load-missing": _environment("a missing load generator"),
    "not-sampled": _environment("missing samples"),
    "not-measured": _environment("a window that did not end"),
    "window-too-short": _environment("a window that was too short"),
    "cold": _environment("a server that cooled down before the window"),
    # What the server did.
    "server-did-not-start": _server("did not start"),
    "server-not-ready": _server("did not answer after its start"),
    "server-died": _server("ended by itself"),
    "restarted": _server("ended by itself"),
    "out-of-memory": _server("reached its memory limit"),
    "wrong-answers": _server("gave wrong answers"),
    "no-answers": _server("answered no request", delay=True),
    "runtime-unknown": _server("did not report the state of its GIL"),
    "gil-on": _server("had the GIL on"),
    "gil-off": _server("had the GIL off"),
    "wrong-build": _server("ran on another build"),
    "dropped-connections": _server("dropped connections", delay=True),
    "starved-connections": _server("starved connections", delay=True),
    "rate-not-kept": _server("did not keep the rate", delay=True),
    "stalled": _server("stalled", delay=True),
}
"""Every reason that a check or a backend gives. A reason that is not here (a record of another version) is taken as
environmental: it is then neither a finding about the server nor counted."""

_UNKNOWN = _environment("a reason that this version does not know")


def reason_of(name: str) -> Reason:
    """The meaning of a reason by its name; an environmental one for a name that is not in REASONS."""
    return REASONS.get(name, _UNKNOWN)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Rejection:
    """One reason against a trial. `hopeless`: it held before any load, so that another attempt would end the same way."""

    reason: str
    detail: str
    hopeless: bool = False

    @property
    def cause(self) -> Cause:
        """Whose doing it is."""
        return reason_of(self.reason).cause

    @property
    def environmental(self) -> bool:
        """Whether the machine or the backend caused it, so that a retry may help."""
        return self.cause == "environment"


def outcome_of(rejections: Collection[Rejection]) -> Outcome:
    """What a trial with these reasons is: `failed` when one of them is the server's own and nothing environmental in the
    same trial accounts for it, else `rejected`; `counted` without reasons. Pure.
    """
    if not rejections:
        return "counted"
    found = [reason_of(one.reason) for one in rejections]
    explained = {reason.explains for reason in found if reason.cause == "environment"}
    if "everything" in explained:
        return "rejected"
    own = [reason for reason in found if reason.cause == "server" and not (reason.delay and "delays" in explained)]
    return "failed" if own else "rejected"


def deciding(rejections: Collection[Rejection]) -> Rejection | None:
    """The reason that a table shows for a trial: the first with the cause that decided its outcome; None when it counts."""
    wanted: Cause = "server" if outcome_of(rejections) == "failed" else "environment"
    return next((one for one in rejections if one.cause == wanted), None)
