"""A plan as text: for each variant what a pod carries, and pods, nodes and money at the lowest, median, highest knee."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.planning.result import CapacityPlan, Sizing, VariantPlan
from toolkit.report.words import count

MIB = 1 << 20


def text(plan: CapacityPlan) -> str:
    """The whole plan; the saving, or why there is none, comes first."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: CapacityPlan) -> Iterator[str]:
    required, catalogue = plan.requirements, plan.catalogue
    first = [plan.saving.words] if plan.saving else []
    if catalogue.sample:
        first.append(f"nodes and prices are the shipped sample ({catalogue.name}), not yours: give --nodes")
    yield "; ".join(first)
    yield ""
    extra = [f"{required.headroom:.0%} of the knee used", f"{count(required.spare_nodes, 'spare node')}"]
    if required.zones > 1:
        extra.append(f"{required.zones} zones" + (", one of which may be lost" if required.survive_zone else ""))
    yield f"{plan.service}, {required.endpoint}: {required.traffic.peak_rps:,.0f} requests/s with p99 under {required.p99_ms:g} ms; {', '.join(extra)}"
    if required.colocated:
        yield f"also on these nodes: {', '.join(_colocated(one) for one in required.colocated)}"
    for one in plan.variants:
        yield ""
        yield from _variant(one, plan)
    for variant, reason in plan.unplanned.items():
        yield ""
        yield f"{variant}: unknown, because {reason}"
    if plan.day:
        yield ""
        yield from _day(plan)
    yield ""
    for words in plan.caveats:
        yield f"- {words}"
    yield f"- nodes are counted with the default scheduler's spreading; gap: what a better choice could save at most; month: {catalogue.hours_a_month:g} h"


def _variant(one: VariantPlan, plan: CapacityPlan) -> Iterator[str]:
    yield (
        f"{one.variant}: {count(one.workers, 'worker')}, {count(one.threads, 'thread')} ({one.point}); "
        f"a pod requests {one.cpu_millis}m CPU and {one.memory_bytes / MIB:,.0f}Mi"
    )
    yield f"  {'knee':<8} {'req/s':>11} {'planned a pod':>13} {'pods':>6} {'nodes':>6} {plan.catalogue.currency + ' a month':>13} {'gap':>6}  nodes by type"
    for name, sizing in (("lowest", one.low), ("median", one.mid), ("highest", one.high)):
        yield "  " + _sizing(name, sizing)
    ends = sorted(set(one.mid.limiting.values()))
    if ends:
        yield f"  what fills a node first: {' and '.join(ends)}"
    if len(one.mid.zones) > 1:
        uneven = "; the available nodes do not give every zone its share of the pods" if one.mid.uneven else ""
        yield f"  by zone, at the median knee: {'; '.join(_kinds(zone) for zone in one.mid.zones)}{uneven}"
    yield f"  confidence {one.confidence}: {one.confidence_why}"
    for point, why in one.why_not.items():
        yield f"  not considered {point}: {why}"


def _sizing(name: str, sizing: Sizing) -> str:
    if sizing.problem:
        knee = f"{name:<8} {sizing.knee_rps:>11,.0f} {sizing.carried_rps:>13,.0f}"
        return f"{knee} {sizing.pods:>6,}  does not fit: {sizing.problem}"
    kinds = ", ".join(
        f"{count} {kind}" + (f" ({sizing.spare[kind]} of them spare)" if kind in sizing.spare else "")
        for kind, count in sizing.nodes.items()
    )
    return (
        f"{name:<8} {sizing.knee_rps:>11,.0f} {sizing.carried_rps:>13,.0f} {sizing.pods:>6,} {sizing.node_count:>6,} {sizing.month or 0:>13,.0f} "
        f"{sizing.gap or 0:>6.1%}  {kinds}"
    )


def _kinds(nodes: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in nodes.items()) or "none"


def _day(plan: CapacityPlan) -> Iterator[str]:
    names = [one.variant for one in plan.variants]
    yield "the day: what each hour needs at the median knee (pods / nodes, if they followed the traffic)"
    yield f"  hours are counted in {plan.requirements.traffic.zone}"
    yield f"  {'hour':<6} {'req/s':>10} " + " ".join(f"{name:>14}" for name in names)
    for row in plan.day:
        cells = [
            f"{row['pods'][name]:,} / {row['nodes'][name]:,}" if name in row["nodes"] else f"{row['pods'][name]:,}"
            for name in names
        ]
        yield f"  {row['hour']:02d}:00  {row['rps']:>10,.0f} " + " ".join(f"{cell:>14}" for cell in cells)
    hours = [row for row in plan.day if row["price_hour"]]
    if len(hours) == 24:
        month = plan.catalogue.hours_a_month / 24
        for name in names:
            if all(name in row["price_hour"] for row in hours):
                paid = sum(row["price_hour"][name] for row in hours) * month
                yield f"  {name}: {paid:,.0f} {plan.catalogue.currency} a month if nodes follow every hour"


def _colocated(one: Workload) -> str:
    return f"{one.replicas} {one.name} of {one.cpu_millis}m and {one.memory_bytes / MIB:,.0f}Mi"
