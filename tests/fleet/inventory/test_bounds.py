"""Bounds on the pods of a service: what an autoscaler and disruption budgets allow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fleet.inventory.factory import autoscaler, budget, rollout_of, service, workload

OWN = {"matchLabels": {"app": "orders"}}


@pytest.mark.parametrize(
    ("items", "bounds"),
    [
        ([workload(), autoscaler(least=2, most=8)], (3, 2, 8)),
        ([workload(replicas=1), autoscaler(least=4, most=8)], (4, 4, 8)),
        ([workload(replicas=0), autoscaler(least=4, most=8)], (0, 4, 8)),
        ([workload(replicas=0), rollout_of("orders", "orders"), autoscaler(most=8, kind="Rollout")], (6, 3, 8)),
        ([workload(), autoscaler("other")], (3, 0, None)),
        ([workload(replicas=9), budget(4, **OWN)], (9, 5, None)),
        ([workload(replicas=3), budget(3, **OWN)], (3, 3, None)),
        ([workload(replicas=9), budget(4)], (9, 5, None)),
        ([workload(replicas=9), budget(4, matchLabels={"app": "other"})], (9, 0, None)),
        ([workload(replicas=9), budget(4, matchLabels={"lang": "python"})], (9, 0, None)),
        ([workload(replicas=9), budget("50%", **OWN)], (9, 2, None)),
        ([workload(replicas=9), budget("75%", **OWN)], (9, 4, None)),
        ([workload(replicas=9), budget("100%", **OWN)], (9, 9, None)),
        ([workload(replicas=9), budget(None, **OWN)], (9, 0, None)),
        ([workload(replicas=9), autoscaler(least=2, most=20), budget(4, **OWN)], (9, 5, 20)),
    ],
)
def test_pods_have_the_bounds_of_their_autoscaler_and_budgets(items: Any, bounds: tuple[int, int, int | None]) -> None:
    one = service(*items)
    assert (one.replicas, one.least_pods, one.most_pods) == bounds


@pytest.mark.parametrize(
    ("operator", "values", "selects"),
    [
        ("In", ["orders", "x"], True),
        ("In", ["x"], False),
        ("NotIn", ["x"], True),
        ("NotIn", ["orders"], False),
        ("Exists", None, True),
        ("DoesNotExist", None, False),
    ],
)
def test_a_budget_that_selects_by_expressions(operator: str, values: Any, selects: bool) -> None:
    expression = {"key": "app", "operator": operator, "values": values}
    one = service(workload(replicas=9), budget(4, matchExpressions=[expression]))
    assert (one.least_pods == 5) == selects
