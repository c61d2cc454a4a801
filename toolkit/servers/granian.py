"""Granian's command line, with nothing left to a default that differs between the variants or between wheels.

Left out on purpose: `--runtime-blocking-threads` (only file responses use them), HTTP/2, TLS and process management
options, which have the same defaults in both builds and play no part here. `--loop auto` would take rloop or uvloop when
installed, WSGI's blocking threads default to a number that depends on the machine, `--backpressure` on the workers.
"""

from __future__ import annotations

from toolkit.scenario.model import Point, Scenario


def command(scenario: Scenario, point: Point, *, python: str, host: str, port: int, target: str) -> list[str]:
    """The server's whole command line for one point."""
    settings = scenario.granian
    argv = [python, "-m", "granian", "--interface", scenario.app.interface]
    argv += ["--host", host, "--port", str(port), "--workers", str(point.workers)]
    if scenario.app.interface == "wsgi":  # on ASGI the event loop runs the app and Granian refuses more than one
        argv += ["--blocking-threads", str(point.threads)]
    argv += ["--runtime-threads", str(settings.runtime_threads), "--runtime-mode", settings.runtime_mode]
    argv += ["--loop", point.loop, "--task-impl", settings.task_impl]
    argv += ["--backlog", str(settings.backlog), "--backpressure", str(settings.backpressure)]
    argv += ["--http", settings.http, "--ws" if settings.ws else "--no-ws"]
    argv += ["--http1-keep-alive", "--no-access-log", "--log-level", settings.log_level]
    return [*argv, target]
