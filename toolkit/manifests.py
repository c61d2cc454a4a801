"""Renders manifests/*.yaml.j2 to Kubernetes objects, and writes objects as YAML.

Templates insert every value as JSON, so that no value can change the structure of an object.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from toolkit import paths

try:  # libyaml is several times faster; PyYAML's wheels carry it
    from yaml import CSafeDumper as _SafeDumper
    from yaml import CSafeLoader as _SafeLoader
except ImportError:
    from yaml import SafeDumper as _SafeDumper  # type: ignore[assignment]
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]


def render(template: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """The object that manifests/<template>.yaml.j2 gives with the values of `context`.

    Raises jinja2.UndefinedError for a name that the context lacks; it never becomes an empty string.
    """
    text = _environment().get_template(f"{template}.yaml.j2").render(context)
    rendered: dict[str, Any] = yaml.load(text, Loader=_SafeLoader)
    return rendered


@functools.cache
def _environment() -> Environment:
    """Shared by all calls: compiling a template takes as long as parsing what it renders."""
    environment = Environment(
        loader=FileSystemLoader(paths.shipped("manifests")), undefined=StrictUndefined, autoescape=False
    )
    environment.filters["tojson"] = _json
    return environment


def _json(value: Any) -> str:
    """Any value as JSON that is also YAML. Jinja's own filter escapes for HTML and does not name a missing value."""
    text = json.dumps(str(value) if isinstance(value, StrictUndefined) else value)
    return _JSON_ONLY.sub(_as_yaml_escape, text)


_JSON_ONLY = re.compile("\\\\\\\\|\\\\u(d[89ab]..)\\\\u(d[c-f]..)|\x7f")
"""What JSON and YAML write differently: characters beyond 16 bits, which are two escapes in JSON, and DEL."""


def _as_yaml_escape(found: re.Match[str]) -> str:
    if found[0] == "\x7f":
        return "\\u007f"
    if found[1] is None:
        return found[0]
    return f"\\U{0x10000 + ((int(found[1], 16) - 0xD800) << 10) + int(found[2], 16) - 0xDC00:08x}"


class _Dumper(_SafeDumper):
    """Quotes every text that some YAML parser could read as something else: `1e3` is a number to Go, but not to PyYAML."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]+")


def _text(dumper: _SafeDumper, text: str) -> yaml.ScalarNode:
    # The dumper itself quotes plain texts that YAML reads as other values: true, yes, null.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if _PLAIN.fullmatch(text) else '"')


_Dumper.add_representer(str, _text)


def as_yaml(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Each object as one YAML document; equal objects give equal bytes."""
    return ["---\n" + yaml.dump(one, Dumper=_Dumper, sort_keys=False, width=120) for one in objects]
