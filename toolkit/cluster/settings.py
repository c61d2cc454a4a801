"""How trials are to be placed on a cluster: the `cluster:` part of a scenario, or of a file of its own (`--cluster FILE`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from toolkit import units
from toolkit.errors import GilfreeError

Name = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$", description="a name as Kubernetes has it")
]
LabelValue = Annotated[
    str, Field(pattern=r"^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$", description="a label's value")
]
LabelKey = Annotated[
    str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
]


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

    namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")] | None = None
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
    from toolkit.scenario_errors import explain
    from toolkit.yaml_source import read_yaml

    if not file.is_file():
        raise GilfreeError(f"there is no file {file}", "--cluster names a YAML file that holds `cluster:`")
    source = read_yaml(file)
    try:
        return ClusterFile.model_validate(source.data).cluster
    except ValidationError as error:
        raise GilfreeError("\n".join(explain(source, error))) from None


def with_changes(file: ClusterSettings | None, scenario: ClusterSettings | None, changes: list[str]) -> ClusterSettings:
    """Settings of the scenario, of a file over them, and `key=value` changes over both: `server.cpus=4`.

    Values are read as YAML, so `tolerations=[{key: a, operator: Exists}]` works. Raises GilfreeError naming the change.
    """
    import yaml

    parts = [scenario, file]
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise GilfreeError(f"--set {change}: there is no value", "write key=value, for example namespace=bench")
        try:
            data: Any = yaml.safe_load(text)
            for word in reversed(key.removeprefix("cluster.").split(".")):
                data = {word: data}
            parts.append(ClusterSettings.model_validate(data))
        except yaml.YAMLError as error:
            raise GilfreeError(f"--set {change}: {error}", "quote it as YAML does") from None
        except ValidationError as error:
            problem = error.errors()[0]
            known = ", ".join(field.alias or name for name, field in ClusterSettings.model_fields.items())
            raise GilfreeError(f"--set {change}: {problem['msg']}", f"settings are {known}") from None
    return merged(*parts)
