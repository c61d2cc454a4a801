"""Import paths of apps (`package.module:attribute`), and what to do with a factory, which no server here calls."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator


def factory_remedy(module: str, name: str) -> str:
    """How to serve the app that the factory `name` of `module` makes."""
    return (
        f"write a module of one line, such as served.py with `from {module} import {name}; app = {name}()`,"
        " and give served:app"
    )


def _import_path(text: str) -> str:
    called = re.fullmatch(r"([\w.]+):(\w+)\(.*\)", text, re.DOTALL)
    if called:
        raise ValueError(f"{text!r} calls a factory, which gilfree does not; {factory_remedy(called[1], called[2])}")
    if not re.fullmatch(r"[\w.]+:[\w.]+", text):
        raise ValueError(f"{text!r} is not an import path such as package.module:app; write it in that form")
    return text


Target = Annotated[str, AfterValidator(_import_path)]
