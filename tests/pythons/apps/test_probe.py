"""What is no app is said before anything is measured: the real interpreters import real modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.pythons.apps.probe import AppProbe, probe_app
from toolkit.pythons.pair import Pair
from toolkit.scenario.model import App
from toolkit.trial.model import app_environment

MODULE = """
import functools, os, sys
print("an app may print while it is imported")

async def coroutine_app(scope, receive, send): ...
async def all_defaults(scope=None, receive=None, send=None): ...
def wsgi_app(environ, start_response): return []
def create_app(settings=None): return coroutine_app
def create_with(settings, more, again=1, *, name): return coroutine_app
def create_of_defaults(a=None, b=None, c=None): return coroutine_app
def decorated(*args, **kwargs): return coroutine_app(*args, **kwargs)

class Flask:
    def __init__(self, name="x", b=1): ...
    def __call__(self, environ, start_response): return []
class Starlette:
    async def __call__(self, scope, receive, send): ...
class Endpoint:
    def __init__(self, scope, receive, send): ...
    def __await__(self): yield
class OldWsgi:
    def __init__(self, environ, start_response): ...
    def __iter__(self): return iter([])

flask, starlette = Flask(), Starlette()
number = 3
class Settings: inner = starlette
partial = functools.partial(lambda x, scope, receive, send: None, 1)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of modules."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "shop" / "service.py").write_text(MODULE)
    return tmp_path


def probe(pair: Pair, project: Path, target: str, interface: str = "asgi") -> AppProbe:
    env = app_environment(App(target="a:b", interface="asgi"))
    return probe_app(pair.free_threaded.executable, project, target, interface, env)


@pytest.mark.parametrize(
    ("name", "interface"),
    [
        ("coroutine_app", "asgi"),
        ("all_defaults", "asgi"),
        ("decorated", "asgi"),
        ("starlette", "asgi"),
        ("Settings.inner", "asgi"),
        ("partial", "asgi"),
        ("Endpoint", "asgi"),
        ("wsgi_app", "wsgi"),
        ("flask", "wsgi"),
        ("decorated", "wsgi"),
        ("OldWsgi", "wsgi"),
    ],
)
def test_every_form_that_an_app_has_is_accepted(pair: Pair, project: Path, name: str, interface: str) -> None:
    assert probe(pair, project, f"shop.service:{name}", interface) == AppProbe()


@pytest.mark.parametrize(
    ("name", "interface", "words", "remedy"),
    [
        ("create_app", "asgi", "is a factory, not an app", "from shop.service import create_app; app = create_app()"),
        ("create_app", "wsgi", "is a factory, not an app", "served:app"),
        ("create_with", "wsgi", "is a factory", "served:app"),
        ("create_of_defaults", "asgi", "is a factory", "served:app"),
        ("Flask", "wsgi", "is a class, not an app", "app = Flask()"),
        ("Starlette", "asgi", "is a class, not an app", "app = Starlette()"),
        ("flask", "asgi", "is an app for wsgi, not for asgi", "--interface wsgi"),
        ("starlette", "wsgi", "is an app for asgi, not for wsgi", "--interface asgi"),
        ("coroutine_app", "wsgi", "is an app for asgi", "--interface asgi"),
        ("number", "asgi", "is of type int", "attribute"),
        ("starlete", "asgi", "shop.service has no 'starlete'", "attribute that holds the app"),
        ("wsgi_ap", "wsgi", "shop.service has no 'wsgi_ap'", "did you mean 'wsgi_app'?"),
    ],
)
def test_what_is_no_app_is_refused_with_what_to_do(
    pair: Pair, project: Path, name: str, interface: str, words: str, remedy: str
) -> None:
    found = probe(pair, project, f"shop.service:{name}", interface)
    assert not found.usable
    assert words in found.problem
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("code", "words", "remedy"),
    [
        (
            'import os\nDSN = os.environ["ORDERS_DB_DSN"]',
            "KeyError: 'ORDERS_DB_DSN'",
            "the server gets a clean environ",
        ),
        ("import absent_driver", "No module named 'absent_driver'", "add the package that holds absent_driver"),
        ("raise SystemExit('no settings')", "SystemExit: no settings", "the server gets a clean environment"),
        ("def f(:\n  pass", "SyntaxError", "correct it"),
        ("import os\nos.abort()", "ended the process (signal 6)", "gilfree doctor"),
        ("import os\nos._exit(3)", "ended the process (exit status 3)", "gilfree doctor"),
    ],
)
def test_an_import_that_fails_is_reported_with_its_own_last_words(
    pair: Pair, project: Path, code: str, words: str, remedy: str
) -> None:
    (project / "broken.py").write_text(code)
    found = probe(pair, project, "broken:app")
    assert words in found.problem
    assert remedy in found.remedy


def test_the_place_of_a_failing_import_is_the_users_own_line(pair: Pair, project: Path) -> None:
    (project / "broken.py").write_text('import os\n\nDSN = os.environ["DSN"]')
    assert f"({project / 'broken.py'}:3)" in probe(pair, project, "broken:app").problem


def test_a_module_that_is_not_there_is_no_fault_of_the_dependencies(pair: Pair, project: Path) -> None:
    for target in ("absent:app", "shop.absent:app"):
        found = probe(pair, project, target)
        assert f"there is no module {target.removesuffix(':app')}" in found.problem
        assert str(project) in found.remedy


def test_variables_of_the_users_shell_do_not_reach_the_import(
    pair: Pair, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_DB_DSN", "set in the shell")
    (project / "broken.py").write_text('import os\nos.environ["ORDERS_DB_DSN"]')
    assert "ORDERS_DB_DSN" in probe(pair, project, "broken:app").problem


def test_threads_and_children_of_an_import_do_not_keep_the_probe_waiting(pair: Pair, project: Path) -> None:
    (project / "busy.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,)).start()\n"
        "async def app(scope, receive, send): ..."
    )
    assert probe(pair, project, "busy:app").usable
