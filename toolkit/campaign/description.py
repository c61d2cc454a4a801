"""campaign.json: what a campaign was started with, read and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolkit.errors import GilfreeError
from toolkit.records.store import READABLE_SCHEMAS

SCHEMA = 2
"""The schema of campaign.json and of the records that are written; a campaign of schema 1 can be read, not continued."""


def lacking(error: Exception) -> str:
    """What a description lacks, by the name of the field where it is known."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"scenario.{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def read_description(folder: Path) -> dict[str, Any]:
    """The content of campaign.json. Raises GilfreeError when the folder has none, or one of another schema, or no JSON."""
    file = folder / "campaign.json"
    remedy = "restore it; trials.jsonl cannot be read without it"
    try:
        description = json.loads(file.read_text())
    except FileNotFoundError:
        raise GilfreeError(f"{folder} holds no campaign (no campaign.json)", "see `ls results`") from None
    except (OSError, ValueError) as error:
        raise GilfreeError(f"{file} is not JSON: {error}", remedy) from None
    if not isinstance(description, dict):
        raise GilfreeError(f"{file} does not describe a campaign: it is no JSON object", remedy)
    if description.get("schema") not in READABLE_SCHEMAS:
        raise GilfreeError(
            f"{file} has schema {description.get('schema')}, this gilfree reads {' and '.join(map(str, READABLE_SCHEMAS))}",
            "read it with the gilfree that wrote it (campaign.json names its version)",
        )
    return description
