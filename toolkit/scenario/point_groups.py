"""Which points of a scenario belong together, since a claim compares one with the other (1 thread against 64). Pure."""

from __future__ import annotations

from collections import Counter

from toolkit.scenario.model import Cell, Point, Scenario


def point_groups(scenario: Scenario, arms: int = 2, most_alive: int = 4) -> list[tuple[Point, ...]]:
    """Every point of the matrix in groups; points that claims compare are in one group, if they have the same load.

    arms: how many servers each point has. most_alive: how many servers a group has at the most. Where more points belong
    together they become several groups, each of which begins with the point that the others are compared with, the
    reference. Where not even two points fit, every point is a group of its own. In the order of the matrix.
    """
    points = scenario.points()
    links = _links(scenario, points) if 2 * arms <= most_alive else []
    partners = most_alive // arms - 1
    groups: list[tuple[Point, ...]] = []
    while links:
        count = Counter(reference for _, reference in links)
        reference = max(points, key=lambda point: count[point])
        linked = [point for point in points if (point, reference) in links]
        groups += [(reference, *linked[first : first + partners]) for first in range(0, len(linked), partners)]
        links = [link for link in links if link[1] != reference]
    together = {point for group in groups for point in group}
    groups += [(point,) for point in points if point not in together]
    return sorted(groups, key=lambda group: points.index(group[0]))


def _links(scenario: Scenario, points: list[Point]) -> list[tuple[Point, Point]]:
    """The pairs of different points of equal load that a claim compares, its reference last; each once."""
    found: dict[tuple[Point, Point], None] = {}
    for claim in scenario.claims:
        of, against = _point(claim.of, points), _point(claim.against, points)
        if (
            of
            and against
            and of != against
            and (of.endpoint, of.connections) == (against.endpoint, against.connections)
        ):
            found.setdefault((of, against))
    return list(found)


def _point(cell: Cell, points: list[Point]) -> Point | None:
    return next((point for point in points if cell.matches(point)), None)
