"""A server's memory is the same whoever else runs under its interpreter; PSS alone is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from toolkit.agent import memory, system
from toolkit.agent.memory import Mapping, Pages, file_pages, missing_kb
from toolkit.records.metrics import server_pss_kb

IMPORTS = "import asyncio, decimal, json, ssl, sys; print('up', flush=True); sys.stdin.readline()"


@contextmanager
def python(executable: Path) -> Iterator[int]:
    """A process under the interpreter with a few modules, as a server has; its PID."""
    with subprocess.Popen(
        [str(executable), "-c", IMPORTS],
        env={"PYTHONHOME": sys.base_prefix, "LD_PRELOAD": " ".join(map(str, executable.parent.glob("libpython*")))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        yield process.pid
        process.kill()


def figures(pid: int, agent: int) -> tuple[float, float]:
    """The server's memory as records have it, and by PSS alone, in KiB."""
    server, own = memory.memory_kb(pid), memory.memory_kb(agent)
    frame = {"pss_kb": server["pss"], "agent_pss_kb": own["pss"], "agent_uss_kb": own["uss"]}
    return server_pss_kb({**frame, "strangers_kb": memory.shared_with_strangers_kb([pid], agent)}), server["pss"]


def test_strangers_under_the_same_interpreter_do_not_make_a_server_smaller(tmp_path: Path) -> None:
    executable = tmp_path / "python3"  # a copy, under which nothing else of this machine runs
    shutil.copy(Path(sys.executable).resolve(), executable)
    library = Path(sysconfig.get_config_var("LIBDIR")) / str(sysconfig.get_config_var("INSTSONAME"))
    if sysconfig.get_config_var("Py_ENABLE_SHARED") and library.is_file():
        shutil.copy(library, tmp_path)
    with python(executable) as server, python(executable) as agent:
        before, pss_before = figures(server, agent)
        with ExitStack() as strangers:
            for _ in range(4):
                strangers.enter_context(python(executable))
            among_strangers, pss_among_strangers = figures(server, agent)
    assert pss_among_strangers < 0.95 * pss_before  # what the correction is for
    assert abs(among_strangers / before - 1) < 0.02


pages_in_kb = st.integers(1, 500).map(lambda number: 4 * number)


@given(pages_in_kb, st.integers(0, 8), st.booleans())
def test_each_page_is_counted_once_for_the_server(size: int, strangers: int, with_agent: bool) -> None:
    """One process maps a whole file; an agent and strangers may, too."""
    key: Mapping = ("fe:00", "1", "0")
    mappers = 1 + with_agent + strangers
    share = Pages(size, size // mappers, size if mappers == 1 else 0, 0)
    missing = missing_kb([{key: share}], {key: share} if with_agent else {})
    counted = share.pss + (share.pss - share.uss if with_agent else 0) + missing
    assert abs(counted - size) <= 2  # the kernel rounds shares down
    assert strangers or missing <= 1


def test_pages_that_only_the_agent_shares_with_strangers_are_not_the_servers() -> None:
    only_agent = {("fe:00", "2", "0"): Pages(100, 50, 0, 0)}
    assert missing_kb([{}], only_agent) == -50  # which the agent's PSS less its USS has added


def test_data_that_a_process_has_written_to_is_left_to_pss() -> None:
    key: Mapping = ("fe:00", "1", "5000")
    assert missing_kb([{key: Pages(100, 60, 50, 50)}], {}) == 0


def test_the_files_of_a_server_are_all_that_it_maps_but_the_c_library() -> None:
    paths = ["/usr/bin/python3.14", "/usr/lib/libpython3.14.so.1.0", "/usr/lib/libcrypto.so.3"]
    others = ["/usr/lib/libc.so.6", "/lib64/ld-linux-x86-64.so.2", "[heap]", "/dev/zero (deleted)"]
    text = "".join(
        f"7f00-7f01 r-xp {number:08x} fe:00 {0 if path == '[heap]' else number + 10}      {path}\n"
        f"Rss:                  {number} kB\nPss:                   1 kB\nVmFlags: rd\n"
        for number, path in enumerate([*paths, *others], 1)
    )
    found = file_pages(text)
    assert {inode: pages.rss for (_, inode, _), pages in found.items()} == {"11": 1, "12": 2, "13": 3}


def test_a_process_that_is_gone_has_no_memory() -> None:
    assert memory.memory_kb(2**22 + 1) == {}
    assert memory.shared_with_strangers_kb([2**22 + 1], os.getpid()) <= 0


TICK_KERNEL = (
    "cpu 1000000 0 0 500 0 3 400 0 0 0\ncpu0 600000 0 0 200 0 3 300 10 0 0\ncpu1 400000 0 0 300 0 0 100 0 0 0\n"
)
IRQ_KERNEL = TICK_KERNEL.replace("500 0 3 400", "500 0 2000 400").replace("200 0 3 300", "200 0 2000 300")


def test_time_of_interrupts_is_busy_only_where_the_kernel_charges_it_to_processes() -> None:
    assert not system.interrupts_are_apart(TICK_KERNEL)
    assert system.interrupts_are_apart(IRQ_KERNEL)
    assert system.host_cpu_ticks([0], False, TICK_KERNEL)["busy"] == 600_303
    apart = system.host_cpu_ticks([0], True, IRQ_KERNEL)
    assert apart == {"busy": 600_000, "irq": 2300, "steal": 10, "total": 602_510}


def test_this_kernel_answers() -> None:
    assert system.interrupts_are_apart() in (True, False)
    assert system.host_cpu_ticks(sorted(os.sched_getaffinity(0)), False)["busy"] > 0
