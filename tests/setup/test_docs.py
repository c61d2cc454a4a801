"""Pages name files, commands and targets that exist, and architecture.md lists the folders in the order of the contract."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from toolkit.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TOP = {path.name for path in ROOT.iterdir()}


def files_named(text: str) -> Iterator[str]:
    """Paths in backticks that begin with a file or folder at the top level; patterns and placeholders are none."""
    for found in re.findall(r"`([\w./*<>…-]+)`", text):
        if found.split("/")[0] in TOP and "/" in found and not set(found) & set("*<>…"):
            yield found


def commands_named(text: str) -> Iterator[str]:
    """What follows `gilfree` in backticks and in code blocks: a command, or a group with its command."""
    yield from re.findall(r"(?:^|`|\$ |  |/)gilfree ((?:cluster |selftest |images )?[a-z][a-z-]+)", text, re.MULTILINE)


def known_commands() -> set[str]:
    """Every command with its group."""
    found = set()
    for name, command in getattr(typer.main.get_command(app), "commands", {}).items():
        found |= {name, *(f"{name} {each}" for each in getattr(command, "commands", {}))}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_files_commands_and_targets_that_exist(page: Path) -> None:
    text = page.read_text()
    if page.name != "changelog.md":  # which names old commands
        assert [one for one in commands_named(text) if one not in known_commands()] == []
    assert [one for one in files_named(text) if one != "results" and not (ROOT / one).exists()] == []
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.MULTILINE)) <= targets
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / link).exists(), link


def test_architecture_lists_the_folders_in_the_order_of_the_import_contract() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        layers = tomllib.load(file)["tool"]["importlinter"]["contracts"][0]["layers"]
    text = (ROOT / "docs" / "architecture.md").read_text()
    folders = re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE)
    assert folders == layers[: len(folders)]
    assert {path.name for path in (ROOT / "toolkit").iterdir() if (path / "__init__.py").exists()} == set(folders)


def rows_to_add() -> list[str]:
    """The rows of the table in architecture.md that says where to add something."""
    text = (ROOT / "docs" / "architecture.md").read_text().partition("## Where to add something")[2]
    return [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("| a")]


@pytest.mark.parametrize("row", rows_to_add(), ids=lambda row: row.split("|")[1].strip())
def test_where_to_add_something_names_files_and_what_is_in_them(row: str) -> None:
    files = list(files_named(row))
    assert files
    contents = "\n".join((ROOT / file).read_text() for file in files)
    names = [name for name in re.findall(r"`([A-Za-z_]+)`", row) if not (ROOT / name).exists()]
    assert [name for name in names if not re.search(rf"\b{name}\b", contents)] == []


def test_names_that_do_not_exist_are_found() -> None:
    text = "see `toolkit/nowhere.py`, `docs/architecture.md` and `gilfree nonsense`\n  gilfree cluster bench\n"
    assert [one for one in files_named(text) if not (ROOT / one).exists()] == ["toolkit/nowhere.py"]
    assert [one for one in commands_named(text) if one not in known_commands()] == ["nonsense", "cluster bench"]
