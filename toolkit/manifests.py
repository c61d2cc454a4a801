"""manifests/*.yaml.j2 as Kubernetes objects, and these as files. Values enter as JSON: none can change the structure."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from toolkit import paths


def render(template: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """manifests/<template>.yaml.j2 as an object; a name that the context lacks is an error, never an empty word."""
    text = _environment().get_template(f"{template}.yaml.j2").render(context)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@functools.cache
def _environment() -> Environment:
    """One for all: compiling a template takes as long as reading what it renders."""
    made = Environment(loader=FileSystemLoader(paths.shipped("manifests")), undefined=StrictUndefined, autoescape=False)
    made.filters["tojson"] = _json
    return made


def _json(value: Any) -> str:
    """A value as YAML takes it, whatever is in it: jinja's own filter names no missing value and escapes for HTML."""
    text = json.dumps(str(value) if isinstance(value, StrictUndefined) else value)
    return _NOT_YAML.sub(_escaped, text)


_NOT_YAML = re.compile("\\\\\\\\|\\\\u(d[89ab]..)\\\\u(d[c-f]..)|\x7f")
"""What JSON and YAML write differently: characters beyond 16 bits, as two halves in JSON; and DEL, which YAML refuses."""


def _escaped(found: re.Match[str]) -> str:
    if found[0] == "\x7f":
        return "\\u007f"
    if found[1] is None:
        return found[0]
    return f"\\U{0x10000 + ((int(found[1], 16) - 0xD800) << 10) + int(found[2], 16) - 0xDC00:08x}"


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some reader of YAML could take for something else: to Go `1e3` is a number, to PyYAML not."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]+")


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # The dumper itself quotes what is plain and yet a word of YAML: true, yes, null.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if _PLAIN.fullmatch(text) else '"')


_Dumper.add_representer(str, _text)


def as_yaml(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Each object as one YAML document, the same bytes every time."""
    return ["---\n" + yaml.dump(one, Dumper=_Dumper, sort_keys=False, width=120) for one in objects]
