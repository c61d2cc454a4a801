"""YAML as it is written: every value with its line and its text, and nothing that YAML quietly makes into something else."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import GilfreeError
from toolkit.scenario.yaml_source import MAX_VALUES, Source, YamlPath, parse_yaml

words = st.text(alphabet="abc xyz:#-3.é", min_size=1, max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | words | st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(values, st.booleans())
def test_plain_data_comes_back_as_it_was(value: Any, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    assert parse_yaml(text, "file").data == value


@given(values)
def test_json_is_read_as_json(value: Any) -> None:
    assert parse_yaml(json.dumps(value), "file").data == value


TEXT = """\
# a comment
name: one

rows:
  - a: 1
    b: 3.10
  - { a: 2, b: yes }
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 2),
        (("rows",), 4),
        (("rows", 0), 5),
        (("rows", 0, "b"), 6),
        (("rows", 1, "b"), 7),
        (("rows", 1, "missing"), 7),
        (("nowhere", "at", "all"), 2),
    ],
)
def test_a_value_knows_its_line_and_a_missing_one_that_of_what_is_around_it(path: YamlPath, line: int) -> None:
    source = parse_yaml(TEXT, "file")
    assert source.line(path) == line
    assert source.where(path) == f"file:{line}"


def test_what_comes_from_no_file_has_no_line() -> None:
    assert Source("the command line", {}, {}).where(("a",)) == "the command line"


def test_a_value_knows_how_it_was_written() -> None:
    source = parse_yaml(TEXT, "file")
    assert source.data["rows"] == [{"a": 1, "b": 3.1}, {"a": 2, "b": True}]
    assert source.texts[("rows", 0, "b")] == "3.10"
    assert source.texts[("rows", 1, "b")] == "yes"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2", 2, "'a' is given twice, first in line 1"),
        ("a:\n  b: 1\n  b: 1", 3, "'b' is given twice, first in line 2"),
        ("a: 1\n3: 1", 2, "the key '3' is not text"),
        ("a: 1\nno: 1", 2, "the key 'no' is not text"),
        ("a: 1\n[b]: 1", 2, "a key that is not text"),
        ("a: 010", 1, "'010' is 8 to YAML"),
        ("a: 0x10", 1, "'0x10' is 16 to YAML"),
        ("a: 0b11", 1, "'0b11' is 3 to YAML"),
        ("a: 1:30", 1, "'1:30' is 90 to YAML"),
        ("a: 1:30.5", 1, "to YAML"),
        ("a: .nan", 1, "is nan to YAML"),
        ("a: -.inf", 1, "is -inf to YAML"),
        ("a: 1.0e+999", 1, "is inf to YAML"),
        ("a: " + "9" * 5000, 1, "is not of type int"),
        ("a: 2026-01-01", 1, "is a date to YAML"),
        ("a: 2026-99-99", 1, "is a date to YAML"),
        ("a: =", 1, "single ="),
        ("a: 1\n<<: {b: 1}", 2, "merge key"),
        ("a: !!int x", 1, "'x' is not of type int"),
        ("a: !!bool maybe", 1, "'maybe' is not of type bool"),
        ("a: !!python/object/apply:os.system [x]", 1, "creates more than plain data"),
        ("a: !!set {b}", 1, "'!!set' creates more than plain data"),
        ("a: !!binary aGk=", 1, "'!!binary' creates more than plain data"),
        ("a: !mine x", 1, "'!mine' creates more than plain data"),
        ("a: &x [1, *x]", 1, "contains itself"),
        ("a: &x\n  b: *x", 1, "contains itself"),
        ("a: *x", 1, "not YAML"),
        ("a: [", 1, "not YAML"),
        ("a: 1\n\tb: 2", 2, "not YAML"),
        ("a: 1\n---\nb: 1", 2, "another document"),
        ("a: 1\nb: \x00", 2, "not YAML"),
        ("[" * 5000, 1, "nested too deeply"),
    ],
)
def test_what_is_not_plain_or_not_as_it_looks_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(GilfreeError) as error:
        parse_yaml(text, "file")
    assert str(error.value).startswith(f"file:{line}: ")
    assert words in str(error.value)
    assert error.value.remedy
    assert len(str(error.value)) < 400


def test_numbers_that_are_what_they_look_like_are_taken() -> None:
    numbers = parse_yaml("[0, -1, +2, 0.5, .5, 1., 1.5e+3, 1_000]", "file").data
    assert numbers == [0, -1, 2, 0.5, 0.5, 1.0, 1500.0, 1000]


def test_an_alias_stands_for_its_value() -> None:
    assert parse_yaml("a: &x [1]\nb: *x", "file").data == {"a": [1], "b": [1]}


def test_aliases_of_aliases_cannot_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(GilfreeError, match=f"more than {MAX_VALUES} values"):
        parse_yaml("\n".join(lines), "file")


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    said = "file:1: fine"
    try:
        parse_yaml(text, "file")
    except GilfreeError as error:
        said = str(error)
    assert said.startswith("file:")
