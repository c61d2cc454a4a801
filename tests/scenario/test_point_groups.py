"""Points that a claim compares belong together: with at most four servers alive, each further group with the reference."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Claim, Scenario
from toolkit.scenario.point_groups import point_groups


def keys(scenario: Scenario, arms: int = 2) -> list[list[str]]:
    return [[point.key for point in group] for group in point_groups(scenario, arms)]


def with_claims(pairs: list[tuple[int, int]], threads: list[int]) -> Scenario:
    data = load_scenario("wsgi").model_dump(by_alias=True)
    data["matrix"] = [{"endpoint": "json", "threads": threads, "connections": 64}]
    data["published"] = None
    data["claims"] = [
        Claim.model_validate(
            {
                "id": f"c{number}",
                "text": "one setting against another",
                "metric": "requests_per_second",
                "of": {"variant": "gil", "endpoint": "json", "threads": of},
                "against": {"variant": "gil", "endpoint": "json", "threads": against},
                "low": 0.5,
                "high": 2.0,
                "why": "because",
            }
        ).model_dump()
        for number, (of, against) in enumerate(pairs)
    ]
    return Scenario.model_validate(data)


def test_1_thread_and_64_threads_belong_together_where_a_claim_compares_them() -> None:
    assert keys(load_scenario("wsgi-threads")) == [
        ["json-w1-t1-c128", "json-w1-t64-c128"],
        ["io-w1-t1-c128"],
        ["io-w1-t64-c128"],
        ["io-w1-t1-c12", "io-w1-t64-c12"],
    ]


def test_a_claim_between_variants_groups_no_points() -> None:
    assert [len(group) for group in keys(load_scenario("wsgi"))] == [1, 1]


def test_each_further_group_holds_the_reference() -> None:
    assert keys(with_claims([(2, 1), (4, 1), (8, 1)], [1, 2, 4, 8])) == [
        ["json-w1-t1-c64", "json-w1-t2-c64"],
        ["json-w1-t1-c64", "json-w1-t4-c64"],
        ["json-w1-t1-c64", "json-w1-t8-c64"],
    ]


SETTINGS = [1, 2, 4, 8, 16]


@given(
    st.lists(
        st.tuples(st.sampled_from(SETTINGS), st.sampled_from(SETTINGS)).filter(lambda pair: pair[0] != pair[1]),
        max_size=8,
    ),
    st.integers(1, 5),
)
def test_every_point_is_in_a_group_and_every_compared_pair_in_one_that_is_small_enough(
    pairs: list[tuple[int, int]], arms: int
) -> None:
    scenario = with_claims(pairs, SETTINGS)
    groups = point_groups(scenario, arms)
    assert {point for group in groups for point in group} == set(scenario.points())
    assert all(len(group) * arms <= 4 or len(group) == 1 for group in groups)
    if arms <= 2:
        sides = [{point.threads for point in group} for group in groups]
        assert all(any({of, against} <= one for one in sides) for of, against in pairs)
