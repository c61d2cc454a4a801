"""Which modules are reported to switch the GIL on: real extension modules under the real free-threaded interpreter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.doctor.conftest import PLATFORM, CompileExtension, WriteWheel
from toolkit.doctor.gil import GilReport, Switch, gil_report, summarize
from toolkit.doctor.wheels import resolve
from toolkit.pythons.pair import Pair

TAGS = (
    f"cp314-cp314-{PLATFORM}",
    f"cp314-cp314t-{PLATFORM}",
)  # uv resolves for the one, the other is what is installed


def test_only_the_modules_that_do_it_are_named_and_a_crash_hides_none_of_the_others(
    pair: Pair, write_wheel: WriteWheel, compile_extension: CompileExtension, requirements: Callable[..., Path]
) -> None:
    wheels = {
        "a_abort": compile_extension("a_abort", "abort(); return 0;", declared=True),
        "b_switch": compile_extension("b_switch", declared=False),
        "c_broken": compile_extension(
            "c_broken", 'PyErr_SetString(PyExc_ImportError, "needs more"); return -1;', declared=True
        ),
        "d_quiet": compile_extension("d_quiet", declared=True),
    }
    for name, code in wheels.items():
        for tag in TAGS:
            write_wheel(name, "1.0", tag, files={f"{name}.so": code})
    # Loaded late: nothing imports it at the top, and it lies deep in a package.
    late = {"e_late/__init__.py": b"", "e_late/inner.so": compile_extension("inner", declared=False)}
    for tag in TAGS:
        write_wheel("e_late", "1.0", tag, files={**late, "e_late/libplain.so": b"no module", "e_late/my-lib.so": b""})

    report = gil_report(pair.free_threaded, resolve(requirements(*wheels, "e_late"), "3.14"))

    assert [(one.module, one.distribution) for one in report.switches] == [
        ("b_switch", "b_switch"),
        ("e_late.inner", "e_late"),
    ]
    assert report.tried == 5
    ((crashed, how),), ((broken, why),) = report.crashed, report.failed
    assert (crashed, broken) == ("a_abort", "c_broken")
    assert "signal 6" in how
    assert "needs more" in why


def test_a_package_without_a_free_threaded_wheel_is_left_out_and_the_rest_is_still_looked_at(
    pair: Pair, write_wheel: WriteWheel, compile_extension: CompileExtension, requirements: Callable[..., Path]
) -> None:
    write_wheel("absent", "1.0", f"cp314-cp314-{PLATFORM}")
    code = compile_extension("noisy", declared=False)
    for tag in TAGS:
        write_wheel("noisy", "1.0", tag, requires=["absent"], files={"noisy.so": code})
    report = gil_report(pair.free_threaded, resolve(requirements("noisy"), "3.14"))
    assert report == GilReport(1, (Switch("noisy", "noisy", ("noisy",)),), ())


def test_packages_with_free_threaded_wheels_alone_are_resolved_for_that_variant(
    pair: Pair, write_wheel: WriteWheel, compile_extension: CompileExtension, requirements: Callable[..., Path]
) -> None:
    for name, body in (("crashkit", "abort(); return 0;"), ("quietkit", "return 0;")):
        code = compile_extension(name, body, declared=name == "crashkit")
        write_wheel(name, "1.0", f"cp314-cp314t-{PLATFORM}", files={f"{name}.so": code})
    resolved = resolve(requirements("crashkit", "quietkit"), "3.14", pair.free_threaded.executable)
    assert [one.variants for one in resolved.dependencies] == ["free-threaded only"] * 2
    report = gil_report(pair.free_threaded, resolved)
    assert [module for module, _ in report.crashed] == ["crashkit"]
    assert [one.module for one in report.switches] == ["quietkit"]


def test_a_variable_that_would_keep_the_gil_off_hides_nothing(
    pair: Pair,
    write_wheel: WriteWheel,
    compile_extension: CompileExtension,
    requirements: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHON_GIL", "0")
    code = compile_extension("noisy", declared=False)
    for tag in TAGS:
        write_wheel("noisy", "1.0", tag, files={"noisy.so": code})
    report = gil_report(pair.free_threaded, resolve(requirements("noisy"), "3.14"))
    assert [one.module for one in report.switches] == ["noisy"]


def test_pure_python_packages_give_an_empty_report(
    pair: Pair, write_wheel: WriteWheel, requirements: Callable[..., Path]
) -> None:
    write_wheel("alpha", "1.0", "py3-none-any")
    assert gil_report(pair.free_threaded, resolve(requirements("alpha"), "3.14")) == GilReport(0, (), ())


def line(imported: str, culprit: str = "", error: str | None = None) -> dict[str, Any]:
    """One line of the probe."""
    words = f"The global interpreter lock (GIL) has been enabled to load module '{culprit}', which has not declared"
    return {"imported": imported, "gil_on": bool(culprit), "warnings": [words] if culprit else [], "error": error}


def test_the_culprit_is_the_module_that_python_names_not_the_one_that_imported_it() -> None:
    told = [line("pkg.engine", "pkg.engine"), line("user.fast", "pkg.engine"), line("user.other")]
    owners = {"pkg.engine": "pkg", "user.fast": "user", "user.other": "user"}
    assert summarize(told, owners) == GilReport(3, (Switch("pkg.engine", "pkg", ("pkg.engine", "user.fast")),), ())


def test_a_switch_that_python_did_not_warn_of_is_laid_to_the_imported_module() -> None:
    silent = {**line("pkg.quiet"), "gil_on": True}
    assert summarize([silent], {"pkg.quiet": "pkg"}).switches == (Switch("pkg.quiet", "pkg", ("pkg.quiet",)),)


def test_a_failed_import_is_not_counted_as_one_that_leaves_the_gil_off() -> None:
    assert summarize([line("pkg.x", error="ImportError: no")], {"pkg.x": "pkg"}).failed == (
        ("pkg.x", "ImportError: no"),
    )
