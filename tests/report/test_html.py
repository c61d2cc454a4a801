"""The HTML report: one file that needs nothing else, says what it must, and is the same for the same data."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from tests.report.conftest import TITLE, Make
from toolkit.report.html import render
from toolkit.report.page import page


class _Seen(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]


def test_nothing_is_loaded_and_nothing_is_run(html: str) -> None:
    seen = _Seen(html)
    assert not {tag for tag, _ in seen.tags} & {"script", "link", "img", "iframe", "object", "embed"}
    refers = [value for _, attrs in seen.tags for name, value in attrs.items() if name in ("src", "href", "xlink:href")]
    assert refers and all(value and value.startswith("#") for value in refers)
    assert not re.search(r"url\((?!#)", html) and "@import" not in html


def test_a_title_from_a_file_is_text(html: str) -> None:
    assert TITLE not in html
    assert "&lt;script&gt;alert" in html


def test_the_decision_comes_first(html: str) -> None:
    assert html.index("3.14t serves") < html.index("<table>")


def test_every_plot_says_in_words_what_it_shows(html: str) -> None:
    drawn = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(drawn) >= 8
    for one in drawn:
        found = re.search(r"<title[^>]*>(.+?)</title><desc[^>]*>(.+?)</desc>", one, re.DOTALL)
        assert found and re.search(r"\d", found[2])


def test_names_of_elements_do_not_meet(html: str) -> None:
    seen = _Seen(html)
    named = [name for name in seen.ids if not re.fullmatch(r"[mp][0-9a-f]{8,}", name)]
    assert len(named) == len(set(named))
    labels = [attrs["aria-labelledby"] for tag, attrs in seen.tags if tag == "svg"]
    assert all(set(str(label).split()) <= set(named) for label in labels)


def test_all_that_a_reader_needs_is_there(html: str) -> None:
    for words in (
        "<h3>Measured</h3>",
        "Failed trials",
        "Ratios with 95% intervals",
        "Throughput against threads and workers",
        "Memory over time",
        "Latency",
        "CPU of server and loader",
        "Environment",
        "gilfree bench --blocks 10",
        "Rejected trials",
        "Caveats",
        "without PGO",
    ):
        assert words in html, words


def test_latencies_are_never_called_percentiles(html: str) -> None:
    assert "no percentiles" in html
    words = re.sub(r"<[^>]*>", " ", html)
    assert not re.search(r"\bp9\d|9\dth|percentile(?!s)", words)


def test_the_same_data_give_the_same_bytes(make: Make) -> None:
    campaign = make(blocks=2, threads=(1, 4))
    first, second = (render([page(campaign)], "A report", "of a test") for _ in range(2))
    assert first == second


def test_colours_follow_the_page(html: str) -> None:
    for one in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        assert not re.search(r"(fill|stroke): #", one), "a colour of its own is lost on dark paper"
