"""The table of reasons: every reason is in it, and what the machine did never becomes a finding about a server."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.records.reasons import REASONS, Rejection, deciding, outcome_of

TOOLKIT = Path(__file__).parents[2] / "toolkit"


def reasons_in_code() -> set[str]:
    """The texts given as first argument of Rejection(...) and Problem(...), or as "reason" in the backends."""
    texts: list[ast.expr] = []
    for file in TOOLKIT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                texts += node.args[:1] if node.func.id in ("Rejection", "Problem") else []
            if isinstance(node, ast.Dict) and "backends" in file.parts:
                pairs = zip(node.keys, node.values, strict=True)
                texts += [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "reason"]
    both = [part for one in texts for part in ([one.body, one.orelse] if isinstance(one, ast.IfExp) else [one])]
    return {str(one.value) for one in both if isinstance(one, ast.Constant)}


def test_every_reason_that_the_code_gives_has_a_cause() -> None:
    given_in_code = reasons_in_code()
    assert {"stalled", "port-taken", "engine-refused", "evicted"} <= given_in_code
    assert given_in_code - REASONS.keys() == set()


def outcome(*reasons: str) -> str:
    return outcome_of([Rejection(reason, "") for reason in reasons])


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ((), "counted"),
        (("stalled",), "failed"),
        (("starved-connections",), "failed"),
        (("foreign-cpu",), "rejected"),
        (("stalled", "stolen"), "rejected"),
        (("throttled", "dropped-connections", "starved-connections"), "rejected"),
        (("wrong-answers", "foreign-cpu"), "failed"),
        (("out-of-memory", "stolen"), "failed"),
        (("server-died", "stalled", "throttled"), "failed"),
        (("gil-on", "foreign-cpu"), "failed"),
        (("server-died", "frames-missing", "load-failed"), "failed"),
        (("server-did-not-start", "port-taken"), "rejected"),
        (("evicted", "server-died"), "rejected"),
        (("something of another version",), "rejected"),
    ],
)
def test_the_outcome_says_whose_doing_it_was(reasons: tuple[str, ...], expected: str) -> None:
    assert outcome(*reasons) == expected


@given(st.lists(st.sampled_from(sorted(REASONS)), min_size=1))
def test_what_decided_has_the_cause_of_the_outcome(reasons: list[str]) -> None:
    rejections = [Rejection(reason, "") for reason in reasons]
    cause = deciding(rejections)
    assert cause is not None
    assert outcome_of(rejections) == {"server": "failed", "environment": "rejected"}[cause.cause]


@given(st.lists(st.sampled_from(sorted(REASONS)), min_size=1))
def test_the_outcome_does_not_depend_on_the_order_of_the_checks(reasons: list[str]) -> None:
    assert outcome(*reasons) == outcome(*reversed(reasons))
