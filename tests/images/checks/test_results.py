"""Each thing that can be wrong with an image is a finding that names it; a good pair has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.images.conftest import image_spec
from toolkit.images.checks.collect import ImageFacts, ServedApp
from toolkit.images.checks.results import CheckResult, check_results


def facts(variant: str = "3.14t", **changes: Any) -> ImageFacts:
    one = image_spec(variant=variant, repository="gilfree-app")
    with_gil = not variant.endswith("t")
    abi = "cpython-314-x86_64-linux-gnu" if with_gil else "cpython-314t-x86_64-linux-gnu"
    good = ImageFacts(
        one,
        {
            "User": "10001:10001",
            "Entrypoint": ["/usr/local/bin/python3", "-m", "granian"],
            "Healthcheck": {"Test": ["CMD", "/usr/local/bin/python3", "healthy.py"]},
        },
        {"id": one.id, "profile": "fast"},
        {
            "version": "3.14.7",
            "abi": abi,
            "gil_disabled_build": not with_gil,
            "gil_enabled": with_gil,
            "jit_enabled": False,
            "compiler": "GCC 14.2.0",
            "config_args": "--enable-shared" + ("" if with_gil else " --disable-gil"),
            "missing": [],
            "without": [],
        },
        {
            "uid": 10001,
            "gid": 10001,
            "packages": {"flask": "3.1.3"},
            "debian": {"zlib1g": "1.3"},
            "not_importable": {},
            "switched_the_gil_on": [],
            "gil_on_after_imports": with_gil,
            "writable": [],
            "compilers": [],
            "tests": [],
            "static": [],
        },
        (ServedApp("asgi:app", "1234", {"gil_enabled": with_gil}, 0, 0),),
        {"answer": 42, "gil_on": with_gil, "file": f"/x/gilfree_child.{abi}.so"},
    )
    return replace(good, **{name: changed(getattr(good, name), value) for name, value in changes.items()})


def changed(old: Any, new: Any) -> Any:
    return {**old, **new} if isinstance(old, dict) else new


def failed(*all_facts: ImageFacts) -> list[CheckResult]:
    return [one for one in check_results(all_facts) if not one.passed]


def test_a_good_pair_has_nothing_against_it() -> None:
    assert failed(facts("3.14"), facts("3.14t")) == []
    assert len(check_results([facts("3.14"), facts("3.14t")])) > 25


@pytest.mark.parametrize(
    ("changes", "requirement"),
    [
        ({"interpreter": {"version": "3.14.6"}}, "the interpreter is 3.14.7"),
        ({"interpreter": {"abi": "cpython-314-x86_64-linux-gnu"}}, "free-threaded"),
        ({"interpreter": {"without": ["compression.zstd"]}}, "standard modules"),
        ({"probe": {"not_importable": {"flask": "ImportError"}}}, "can be imported"),
        ({"probe": {"switched_the_gil_on": ["old_c_module"]}}, "GIL is off after importing"),
        ({"probe": {"gil_on_after_imports": True}}, "GIL is off after importing"),
        ({"served": (ServedApp("asgi:app", "9", {"gil_enabled": True}, 0, 0),)}, "GIL is off in asgi:app"),
        ({"served": (ServedApp("asgi:app", "rewrk printed nothing", {}, 0, 0),)}, "answers real requests"),
        ({"served": (ServedApp("asgi:app", "", {}, 1, None, "nobody answers"),)}, "is served with a read-only root"),
        ({"served": (ServedApp("asgi:app", "9", {"gil_enabled": False}, 1, 0),)}, "health check"),
        ({"served": (ServedApp("asgi:app", "9", {"gil_enabled": False}, 0, 137),)}, "SIGTERM"),
        ({"probe": {"uid": 0}}, "not root"),
        ({"config": {"User": "app"}}, "by number"),
        ({"probe": {"writable": ["/app"]}}, "nothing is writable"),
        ({"probe": {"compilers": ["gcc"]}}, "no compiler"),
        ({"probe": {"static": ["/usr/local/lib/libpython3.14.a"]}}, "no static library"),
        ({"config": {"Entrypoint": ["/bin/sh", "-c"]}}, "no shell"),
        ({"labels": {"id": "another"}}, "its label is the id"),
        ({"child": {"problem": "gcc: not found"}}, "child image"),
        ({"child": {"gil_on": True}}, "child image"),
    ],
)
def test_each_fault_of_an_image_is_found_and_named(changes: dict[str, Any], requirement: str) -> None:
    found = failed(facts("3.14t", **changes))
    assert [requirement in one.requirement for one in found].count(True) == 1, found
    assert all(one.problem for one in found)


@pytest.mark.parametrize(
    ("changes", "requirement", "problem"),
    [
        ({"interpreter": {"config_args": "--disable-gil --with-lto"}}, "--disable-gil alone", "--with-lto"),
        ({"probe": {"packages": {"flask": "3.0"}}}, "every package", "flask (3.1.3 and 3.0)"),
        ({"probe": {"debian": {"zlib1g": "1.2"}}}, "every Debian package", "zlib1g (1.3 and 1.2)"),
        ({"labels": {"profile": "release"}}, "both are fast builds", "release"),
    ],
)
def test_each_difference_within_a_pair_is_found(changes: dict[str, Any], requirement: str, problem: str) -> None:
    found = [one for one in failed(facts("3.14"), facts("3.14t", **changes)) if one.subject.startswith("pair")]
    assert any(requirement in one.requirement and problem in one.problem for one in found), found
