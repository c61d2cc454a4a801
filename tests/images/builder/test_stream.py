"""The engine cuts a build's output anywhere; it is put together to whole lines, and nothing of it is lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from toolkit.images.builder.stream import build_events, image_id_in
from toolkit.images.spec.context import text_context
from toolkit.images.spec.network import Network


class Engine:
    """An engine whose build writes these events."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.api, self._events = self, events

    def build(self, **options: Any) -> Iterator[Mapping[str, Any]]:
        assert options["rm"] and options["forcerm"] and options["custom_context"]
        return iter(self._events)


def events_of(*events: dict[str, Any]) -> list[Mapping[str, Any]]:
    engine: Any = Engine(list(events))
    return list(build_events(engine, text_context({"Dockerfile": "FROM x"}), Network(), {}))


@given(st.text(alphabet="ab \n", max_size=30), st.lists(st.integers(0, 30), max_size=5))
def test_however_the_output_is_cut_the_lines_are_the_same(text: str, cuts: list[int]) -> None:
    places = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
    parts = [{"stream": text[one:other]} for one, other in itertools.pairwise(places)]
    assert "\n".join(str(event["stream"]) for event in events_of(*parts)) == text.removesuffix("\n")
    assert all("\n" not in event["stream"] for event in events_of(*parts))


def test_the_image_id_is_the_last_one_that_the_engine_gives_and_no_line_of_a_step_is_taken_for_it() -> None:
    events = events_of(
        {"stream": "Successfully built 0123456789ab\n"}, {"aux": {"ID": "sha256:1"}}, {"aux": {"ID": "sha256:2"}}
    )
    assert [image_id_in(event) for event in events] == ["", "sha256:1", "sha256:2"]
    assert image_id_in({"aux": None}) == image_id_in({"aux": {"Digest": "x"}}) == ""
