"""Progress is a live line on a terminal, whole lines in a pipe, nothing when quiet."""

from __future__ import annotations

import io
import time

from toolkit.images.progress import Watching


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, *, quiet: bool = False) -> str:
    watching = Watching(quiet=quiet, stream=stream)
    watching.begin("app 3.14t (fast)", "building x")
    watching.step(3, 12, "RUN make")
    watching.line("\x1b[0mgcc -c \x1b[1mfile.c\r")
    watching.say("done")
    return stream.getvalue()


def test_a_pipe_gets_a_line_for_each_step() -> None:
    assert shown(io.StringIO()).splitlines() == [
        "app 3.14t (fast): building x",
        "app 3.14t (fast): step 3 of 12 (0:00) RUN make",
        "done",
    ]


def test_a_terminal_gets_one_line_that_changes() -> None:
    assert shown(Terminal()).count("\n") == 2
    assert "\r\x1b[2Kapp 3.14t (fast): step 3 of 12 (0:00) RUN make" in shown(Terminal())


def test_quiet_is_quiet() -> None:
    assert shown(Terminal(), quiet=True) == shown(io.StringIO(), quiet=True) == ""


def test_colours_and_returns_of_the_build_do_not_reach_the_terminal() -> None:
    stream = Terminal()
    watching = Watching(stream=stream)
    watching.step(1, 2, "RUN make")
    watching._shown = 0.0
    watching.line("\x1b[31mred\x1b[0m\rwords")
    assert stream.getvalue().endswith("redwords")


def test_time_is_seen_to_pass_while_a_step_says_nothing() -> None:
    stream = Terminal()
    watching = Watching(stream=stream)
    watching.step(1, 2, "RUN link")
    with watching.ticking():
        deadline = time.monotonic() + 10
        while stream.getvalue().count("step 1 of 2") < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "step 1 of 2 (0:01) RUN link" in stream.getvalue()
