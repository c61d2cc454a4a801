"""A fleet's ranking as text and as one self-contained HTML file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from toolkit.capacity.nodes.catalogue import GIB
from toolkit.fleet.ranking import FleetRanking, RankedService, Verdict
from toolkit.report.templates import render_template

TEMPLATE = "fleet.html.j2"
SHOWN = 10
SECTIONS: tuple[tuple[Verdict, str], ...] = (
    ("move first", "Move these first"),
    ("measure first", "Measure these first"),
    ("leave", "Leave these"),
    ("unknown", "Unknown, because"),
    ("not Python", "Not Python"),
)


def html(fleet: FleetRanking, title: str, subtitle: str) -> str:
    """The whole file."""
    return render_template(
        TEMPLATE,
        fleet=fleet,
        title=title,
        subtitle=subtitle,
        lines=list(headline(fleet)),
        sections=SECTIONS,
        currency=fleet.catalogue.currency,
        method=list(method(fleet)),
    )


def text(fleet: FleetRanking, shown: int = SHOWN) -> str:
    """The headline, totals, and the head of each list."""
    return "\n".join(_lines(fleet, shown)) + "\n"


def headline(fleet: FleetRanking) -> Iterator[str]:
    """The result, first in one sentence."""
    moving, currency = fleet.with_verdict("move first"), fleet.catalogue.currency
    low, mid, high = fleet.saving
    if moving:
        first = (
            f"Move {len(moving):,} of {len(fleet.services):,} services first: together they save {mid:,.0f} {currency} "
            f"a month ({low:,.0f} to {high:,.0f}) over 3.14 sized by the same rule"
        )
    else:
        first = f"No saving shown for any of {len(fleet.services):,} services"
    if fleet.catalogue.sample:
        first += f"; nodes and prices are the shipped sample ({fleet.catalogue.name}), not yours: give --nodes"
    yield first
    counted = Counter(one.verdict for one in fleet.services)
    yield ", ".join(f"{counted[verdict]:,} {words}" for verdict, words in _COUNTED if counted[verdict])
    if fleet.totals:
        requested, sized, moved = (one.nodes for one in fleet.totals)
        if moving:
            yield f"in whole nodes that is {sized.words} -> {moved.words}, {_change(sized.month, moved.month, currency)}"
        yield (
            f"sizing by use alone, without moving anything: {requested.words} -> {sized.words}, "
            f"{_change(requested.month, sized.month, currency)}"
        )
    for name, why in fleet.refused.items():
        yield f"profile {name} cannot be used: {why}"
    yield from fleet.notes


def _change(before: float, after: float, currency: str) -> str:
    """What a month costs less or more. Whole nodes: for a few services it is far from what each adds by itself."""
    saved = before - after
    return f"{abs(saved):,.0f} {currency} a month {'less' if saved >= 0 else 'more'}"


_COUNTED: tuple[tuple[Verdict, str], ...] = (
    ("move first", "to move first"),
    ("measure first", "to measure first"),
    ("leave", "to leave"),
    ("unknown", "unknown"),
    ("not Python", "not Python"),
)


def method(fleet: FleetRanking) -> Iterator[str]:
    """How the figures were calculated."""
    yield (
        f"Both variants are sized by the same rule: the highest CPU use divided by {fleet.headroom:g}, the "
        "largest working set ever seen and a quarter more; so what better sizing saves is kept apart from what moving saves."
    )
    yield (
        "CPU per request and memory of a pod change as they did for the measured profile; worst and best are the blocks "
        "of that measurement compared with each other. High confidence: the service itself was measured; medium: one of "
        "its kind; low: its CPU per request is far from its profile's."
    )
    yield "A service is never guessed: without a rule, figures or requests it is unknown, and the reason is given."
    catalogue, rates = fleet.catalogue, fleet.rates
    if rates:
        yield (
            f"A service's money is what it adds to the cheapest mix of nodes: {rates.core_month:.2f} {catalogue.currency} a "
            f"core, {rates.gib_month:.2f} a GiB and {rates.pod_month:.2f} a pod each month (0: the nodes have some unused). "
            f"Prices: {catalogue.name}, {catalogue.date}: {catalogue.about}"
        )
    yield "Nodes: one type for all where one holds every pod, counted with the default scheduler's spreading, in steps of 1%, spare ones included."


def _lines(fleet: FleetRanking, shown: int) -> Iterator[str]:
    yield from headline(fleet)
    if fleet.totals:
        yield ""
        yield f"{'the services that are known':<46} {'pods':>8} {'CPU':>9} {'memory':>11} {'nodes':>7} {fleet.catalogue.currency + ' a month':>13}"
        for one in fleet.totals:
            yield (
                f"  {one.what:<44} {one.pods:>8,} {one.cpu_cores:>9,.0f} {one.memory_bytes / GIB:>7,.0f} GiB "
                f"{one.nodes.count:>7,} {one.nodes.month:>13,.0f}  {one.nodes.words}"
            )
    for verdict, words in SECTIONS[:3]:
        found = fleet.with_verdict(verdict)
        if not found:
            continue
        yield ""
        more = f", the first {shown}" if len(found) > shown else ""
        yield f"{words} ({len(found):,}{more})"
        for number, service in enumerate(found[:shown], 1):
            yield f"  {number:>3}. {_line(service, fleet.catalogue.currency)}"
    unknown = fleet.with_verdict("unknown")
    if unknown:
        yield ""
        yield f"Unknown, because ({len(unknown):,})"
        for why, count in Counter(one.why for one in unknown).most_common(shown):
            example = next(one for one in unknown if one.why == why)
            yield f"  {count:>5,} × {why} ({example.namespace}/{example.name}{', …' if count > 1 else ''})"


def _line(one: RankedService, currency: str) -> str:
    name = f"{one.namespace}/{one.name}"
    if one.saving is None or one.gil is None or one.free is None:
        return f"{name}: {one.why}"
    low, mid, high = (round(value) + 0 for value in one.saving)  # + 0: no -0
    sizes = "" if one.gil.cpu_millis == one.free.cpu_millis else f" of {one.gil.cpu_millis}m -> {one.free.cpu_millis}m"
    return (
        f"{name}: {mid:+,} {currency} a month ({low:+,} to {high:+,}), pods {one.gil.pods} -> {one.free.pods}{sizes}, "
        f"confidence {one.confidence}: {one.why}"
    )
