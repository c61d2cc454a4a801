"""manifests/*.yaml.j2 as Kubernetes objects: values enter as JSON, which is YAML, so none can change the structure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from toolkit import paths


def render(template: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """manifests/<template>.yaml.j2 as an object; a name that the context lacks is an error, never an empty word."""
    environment = Environment(
        loader=FileSystemLoader(paths.shipped("manifests")), undefined=StrictUndefined, autoescape=False
    )
    environment.filters["tojson"] = _json
    text = environment.get_template(f"{template}.yaml.j2").render(context)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _json(value: Any) -> str:
    """A value as YAML takes it, whatever is in it: jinja's own filter names no missing value and escapes for HTML."""
    return json.dumps(str(value) if isinstance(value, StrictUndefined) else value)
