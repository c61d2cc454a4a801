"""Granian's command line, which sets every option whose default differs between variants, wheels or machines.

Such defaults are: `--loop auto` takes rloop or uvloop when installed, WSGI's blocking threads depend on the machine, and
`--backpressure` depends on the number of workers. Omitted are `--runtime-blocking-threads` (only file responses use
them), HTTP/2, TLS and process management, whose defaults are the same in both variants and have no effect here.
"""

from __future__ import annotations

from toolkit.scenario.model import Point, Scenario


def command(scenario: Scenario, point: Point, *, python: str, host: str, port: int, target: str) -> list[str]:
    """The server's whole command line for one point; the same for both variants but for `python`. Pure.

    scenario, point: with the arm's own settings applied, as `Trial.served` gives them. That is the only way by which
    settings get here: what is the same at every point comes from `scenario.granian`, and `workers`, `threads` and `loop`
    from the point. python: the interpreter that has Granian installed. host, port: where it listens. target: the app
    as `module:attribute`, imported from the working directory.
    """
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
