"""Rules: which services a condition matches, and that a mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.factory import FASTER, ORDERS, fleet_rules
from toolkit.capacity.knee.profile import write_profile
from toolkit.errors import GilfreeError
from toolkit.fleet.rules import read_rules


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  - { label: a, profile: none }", r":5: rules.2.profile: 'none' is not one of the profiles"),
        ("  - { label: a }", r"give either a profile or `python: false`"),
        ("  - { label: a, profile: wsgi, python: false }", r"give either a profile or"),
        ("  - { profile: wsgi }", r"the rule has no condition"),
        ("  - { lable: a, label: b, profile: wsgi }", r"unknown key 'lable'"),
        ("  - { label: a, python: 0 }", r"python: '0' is neither true nor false"),
    ],
)
def test_a_mistake_in_rules_is_named_by_line(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(GilfreeError, match=said):
        fleet_rules(tmp_path, more=line)


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ("namespace: shop", True),
        ("namespace: kube-*", False),
        ("name: ord*", True),
        ("name: shop/orders", True),
        ("name: bar/orders", False),
        ('image: "r/*:1"', True),
        ("label: lang", True),
        ("label: lang=java", False),
        ("annotation: lang", False),
        ("namespace: shop, label: lang=java", False),
    ],
)
def test_conditions(tmp_path: Path, rule: str, fits: bool) -> None:
    write_profile(FASTER, tmp_path)
    (tmp_path / "r.yaml").write_text(f"profiles: {{ p: {{ campaign: . }} }}\nrules: [{{ {rule}, profile: p }}]\n")
    assert (read_rules(tmp_path / "r.yaml").first_match(ORDERS) is not None) == fits
