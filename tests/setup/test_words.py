"""Plain English in everything that a user or a contributor reads: none of the phrases that style asks to avoid.

`python -m tests.setup.test_words` lists every place.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from toolkit.cli import app

ROOT = Path(__file__).parents[2]
AVOID = {
    r"\b(left|leaves?|leaving)( \S+)? away\b": "omit",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\breckon(s|ed|ing)?\b": "calculate",
    r"\b(un)?told\b": "report, give, unknown",
    r"\bbeside (it|them|this|that|its|these|those)\b": "alongside",
    r"\bh[eo]ld(s|ing)? (\S+ ){0,3}against\b": "compare with",
    r"\bthe same(?=[.;](\s|$))": "say what is the same",
    r"\b(of that|all of it)(?=[.;](\s|$))": "name the thing",
    r"\bwhat there is of\b": "name the thing",
    r"\bas (it|they) (has|have) to be\b": "say how it is",
    r"\bis of profile\b": "has the profile",
}
"""Phrases by regular expression, with the word to use instead."""
TEXT = ["README.md", "Makefile", "docs/*.md", "manifests/**/*.*", "scenarios/**/*.yaml", "toolkit/report/*.j2"]


@dataclass(frozen=True)
class Place:
    """Where an avoided phrase stands, and what to write instead."""

    file: str
    line: int
    phrase: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.phrase!r} (instead: {self.instead})"


def avoided(file: str, first_line: int, text: str) -> Iterator[Place]:
    """Every avoided phrase of a text that begins at a line of a file; a phrase may run over the end of a line."""
    words = re.sub(r"`[^`\n]*`", "``", text)  # what is quoted as code keeps its name
    flat = re.sub(r"\n[ #]*", "\n", words)
    for pattern, instead in AVOID.items():
        spaced = pattern.replace(" ", r"\s+")
        for found in re.finditer(spaced, flat, re.IGNORECASE):
            line = first_line + flat.count("\n", 0, found.start())
            yield Place(file, line, " ".join(found.group().split()), instead)


def words_of_python(source: str) -> Iterator[tuple[int, str]]:
    """Comments, docstrings and messages of a module: each with its first line. A literal without a space is a key."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def places() -> list[Place]:
    """Every avoided phrase in documents, templates and the toolkit's own text."""
    found: list[Place] = []
    for pattern in TEXT:
        for path in sorted(ROOT.glob(pattern)):
            found += avoided(str(path.relative_to(ROOT)), 1, path.read_text())
    for path in sorted((ROOT / "toolkit").rglob("*.py")):
        for line, text in words_of_python(path.read_text()):
            found += avoided(str(path.relative_to(ROOT)), line, text)
    return found


def commands() -> list[list[str]]:
    """The arguments that print the help of every command: none for `gilfree` itself, then groups and their commands."""
    top = typer.main.get_command(app)
    found: list[list[str]] = [[]]
    for name, command in getattr(top, "commands", {}).items():
        found += [[name], *([name, each] for each in getattr(command, "commands", {}))]
    return found


def test_documents_messages_and_docstrings_are_in_plain_english() -> None:
    assert [str(place) for place in places()] == []


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_help_is_in_plain_english(command: list[str]) -> None:
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0
    assert [str(place) for place in avoided(f"gilfree {' '.join(command)} --help", 1, done.output)] == []


@pytest.mark.parametrize(
    ("text", "line", "phrase"),
    [
        ("give one, or leave it away", 1, "leave it away"),
        ("It mends\nwhat it can", 1, "mends"),
        ("fine\n    new is held\n    against old", 2, "held against"),
        ("a\nDone for both, the same.\n", 2, "the same"),
        ("For `--json`, where it is called `untold`", 1, None),
        ("what it was told", 1, "told"),
        ("we recommend the same wheel; nothing of it is beside the point", 1, None),
    ],
)
def test_an_avoided_phrase_is_found_with_its_line(text: str, line: int, phrase: str | None) -> None:
    found = [(place.line, place.phrase) for place in avoided("x", 1, text)]
    assert found == ([(line, phrase)] if phrase else [])


def test_every_command_is_looked_at() -> None:
    found = [" ".join(command) for command in commands()]
    assert {"", "bench", "cluster render", "images test", "selftest scale"} <= set(found)


if __name__ == "__main__":
    print("\n".join(map(str, places())))
