"""How a Prometheus, Thanos or Mimir is reached over real HTTP, and what is said when it does not answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fleet.prometheus.answering import Answers, vector
from toolkit.errors import GilfreeError
from toolkit.fleet.prometheus.client import TOKEN_VARIABLE, TooMuch, access, ask


def test_headers_come_from_variables_and_files_and_are_in_no_message(
    answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENANT", "team-7")
    (tmp_path / "token").write_text("Bearer s3cret\n")
    to = access(f"{answers.url}/prometheus/", ["X-Scope-OrgID=env:TENANT", f"Authorization=file:{tmp_path / 'token'}"])
    ask(to, "rps", "a")
    path, headers, asked = answers.requests[0]
    assert path == "/prometheus/api/v1/query"
    assert (headers["x-scope-orgid"], headers["authorization"]) == ("team-7", "Bearer s3cret")
    assert (asked["dedup"], asked["partial_response"]) == ("true", "true")
    assert "s3cret" not in repr(to)
    answers.answers = {"a": (403, "no")}
    with pytest.raises(GilfreeError) as error:
        ask(to, "rps", "a")
    assert "s3cret" not in str(error.value)
    assert "--header Authorization" in str(error.value)


def test_a_token_in_the_environment_needs_no_option(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "secret")
    ask(access(answers.url), "rps", "a")
    assert answers.requests[0][1]["authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Authorization: Bearer s3cret", "--header Authorization: its value is to come from a variable or a file"),
        ("X-Scope-OrgID=s3cret", "--header X-Scope-OrgID: its value is to come from"),
        ("X-Scope-OrgID=env:GILFREE_NOT_SET", "the variable GILFREE_NOT_SET is not set"),
        ("X-Scope-OrgID=file:/nowhere", "/nowhere cannot be read"),
    ],
)
def test_a_header_without_a_readable_value_is_refused(header: str, said: str) -> None:
    with pytest.raises(GilfreeError, match=said) as error:
        access("http://127.0.0.1:1", [header])
    assert "s3cret" not in str(error.value)


def test_a_header_of_two_lines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one\nX-Other: two\n")
    with pytest.raises(GilfreeError, match="is not one line of text"):
        access("http://127.0.0.1:1", [f"Authorization=file:{tmp_path / 'token'}"])


@pytest.mark.parametrize("tail", ["", "/", "/graph", "/api/v1", "/api/v1/query", "/api/v1/query_range"])
def test_an_address_copied_from_a_browser_or_from_grafana_is_understood(tail: str) -> None:
    assert access(f"http://mimir.example.test/prometheus{tail}").url == "http://mimir.example.test/prometheus"


def test_an_address_that_is_none_or_holds_a_password_is_refused() -> None:
    with pytest.raises(GilfreeError, match="'file:///etc/passwd' is not an address"):
        access("file:///etc/passwd")
    with pytest.raises(GilfreeError, match=r"prom\.example\.test holds a password") as error:
        access("http://me:s3cret@prom.example.test")
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            (400, {"status": "error", "error": "parse error: unexpected end"}),
            r"refused the query rps: 400: parse error",
        ),
        ((503, "down"), r"refused the query rps: 503"),
        ((401, "no org id"), r"401 Unauthorized\n.*--header"),
        ((302, ""), r"302 Found; it leads to http://elsewhere"),
        ((404, "page not found"), r"404 Not Found\n.*Mimir answers below http://127.*/prometheus"),
        ((200, "<html>"), r"does not answer: Expecting value"),
        ((200, {"a": 1}), r"does not answer as Prometheus does"),
        ((200, {"status": "success", "data": {"resultType": "vector", "result": [1]}}), "not answer as Prometheus"),
        (
            (200, {"status": "success", "data": {"resultType": "matrix", "result": []}}),
            r"rps does not return a vector: matrix",
        ),
    ],
)
def test_every_way_of_not_answering_is_named(answers: Answers, answer: tuple[int, Any], said: str) -> None:
    answers.answers = {"a": answer}
    with pytest.raises(GilfreeError, match=said):
        ask(access(answers.url), "rps", "a")


@pytest.mark.parametrize(
    "answer",
    [
        (422, {"error": "query processing would load too many samples into memory in query execution"}),
        (503, {"error": "query timed out in expression evaluation"}),
        (422, {"error": "the query exceeded the maximum number of chunks (err-mimir-max-chunks-per-query)"}),
    ],
)
def test_a_query_that_reads_too_much_is_told_from_a_wrong_one(answers: Answers, answer: tuple[int, Any]) -> None:
    answers.answers = {"a": answer, "b": (422, {"error": "many-to-many matching not allowed"})}
    with pytest.raises(TooMuch):
        ask(access(answers.url), "rps", "a")
    with pytest.raises(GilfreeError) as error:
        ask(access(answers.url), "rps", "b")
    assert not isinstance(error.value, TooMuch)


def test_no_server_is_named() -> None:
    free = Answers()
    free.server_close()
    with pytest.raises(GilfreeError, match=r"does not answer: .*refused"):
        ask(access(free.url), "rps", "a")


def test_warnings_of_a_store_that_did_not_answer_are_kept(answers: Answers) -> None:
    answers.answers = {"a": (200, vector(({"namespace": "shop"}, "1"), warnings=("store-2: deadline exceeded",)))}
    assert ask(access(answers.url), "rps", "a").warnings == ("store-2: deadline exceeded",)
