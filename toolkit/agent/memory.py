"""The memory of processes, from the kernel's smaps: how much is theirs, and which pages others share with them.

PSS divides a page by the number of all processes that map it, also of those that have nothing to do with a trial: a
server under `/usr/bin/python3.14` looks smaller while anything else runs under it, or maps a library that it loads,
such as libcrypto. So the pages of the files that a server maps are counted once for the whole server, whoever else maps
them: another arm, an agent, the toolkit, a stranger of another user or in another container. For that nothing needs to
be known of the other processes. Only the C library is left to PSS: every process of a machine maps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .system import read_text

Mapping = tuple[str, str, str]
"""A part of a file that is mapped: device, inode, offset; the same in all processes that map it."""


_C_LIBRARY = re.compile(r"/(ld-|ld\.so|lib(c|m|pthread|dl|rt|util)[-.]|ld-musl|libc\.musl)[^/]*$|/locale/|/gconv/")


@dataclass(frozen=True)
class Pages:
    """The pages of one mapping in one process, in KiB: all that are present, the process's share, its alone."""

    rss: int
    pss: int
    uss: int
    anonymous: int


def memory_kb(pid: int) -> dict[str, int]:
    """`pss`, `uss` and `rss` of a process in KiB, from smaps_rollup; empty when it is gone or cannot be read."""
    rollup = read_text(f"/proc/{pid}/smaps_rollup")
    pages = _pages(rollup.splitlines())
    return {"pss": pages.pss, "uss": pages.uss, "rss": pages.rss} if rollup else {}


def shared_with_strangers_kb(server: Sequence[int], agent: int) -> int:
    """What PSS misses of the files that a server's processes map because other processes map them too, in KiB.

    server: the PIDs of the server. agent: the PID of the agent, which may run under the same interpreter. The result is
    to be added to `pss(server) + pss(agent) - uss(agent)`; it is 0 when nobody else maps these files.
    """
    return missing_kb(
        [file_pages(read_text(f"/proc/{pid}/smaps")) for pid in server], file_pages(read_text(f"/proc/{agent}/smaps"))
    )


def missing_kb(server: Sequence[dict[Mapping, Pages]], agent: dict[Mapping, Pages]) -> int:
    """As `shared_with_strangers_kb`, from the mappings of each process of the server and of the agent. Pure.

    Without strangers the shares of server and agent add up to whole pages, so no less than the largest process has. A
    mapping with anonymous pages (data that a process has written to) is left to PSS, as only relatives share those.
    """
    written = {key for one in (*server, agent) for key, pages in one.items() if pages.anonymous}
    missing = 0
    for key in {key for one in server for key in one} - written:
        here = [one[key] for one in server if key in one]
        seen = sum(pages.pss for pages in here) + _agent_share(agent, key)
        missing += max(0, max(pages.rss for pages in here) - seen)
    strangers_of_agent = set(agent) - written - {key for one in server for key in one}
    return missing - sum(_agent_share(agent, key) for key in strangers_of_agent)


def file_pages(smaps: str) -> dict[Mapping, Pages]:
    """The mappings of files in the text of a smaps: executable, libraries, modules; not the C library. Pure."""
    found = {}
    key: Mapping | None = None
    lines: list[str] = []
    for line in (*smaps.splitlines(), "0-0 ---p 0 0 0"):
        head = line.split(maxsplit=5)
        if len(head) < 5 or head[0].endswith(":"):
            lines.append(line)
            continue
        if key is not None:
            found[key] = _pages(lines)
        path = head[5] if len(head) > 5 else ""
        is_file = path.startswith("/") and not path.endswith(" (deleted)") and not _C_LIBRARY.search(path)
        key, lines = ((head[3], head[4], head[2]) if is_file and head[4] != "0" else None), []
    return found


def _agent_share(agent: dict[Mapping, Pages], key: Mapping) -> int:
    pages = agent.get(key)
    return pages.pss - pages.uss if pages else 0


def _pages(lines: Iterable[str]) -> Pages:
    sums = {"Rss": 0, "Pss": 0, "Private_Clean": 0, "Private_Dirty": 0, "Anonymous": 0}
    for line in lines:
        name, _, rest = line.partition(":")
        if name in sums:
            sums[name] += int(rest.split()[0])
    return Pages(sums["Rss"], sums["Pss"], sums["Private_Clean"] + sums["Private_Dirty"], sums["Anonymous"])
