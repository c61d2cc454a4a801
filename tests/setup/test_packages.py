"""System packages: found by what they provide, installed where that is allowed, else one command that can be pasted."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from toolkit.errors import GilfreeError
from toolkit.setup import needs
from toolkit.setup.needs import Need, cargo_package
from toolkit.setup.packages import (
    as_root,
    command_for_user,
    ensure_packages,
    install_command,
    is_met,
    missing_needs,
    missing_packages_error,
)

COMPILER = Need("gcc", command="no-such-compiler")
HEADERS = Need("libssl-dev", header="no/such/ssl.h")
NICER = Need("libzstd-dev", header="no/such/zstd.h", optional=True)
RUST = Need("cargo", command="no-such-cargo")


def test_what_is_there_is_asked_for_and_not_which_package_brought_it(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.touch()
    assert is_met(Need("dash", command="sh")) and not is_met(COMPILER)
    assert is_met(Need("python3-venv", module="venv")) and not is_met(Need("python3-none", module="no_such_module"))
    assert is_met(Need("any", file=str(here))) and not is_met(Need("any", file=str(tmp_path / "not-here")))
    assert not is_met(HEADERS)


def test_a_package_that_two_things_need_is_named_once() -> None:
    assert missing_needs([COMPILER, HEADERS, COMPILER]) == [COMPILER, HEADERS]


def test_without_rights_the_one_command_names_everything_now_and_later() -> None:
    error = missing_packages_error(
        "to build CPython", [COMPILER, HEADERS, NICER], [HEADERS, RUST], "apt-get", sudo=True
    )
    assert error.exit_code == 2
    assert "to build CPython, these system packages are needed: gcc libssl-dev\n" in error.message
    shell, flag, both = shlex.split(error.remedy.removeprefix("sudo "))
    assert (shell, flag) == ("sh", "-c")
    update, install = both.split(" && ")
    assert update == "apt-get update"
    assert install == "apt-get install --yes --no-install-recommends gcc libssl-dev libzstd-dev cargo"


def test_where_there_is_no_sudo_the_command_is_for_su() -> None:
    command = command_for_user(["gcc"], sudo=False)
    assert shlex.split(command)[:2] == ["su", "-c"]
    assert "sudo" not in command


def test_other_distributions_get_their_own_names_or_an_explanation() -> None:
    needed = [COMPILER, HEADERS, Need("python3.13-venv", module="ensurepip")]
    assert missing_packages_error("why", needed, [], "dnf", sudo=True).remedy == "sudo dnf install gcc openssl-devel"
    error = missing_packages_error("why", needed, [], "", sudo=True)
    assert "Debian's names" in error.message and "distribution" in error.remedy


def test_an_ordinary_user_is_stopped_and_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = tmp_path / "ran"
    apt = tmp_path / "apt-get"
    apt.write_text(f"#!/bin/sh\necho $@ >> {marker}\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))  # no sudo there
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(GilfreeError, match="these system packages are needed: gcc") as caught:
        ensure_packages([COMPILER], "to build", print, [RUST])
    assert caught.value.remedy.endswith("gcc cargo'")
    assert not marker.exists()


def test_what_is_merely_nice_to_have_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ensure_packages([NICER], "to build", print)


def test_nothing_is_said_or_run_when_nothing_is_missing() -> None:
    said: list[str] = []
    ensure_packages([Need("dash", command="sh")], "to build", said.append)
    assert said == []


@pytest.fixture
def an_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that records its arguments, as root would run it: tests do not use the machine's own."""
    (tmp_path / "apt-get").write_text(
        f'#!/bin/sh\necho "$DEBIAN_FRONTEND: $@" >> {tmp_path}/asked\n. {tmp_path}/then\n'
    )
    (tmp_path / "apt-get").chmod(0o755)
    (tmp_path / "then").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_root_updates_once_and_installs_all_in_one_go_without_questions(an_apt: Path) -> None:
    brought = an_apt / "brought"
    (an_apt / "then").write_text(f"touch {brought}\n")
    said: list[str] = []
    ensure_packages([Need("one", file=str(brought)), Need("two", file=str(brought))], "to build", said.append)
    update, install = (an_apt / "asked").read_text().splitlines()
    assert update == "noninteractive: update"
    assert install == f"noninteractive: {' '.join(install_command(['one', 'two'])[1:])}"
    assert "to build: installing one two" in said[0]


def test_apts_own_words_are_shown_when_it_fails(an_apt: Path) -> None:
    (an_apt / "then").write_text("echo 'E: Unable to locate package gcc' >&2; exit 100\n")
    with pytest.raises(GilfreeError, match="Unable to locate package gcc"):
        ensure_packages([COMPILER], "to build", print)


def test_what_is_installed_and_still_not_there_is_not_taken_for_there(an_apt: Path) -> None:
    with pytest.raises(GilfreeError, match="installed, but not usable: gcc"):
        ensure_packages([COMPILER, NICER], "to build", print)


def test_sudo_is_handed_the_proxy_that_it_would_drop() -> None:
    command = as_root(["sudo", "-n"], ["apt-get", "update"], {"https_proxy": "http://proxy:3128", "SECRET": "x"})
    assert command[:3] == ["sudo", "-n", "env"]
    assert "https_proxy=http://proxy:3128" in command and "DEBIAN_FRONTEND=noninteractive" in command
    assert not any("SECRET" in word for word in command)


def test_bookworms_own_cargo_needs_github_so_its_other_one_is_installed() -> None:
    assert cargo_package("bookworm") == "cargo-web"
    assert cargo_package("trixie") == "cargo"


def test_the_needs_of_builds_can_be_listed_without_anything_installed() -> None:
    every = (*needs.VENV, *needs.CPYTHON, *needs.LOAD_GENERATORS)
    for need in every:
        assert [bool(x) for x in (need.command, need.header, need.module, need.file)].count(True) == 1, need.package
