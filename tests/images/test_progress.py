"""Progress is a live line on a terminal, whole lines in a pipe, nothing when quiet."""

from __future__ import annotations

import io
import re
import time

import pytest

from toolkit.images import progress as module
from toolkit.images.progress import BuildProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _a_usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)


def shown(stream: io.StringIO, *, quiet: bool = False) -> str:
    progress = BuildProgress(quiet=quiet, stream=stream)
    progress.begin("app 3.14t (fast)", "building x")
    with progress.running():
        progress.step(3, 12, "RUN make")
        progress.line("\x1b[0mgcc -c \x1b[1mfile.c\r")
    progress.say("done")
    return stream.getvalue()


def last_line_of(text: str) -> str:
    """What a terminal shows as the live line after a step wrote `text`."""
    stream = Terminal()
    progress = BuildProgress(stream=stream)
    with progress.running():
        progress.step(1, 2, "RUN make")
        progress.line(text)
    return re.split(r"[\r\n\x1b]", stream.getvalue().rpartition("(0:00) ")[2])[0].rstrip()


def test_a_pipe_gets_a_line_for_each_step() -> None:
    assert shown(io.StringIO()).splitlines() == [
        "app 3.14t (fast): building x",
        "app 3.14t (fast): step 3 of 12 (0:00) RUN make",
        "done",
    ]


def test_a_pipe_gets_no_control_sequences_whatever_the_environment_forces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in shown(io.StringIO())


def test_a_pipe_is_shown_again_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIPE_SECONDS", 0.0)
    stream = io.StringIO()
    progress = BuildProgress(stream=stream)
    progress.begin("load", "building y")
    progress.step(1, 2, "RUN cargo install rewrk")
    progress.line("Compiling hyper")
    assert stream.getvalue().splitlines()[-1] == "load: step 1 of 2 (0:00) Compiling hyper"


def test_a_long_instruction_is_cut_and_a_line_that_stays_is_not() -> None:
    stream = io.StringIO()
    progress = BuildProgress(stream=stream)
    progress.say("x" * 400)
    progress.step(1, 2, "RUN " + "y" * 400)
    whole, cut = stream.getvalue().splitlines()
    assert whole == "x" * 400 and len(cut) == 150 and cut.endswith("…")


def test_a_terminal_gets_one_line_that_changes_and_is_gone_at_the_end() -> None:
    text = shown(Terminal())
    assert "app 3.14t (fast): step 3 of 12 (0:00) gcc -c file.c" in text
    assert text.rpartition("\x1b[2K")[2].strip() == "done"  # the live line was erased before


def test_the_live_line_is_cut_to_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    progress = BuildProgress(stream=stream)
    with progress.running():
        progress.step(1, 2, "RUN " + "y" * 400)
    assert "…" in stream.getvalue() and "y" * 41 not in stream.getvalue()


def test_quiet_is_quiet() -> None:
    assert shown(Terminal(), quiet=True) == shown(io.StringIO(), quiet=True) == ""


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("\x1b[31mred\x1b[0m words", "red words"),
        ("10 %\r50 %\r100 %\r", "100 %"),
        ("bell\x07 and [brackets]", "bell and [brackets]"),
    ],
)
def test_colours_and_returns_of_the_build_do_not_reach_the_terminal(written: str, kept: str) -> None:
    assert last_line_of(written) == kept


def test_an_empty_line_of_the_build_leaves_the_one_before() -> None:
    assert last_line_of("  \r\n") == "RUN make"


def test_time_is_seen_to_pass_while_a_step_says_nothing() -> None:
    stream = Terminal()
    progress = BuildProgress(stream=stream)
    with progress.running():
        progress.step(1, 2, "RUN link")
        deadline = time.monotonic() + 10
        while "(0:01) RUN link" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "step 1 of 2 (0:01) RUN link" in stream.getvalue()
