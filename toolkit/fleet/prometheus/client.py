"""The HTTP API of Prometheus, which Thanos and Mimir speak too: one query at one moment, or over a stretch of time.

Thanos is asked to leave out duplicates of replicas (`dedup`), Mimir is found below its path (`/prometheus`) with the header
`X-Scope-OrgID`; each ignores what it does not know. Values of headers come from the environment or from files, and are
never part of a message.
"""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.errors import GilfreeError

TIMEOUT_SECONDS = 120
TOKEN_VARIABLE = "GILFREE_PROMETHEUS_TOKEN"
_HEADER = re.compile(r"([A-Za-z0-9-]+)=(env|file):(.+)")
_TOO_MUCH = re.compile(r"too many samples|timed out|limit|maximum|max-|exceed", re.IGNORECASE)


class TooMuch(GilfreeError):
    """The server refuses a query because it reads too much or takes too long: a shorter stretch of time may be answered."""


@dataclass(frozen=True)
class Access:
    """Where a Prometheus answers, and the headers that every request carries."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Series:
    """One result: its labels, and its values by time in seconds since 1970."""

    labels: Mapping[str, str]
    values: Mapping[float, float]


@dataclass(frozen=True)
class Answer:
    """What one query found, and the warnings of the server: a store that did not answer makes figures too low."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()


def access(address: str, headers: Sequence[str] = ()) -> Access:
    """How to reach a Prometheus. `headers`: NAME=env:VARIABLE or NAME=file:PATH; the values are read here.

    A bearer token is also read from the variable TOKEN_VARIABLE. Raises GilfreeError for an address that is none or holds
    a password, and for a header whose value cannot be read.
    """
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GilfreeError(f"--prometheus {address!r} is not an address", "write http://prometheus.monitoring:9090")
    if parts.username or parts.password:
        raise GilfreeError(
            f"--prometheus: the address of {parts.hostname} holds a password, which reports would show",
            'write `Basic …` to a file and give --header "Authorization=file:PATH"',
        )
    token = os.environ.get(TOKEN_VARIABLE)
    found = {"Authorization": f"Bearer {token}"} if token else {}
    found |= dict(_header(one) for one in headers)
    return Access(re.sub(r"/+(api/v1(/query(_range)?)?|graph|query)?/*$", "", address), found)


def _header(text: str) -> tuple[str, str]:
    match = _HEADER.fullmatch(text)
    if not match:
        name = re.split(r"[=:]", text)[0][:40]
        raise GilfreeError(
            f"--header {name}: its value is to come from a variable or a file, which no command line shows",
            f"write --header {name}=env:VARIABLE or --header {name}=file:PATH",
        )
    name, kind, source = match.groups()
    if kind == "env":
        if not os.environ.get(source):
            raise GilfreeError(f"--header {name}: the variable {source} is not set", f"export {source}=…")
        value = os.environ[source].strip()
    else:
        try:
            value = Path(source).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "is not text"
            raise GilfreeError(f"--header {name}: {source} cannot be read: {why}", "name a readable file") from None
    if not value or not value.isprintable() or not value.isascii():
        raise GilfreeError(f"--header {name}: the value from {source} is not one line of text", "write one line")
    return name, value


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the headers to another host."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def ask(to: Access, name: str, query: str, at: float | None = None) -> Answer:
    """The results of a query at a time in seconds since 1970; None: now. `name` is what messages call it.

    Raises TooMuch, or GilfreeError with the message of the server when it refuses, or when it is no Prometheus.
    """
    moment = {} if at is None else {"time": f"{at:.3f}"}
    return _answer(to, name, "query", {"query": query, **moment}, "vector")


def ask_over(to: Access, name: str, query: str, start: float, end: float, step: float) -> Answer:
    """The results of a query at `start`, every `step` seconds after it, until `end` (included). Raises as `ask` does."""
    span = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
    return _answer(to, name, "query_range", span, "matrix")


def label_values(to: Access, label: str, selector: str, start: float, end: float) -> tuple[str, ...]:
    """The values that a label has in the series of a selector between two times. Raises as `ask` does."""
    span = urllib.parse.urlencode({"match[]": selector, "start": f"{start:.3f}", "end": f"{end:.3f}"})
    data = _load(to, f"label {label}", f"label/{label}/values?{span}", None)
    try:
        return tuple(str(one) for one in data["data"])
    except (KeyError, TypeError):
        raise _not_prometheus(to) from None


def clock(to: Access) -> float:
    """The time of the server in seconds since 1970. Raises as `ask` does."""
    found = _answer(to, "time", "query", {"query": "time()"}, "scalar")
    return next(iter(found.series[0].values.values()))


def _answer(to: Access, name: str, path: str, parameters: Mapping[str, str], kind: str) -> Answer:
    data = _load(to, name, path, {**parameters, "dedup": "true", "partial_response": "true"})
    remedy = f"check that {to.url} is a Prometheus, and try the query there"
    try:
        found = data["data"]["resultType"] if data["status"] == "success" else data["error"]
        if found != kind:
            raise GilfreeError(f"the query {name} does not return a {kind}: {found}", remedy)
        warnings = tuple(str(one) for one in data.get("warnings") or ())
        results = data["data"]["result"]
        if kind == "scalar":
            return Answer((Series({}, _values([results])),), warnings)
        return Answer(tuple(Series(one["metric"], _values(_points(one))) for one in results), warnings)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _not_prometheus(to) from None


def _not_prometheus(to: Access) -> GilfreeError:
    return GilfreeError(f"{to.url} does not answer as Prometheus does", f"check that {to.url} is a Prometheus")


def _points(one: Mapping[str, Any]) -> Sequence[Any]:
    if "histogram" in one or "histograms" in one:
        raise GilfreeError("a query returns native histograms", "wrap them: histogram_count(rate(…))")
    found: Sequence[Any] = one["values"] if "values" in one else [one["value"]]
    return found


def _values(points: Sequence[Any]) -> dict[float, float]:
    return {float(time): float(value) for time, value in points}


def _load(to: Access, name: str, path: str, parameters: Mapping[str, str] | None) -> Any:
    body = None if parameters is None else urllib.parse.urlencode(parameters).encode()
    request = urllib.request.Request(f"{to.url}/api/v1/{path}", data=body, headers=dict(to.headers))
    try:
        with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise _refusal(to, name, error) from None
    except (OSError, ValueError) as error:
        raise GilfreeError(
            f"Prometheus at {to.url} does not answer: {error}",
            f"check that {to.url} is a Prometheus, and try the query there",
        ) from None


def _refusal(to: Access, name: str, error: urllib.error.HTTPError) -> GilfreeError:
    try:
        words = f"{error.code}: {json.load(error)['error']}"
    except (ValueError, KeyError, OSError, TypeError):
        words = f"{error.code} {error.reason}"
    message = f"Prometheus refused the query {name}: {words}"
    if 300 <= error.code < 400:
        return GilfreeError(
            f"{message}; it leads to {error.headers.get('Location')}", "give that address, if you trust it"
        )
    if error.code in (401, 403) or "org id" in words.lower():
        return GilfreeError(
            message, "give --header Authorization=env:VARIABLE, or for Mimir X-Scope-OrgID=env:VARIABLE"
        )
    if error.code == 404:
        return GilfreeError(message, f"add the path of its API: Mimir answers below {to.url}/prometheus")
    if error.code in (422, 503) and _TOO_MUCH.search(words):
        return TooMuch(message, "give --queries that select less, or raise --query.max-samples of the server")
    return GilfreeError(message, f"check that {to.url} is a Prometheus, and try the query there")
