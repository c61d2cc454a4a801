"""YAML mappings: values of the right kind, and errors with file, line, key and value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from toolkit.capacity.inputs.yaml_mapping import YamlMapping
from toolkit.errors import GilfreeError
from toolkit.scenario.yaml_source import parse_yaml

TEXT = """\
name: n2
price: 0.10
pods: 110
spot: true
cpu: 0.10
memory: 1Gi
inner: { a: 1 }
list:
  - { name: one }
  - { name: two }
"""


def mapping(text: str = TEXT) -> YamlMapping:
    return YamlMapping(parse_yaml(text, "nodes.yaml"))


def test_every_kind_of_value_is_read() -> None:
    top = mapping()
    assert (top.text("name"), top.number("price"), top.integer("pods"), top.boolean("spot")) == ("n2", 0.1, 110, True)
    assert (top.cpu("cpu"), top.memory("memory")) == (100, 1 << 30)
    assert top.mapping("inner").integer("a") == 1
    assert [one.text("name") for one in top.mappings("list")] == ["one", "two"]
    top.refuse_unknown_keys()


def test_defaults_stand_in_for_missing_keys() -> None:
    top = mapping("a: 1")
    assert (top.text("t", "x"), top.number("n", 2.5), top.integer("i", 3), top.boolean("b", False)) == (
        "x",
        2.5,
        3,
        False,
    )
    assert top.has("a") and not top.has("b")


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda top: top.text("pods"), r"nodes.yaml:3: pods: '110' is not text"),
        (lambda top: top.number("name"), r":1: name: 'n2' is not a number"),
        (lambda top: top.number("spot"), r":4: spot: 'true' is not a number"),
        (lambda top: top.number("price", least=1), r":2: price: '0.10' is less than 1"),
        (lambda top: top.integer("price"), r":2: price: '0.10' is not a whole number"),
        (lambda top: top.integer("pods", least=200), r":3: pods: '110' is less than 200"),
        (lambda top: top.boolean("name"), r":1: name: 'n2' is neither true nor false"),
        (lambda top: top.cpu("spot"), r":4: spot: 'true' is not a quantity"),
        (lambda top: top.memory("pods"), r":3: pods: '110' is 110 bytes of memory: is the unit missing"),
        (lambda top: top.mapping("name"), r":1: name: 'n2' is not keys with values"),
        (lambda top: list(top.mappings("inner")), r":7: inner is not a list, or is empty"),
        (lambda top: top.text("nmae"), r"'nmae' is missing"),
        (lambda top: top.mapping("inner").text("b"), r":7: inner: 'b' is missing"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_as_it_is_written(read: Callable[[YamlMapping], Any], message: str) -> None:
    with pytest.raises(GilfreeError, match=message):
        read(mapping())


def test_a_key_that_was_never_read_is_unknown_and_a_similar_known_key_is_offered() -> None:
    top = mapping("name: a\npirce: 1\n")
    top.text("name")
    assert not top.has("price")
    with pytest.raises(GilfreeError, match=r"nodes.yaml:2: pirce: unknown key 'pirce'\n.*did you mean 'price'"):
        top.refuse_unknown_keys()


def test_a_mapping_whose_keys_are_free_has_no_unknown_keys() -> None:
    top = mapping()
    assert top.all_keys()[0] == "name"
    top.refuse_unknown_keys()
