"""The decision in words: what a reader who reads nothing else should take away. Pure.

The first line is the comparison's own. Below it one line for each best-against-best (or each old-and-new) says in plain
words what was won and what was lost; what has no verdict is never called a gain or a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.analysis.comparison import Best, Comparison
from toolkit.analysis.families import Judged
from toolkit.analysis.headline import MIN_BLOCKS
from toolkit.report.tables import Table

MAX_LINES = 12
HIGHER_IS_BETTER = {"requests_per_second"}
NAMES = {
    "requests_per_second": "requests/s",
    "cpu_seconds_per_1000_requests": "CPU time per request",
    "memory_mb": "memory",
    "latency_p99_ms": "p99 latency",
}


@dataclass(frozen=True)
class Decision:
    """The line to read, the lines below it, and whether anything at all was decided."""

    first: str
    lines: tuple[str, ...]
    firm: bool


def decision(found: Comparison, table: Table) -> Decision:
    """What a campaign comes to, in words."""
    firm = not found.too_noisy and found.blocks >= MIN_BLOCKS and bool(found.contrasts)
    main = [one for one in found.best if one.contrast == found.contrasts[0]] if found.contrasts else []
    shown = main[:MAX_LINES]
    lines = [_judged(one) if firm else _direction(one) for one in shown]
    if len(main) > len(shown):
        lines.append(f"{len(main) - len(shown)} further endpoints and numbers of connections are in the tables")
    lines += [words for words in [_claims(table.claims)] if words]
    return Decision(_sentence(found.first_line), tuple(_sentence(line) for line in lines), firm)


def _judged(best: Best) -> str:
    """Won and lost at one endpoint, from verdicts alone."""
    won = [_change(one) for one in best.family if _better(one) is True]
    lost = [_change(one) for one in best.family if _better(one) is False]
    same = [NAMES[one.metric] for one in best.family if one.verdict == "equivalent"]
    open_ = [NAMES[one.metric] for one in best.family if one.verdict == "inconclusive"]
    parts = [f"better in {', '.join(won)}"] if won else []
    parts += [f"worse in {', '.join(lost)}"] if lost else []
    parts += [f"the same within ±3 % in {', '.join(same)}"] if same else []
    parts += [f"undecided in {', '.join(open_)}"] if open_ else []
    return f"{_where(best)}: {best.contrast.candidate} is {'; '.join(parts) or 'not measured'}. {_advice(best)}".strip()


def _advice(best: Best) -> str:
    """What follows from requests/s and memory together; they are what is paid for."""
    family = {one.metric: one for one in best.family}
    speed, memory = family.get("requests_per_second"), family.get("memory_mb")
    if speed is None or memory is None or "inconclusive" in (speed.verdict, memory.verdict):
        return ""
    name, other = best.contrast.candidate, best.contrast.baseline
    faster, leaner = _better(speed), _better(memory)
    if faster is None and leaner is None:
        return f"Neither throughput nor memory speaks for or against {name} here"
    if faster is not False and leaner is not False:
        return f"{name} is the better choice here"
    if faster is not True and leaner is not True:
        return f"{other} is the better choice here"
    return f"A trade: {name} gives {'throughput for memory' if leaner is False else 'memory for throughput'}"


def _direction(best: Best) -> str:
    """Where the medians point, when nothing has been decided."""
    figures = [f"{NAMES[one.metric]} {one.ratio - 1:+.0%}" for one in best.family if one.ratio is not None]
    blocks = f"{best.blocks} block{'' if best.blocks == 1 else 's'}"
    return f"{_where(best)}: medians of {blocks}, not a verdict: {', '.join(figures) or 'nothing measured'}"


def _where(best: Best) -> str:
    own = "" if best.choices < 2 else f" (best of {best.choices} settings on each side)"
    return f"/{best.endpoint} with {best.connections} connections{own}"


def _change(one: Judged) -> str:
    if one.ratio is None or one.low is None or one.high is None:
        return NAMES[one.metric]
    return f"{NAMES[one.metric]} ({one.ratio - 1:+.1%}, {one.low - 1:+.1%} to {one.high - 1:+.1%})"


def _better(one: Judged) -> bool | None:
    """Whether the candidate is better, worse (False) or neither."""
    if one.verdict not in ("higher", "lower"):
        return None
    return (one.verdict == "higher") == (one.metric in HIGHER_IS_BETTER)


def _claims(claims: Sequence[Mapping[str, object]]) -> str:
    counts: dict[str, int] = {}
    for claim in claims:
        counts[str(claim["state"])] = counts.get(str(claim["state"]), 0) + 1
    return "published claims: " + ", ".join(f"{count} {state}" for state, count in counts.items()) if counts else ""


def _sentence(words: str) -> str:
    """With a capital and a full stop; an endpoint's slash stays what it is."""
    return (words[:1].upper() + words[1:]).rstrip(".") + "."
