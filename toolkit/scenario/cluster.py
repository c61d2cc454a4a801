"""Where and how trials run on a cluster: the `cluster:` part of a scenario, or of a separate file (`--cluster FILE`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
)

from toolkit.errors import GilfreeError
from toolkit.scenario.bounds import Bytes, Cpus
from toolkit.scenario.messages import explain
from toolkit.scenario.yaml_source import Source, read_yaml


def _text_of_form(pattern: str, what: str) -> AfterValidator:
    """A check for texts that the API server would refuse; its message describes the form (`what`), not the pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(
                f"{text!r} is not {what}; write letters, digits, - and . with a letter or digit at both ends"
            )
        return text

    return AfterValidator(check)


_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DOMAIN = r"(?=.{1,253}(/|$))[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
Name = Annotated[StrictStr, _text_of_form(_DOMAIN, "a name as Kubernetes has it (lower-case, at most 253)")]
Namespace = Annotated[
    StrictStr, _text_of_form(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "a namespace (lower-case, no dot, at most 63)")
]
LabelValue = Annotated[StrictStr, _text_of_form(f"({_LABEL})?", "a label's value (at most 63 letters, digits, - _ .)")]
LabelKey = Annotated[
    StrictStr,
    _text_of_form(f"({_DOMAIN}/)?{_LABEL}", "a key of a label (at most 63 characters, or a domain, / and these)"),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


MAX_TOLERATION_SECONDS = 10 * 365 * 86400


class Toleration(_Model):
    """A taint that the pods of trials tolerate; as in Kubernetes."""

    key: StrictStr | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: StrictStr | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: StrictInt | None = Field(
        default=None, alias="tolerationSeconds", ge=0, le=MAX_TOLERATION_SECONDS
    )


class SideResources(_Model):
    """CPU and memory of one side on the cluster, instead of the scenario's `resources`."""

    cpus: Cpus | None = None
    memory_bytes: Bytes | None = Field(default=None, alias="memory")


class ClusterSettings(_Model):
    """Where the pods of trials run, and which rules apply to them.

    throttling: `reject` trials whose CPU limit was throttled, or `measure` throttling (for pods with a small limit).
    pinning: `required` rejects a trial whose server did not get exclusive CPUs (static CPU manager), `preferred` does not.
    """

    namespace: Namespace | None = None
    node_selector: dict[LabelKey, LabelValue] = Field(default={}, alias="nodeSelector")
    tolerations: tuple[Toleration, ...] = ()
    priority_class: Name | None = Field(default=None, alias="priorityClass")
    runtime_class: Name | None = Field(default=None, alias="runtimeClass")
    service_account: Name | None = Field(default=None, alias="serviceAccount")
    image_pull_secrets: tuple[Name, ...] = Field(default=(), alias="imagePullSecrets")
    labels: dict[LabelKey, LabelValue] = {}
    annotations: dict[LabelKey, StrictStr] = {}
    queue: LabelValue | None = None
    server: SideResources = SideResources()
    load: SideResources = SideResources()
    throttling: Literal["reject", "measure"] = "reject"
    pinning: Literal["required", "preferred"] = "required"


class ClusterFile(_Model):
    """The whole content of a file given with `--cluster`."""

    cluster: ClusterSettings


def merge(*parts: ClusterSettings | None) -> ClusterSettings:
    """One setting from several: later ones win, key by key. Mappings are joined, anything else is replaced. Pure."""
    data: dict[str, Any] = {}
    for part in parts:
        if part is not None:
            _join(data, part.model_dump(exclude_unset=True))
    return ClusterSettings.model_validate(data)


def _join(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _join(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def read_settings(file: Path) -> ClusterSettings:
    """The settings in a file with the key `cluster`. Raises GilfreeError with file, line and remedy."""
    if not file.is_file():
        raise GilfreeError(f"there is no file {file}", "--cluster takes a YAML file with the key `cluster`")
    return parse_settings(read_yaml(file))


def parse_settings(source: Source) -> ClusterSettings:
    """The settings in parsed YAML with the key `cluster`. Raises GilfreeError with every problem and its remedy."""
    if source.data is None:
        raise GilfreeError(f"{source.where(())}: the file is empty", "write `cluster:` and settings below it")
    try:
        return ClusterFile.model_validate(source.data).cluster
    except ValidationError as error:
        raise GilfreeError("\n".join(explain(source, error, ClusterFile))) from None
