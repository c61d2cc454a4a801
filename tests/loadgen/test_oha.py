"""What oha says is read as it is meant: seconds, status codes, and silence that is no success."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.loadgen.oha import command, environment, parse
from toolkit.loadgen.output import ParseError


def output(statuses: dict[str, int], errors: dict[str, int] | None = None, **summary: Any) -> str:
    """What oha prints, without the parts that are not read."""
    return json.dumps(
        {
            "summary": {
                "successRate": 1.0,
                "total": 5.01,
                "slowest": 0.2,
                "fastest": 0.001,
                "average": 0.01,
                **summary,
            },
            "latencyPercentiles": {"p10": 0.001, "p50": 0.004, "p90": 0.02, "p99": 0.05, "p99.9": 0.1, "p99.99": None},
            "statusCodeDistribution": statuses,
            "errorDistribution": errors or {},
        },
        indent=2,
    )


def test_seconds_become_milliseconds_and_the_rate_is_right_answers_over_the_time_asked_for() -> None:
    found = parse(output({"200": 4900}), seconds=5, status=200)
    assert found.requests_per_second == 980
    assert (found.latency_p50_ms, found.latency_p99_ms, found.latency_max_ms) == (4, 50, 200)
    assert found.errors == 0


def test_answers_of_another_status_are_errors_although_oha_calls_them_success() -> None:
    found = parse(output({"200": 4000, "503": 7}), seconds=5, status=200)
    assert found.requests_total == 4000
    assert found.errors == 7 and found.first_error == "7 x status 503"


def test_requests_without_an_answer_are_errors_although_its_exit_code_is_0() -> None:
    found = parse(output({"200": 10}, {"connection refused": 3}), seconds=5, status=200)
    assert found.errors == 3 and "connection refused" in found.first_error


def test_an_expected_status_other_than_200_counts_as_right() -> None:
    assert parse(output({"404": 100}), seconds=5, status=404).requests_total == 100


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "printed nothing"),
        ("Error: no such host", "holds no result"),
        (output({}, {"connection refused": 20}), "connection refused"),
        (output({}), "not one request"),
        (output({"200": 5}, average=None), "average is None"),
    ],
)
def test_what_is_no_result_says_so(text: str, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        parse(text, seconds=5, status=200)


@given(st.text())
def test_any_text_is_a_result_or_a_parse_error(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text, seconds=5, status=200)


def test_the_command_corrects_latency_waits_at_the_end_and_follows_no_redirect() -> None:
    argv = command("/bin/oha", "http://h:1/json", connections=64, rate_rps=1200, seconds="{seconds}")
    assert argv[0] == "/bin/oha" and argv[-1] == "http://h:1/json"
    text = " ".join(argv)
    assert "-q 1200" in text and "-z {seconds}s" in text and "-c 64" in text
    assert {"-w", "--latency-correction", "--json"} <= set(argv) and "--redirect 0" in text


def test_it_is_kept_to_as_many_threads_as_it_has_cpus() -> None:
    assert environment(2) == {"TOKIO_WORKER_THREADS": "2"}
