"""How trials are to be placed on a cluster: the `cluster:` part of a scenario, or of a file of its own (`--cluster FILE`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
)

from toolkit import units
from toolkit.errors import GilfreeError
from toolkit.scenario.messages import explain
from toolkit.scenario.yaml_source import Source, read_yaml


def _word(pattern: str, what: str) -> AfterValidator:
    """Text of a form that the API server would refuse else, said in words and not as a pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(
                f"{text!r} is not {what}; write letters, digits, - and . with a letter or digit at both ends"
            )
        return text

    return AfterValidator(check)


_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DOMAIN = r"(?=.{1,253}(/|$))[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
Name = Annotated[StrictStr, _word(_DOMAIN, "a name as Kubernetes has it (lower-case, at most 253)")]
Namespace = Annotated[
    StrictStr, _word(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "a namespace (lower-case, no dot, at most 63)")
]
LabelValue = Annotated[StrictStr, _word(f"({_LABEL})?", "a label's value (at most 63 letters, digits, - _ .)")]
LabelKey = Annotated[StrictStr, _word(f"({_DOMAIN}/)?{_LABEL}", "a key (at most 63, a domain and / before it if any)")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class Toleration(_Model):
    """A taint that trials may run in spite of."""

    key: StrictStr | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: StrictStr | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: StrictInt | None = Field(default=None, alias="tolerationSeconds")


class Share(_Model):
    """CPU and memory of one side here, instead of what the scenario's `resources` say."""

    cpus: Annotated[float, BeforeValidator(units.cpus_of)] | None = None
    memory_bytes: Annotated[int, BeforeValidator(units.process_bytes_of)] | None = Field(default=None, alias="memory")


class ClusterSettings(_Model):
    """Where pods go and under which rules.

    throttling: `reject` trials whose CPU limit was throttled, or `measure` it (pods that are meant to be throttled).
    pinning: `required` rejects a trial whose server did not get CPUs of its own (static CPU manager), `preferred` does not.
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
    server: Share = Share()
    load: Share = Share()
    throttling: Literal["reject", "measure"] = "reject"
    pinning: Literal["required", "preferred"] = "required"


class ClusterFile(_Model):
    """A file of its own for the `cluster:` part."""

    cluster: ClusterSettings


def merged(*parts: ClusterSettings | None) -> ClusterSettings:
    """Later parts over earlier ones, key by key: maps are joined, anything else is replaced. Pure."""
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
    """The settings in a file that holds `cluster:`. Raises GilfreeError with file, line and remedy."""
    if not file.is_file():
        raise GilfreeError(f"there is no file {file}", "--cluster names a YAML file that holds `cluster:`")
    return settings_in(read_yaml(file))


def settings_in(source: Source) -> ClusterSettings:
    """The settings in parsed YAML that holds `cluster:`. Raises GilfreeError naming each wrong one and its remedy."""
    if source.data is None:
        raise GilfreeError(f"{source.where(())}: it holds nothing", "write `cluster:` and settings below it")
    try:
        return ClusterFile.model_validate(source.data).cluster
    except ValidationError as error:
        raise GilfreeError("\n".join(explain(source, error, ClusterFile))) from None
