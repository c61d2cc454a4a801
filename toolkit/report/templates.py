"""The HTML templates of this folder, rendered: each file is self-contained, and everything in it is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def render_template(name: str, **values: Any) -> str:
    """The template `name` with its values. Raises jinja2.UndefinedError for a value that is missing."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(**values)
