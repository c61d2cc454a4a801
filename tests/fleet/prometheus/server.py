"""A real Prometheus on this machine: over a history that a test writes, or scraping servers that a test starts."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

READY_SECONDS = 60
EVERY_SECONDS = 60
"""Between two samples of a written history."""


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(
    binaries: Path, folder: Path, jobs: Sequence[Mapping[str, Any]] = (), options: Sequence[str] = ()
) -> Iterator[str]:
    """The address of a Prometheus that keeps its data in `folder`/data and scrapes `jobs` every second."""
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": list(jobs)}))
    command = [
        *(str(binaries / "prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=60d", *options),
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            until(lambda: process.poll() is not None or answers(f"{address}/-/ready"), "Prometheus is not ready")
            assert process.poll() is None, (folder / "log").read_text()
            yield address
        finally:
            process.terminate()
            process.wait(30)


def answers(url: str) -> bool:
    """Whether the address answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def until(done: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail with `what` after READY_SECONDS."""
    never = threading.Event()
    for _ in range(READY_SECONDS * 10):
        if done():
            return
        never.wait(0.1)
    raise AssertionError(what)


def evaluated(url: str, query: str, **more: object) -> Any:
    """The data of a query as Prometheus gives it; with `start`, `end` and `step` over a stretch of time."""
    path = "query_range" if "start" in more else "query"
    body = urllib.parse.urlencode({"query": query, "stats": "all", **more}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/{path}", data=body, timeout=60) as answer:
        return json.load(answer)["data"]


History = Callable[[int], float]
"""The value of a metric at so many seconds since the beginning."""


def write_history(
    binaries: Path,
    folder: Path,
    begin: int,
    end: int,
    metrics: Mapping[str, Iterable[tuple[str, History]]],
    origin: int | None = None,
) -> None:
    """Write samples of the past into `folder`/data. metrics: by name the labels, as in PromQL, and the values of series.

    `origin`: the time from which values count their seconds; None: `begin`.
    """
    origin = begin if origin is None else origin
    text = folder / "history.txt"
    with text.open("w") as file:
        for name, series in metrics.items():
            kind = "counter" if name.endswith("_total") else "gauge"
            file.write(f"# TYPE {name.removesuffix('_total')} {kind}\n")
            for labels, value in series:
                for time in range(begin, end, EVERY_SECONDS):
                    file.write(f"{name}{{{labels}}} {value(time - origin):.6f} {time}\n")
        file.write("# EOF\n")
    words = ("tsdb", "create-blocks-from", "openmetrics", str(text), str(folder / "data"))
    subprocess.run([str(binaries / "promtool"), *words], check=True, capture_output=True, timeout=120)
