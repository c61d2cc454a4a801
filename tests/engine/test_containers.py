"""Containers that gilfree starts are found by label and never left behind; those of others are never touched."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from toolkit.engine.client import connected
from toolkit.engine.containers import (
    OWNER_LABEL,
    create,
    own_identity,
    owner_is_gone,
    remove_leftover_containers,
    run,
    split_lines,
)
from toolkit.errors import GilfreeError

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE = "debian:trixie-slim"
OWN = "host/boot/ns/100/5000"


@pytest.fixture
def client() -> Iterator[DockerClient]:
    with connected() as one:
        yield one


def exists(client: DockerClient, name: str) -> bool:
    return bool(client.containers.list(all=True, filters={"id": name}))


@pytest.mark.engine
def test_a_command_is_run_to_its_end_and_its_container_is_gone(client: DockerClient) -> None:
    ended, said, errors = run(
        client, IMAGE, ["sh", "-c", "echo said; echo wrong >&2; exit 3"], purpose="test", timeout_seconds=20
    )
    assert (ended.code, ended.oom_killed, said, errors) == (3, False, "said\n", "wrong\n")


@pytest.mark.engine
def test_a_command_that_takes_too_long_is_killed(client: DockerClient) -> None:
    ended, _, _ = run(client, IMAGE, ["sleep", "60"], purpose="test", timeout_seconds=1)
    assert ended.code == 137


@pytest.mark.engine
def test_a_container_is_removed_though_its_block_failed(client: DockerClient) -> None:
    made = create(client, IMAGE, ["sleep", "60"], purpose="test")

    def fails() -> None:
        with made as one:
            one.start()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert not exists(client, made.id)


@pytest.mark.engine
def test_a_watched_container_reads_the_end_of_its_input_when_told(client: DockerClient) -> None:
    with create(client, IMAGE, ["sh", "-c", "cat; echo ended"], purpose="test", stdin_open=True) as one:
        one.start(keep_stdin=True)
        assert one.exit().code is None
        one.close_stdin()
        assert list(split_lines(one.output())) == ["ended"]
        assert one.wait(10) and one.exit().code == 0


STARTS_AND_WAITS = f"""
import time
from toolkit.engine.client import connect
from toolkit.engine.containers import create
one = create(connect(), {IMAGE!r}, ["sh", "-c", "cat"], purpose="test", trial="t-kill", stdin_open=True)
one.start(keep_stdin=True)
print(one.id, flush=True)
time.sleep(60)
"""


@pytest.mark.engine
def test_what_a_killed_tool_leaves_ends_by_itself_and_goes_at_the_next_start(client: DockerClient) -> None:
    killed = subprocess.Popen([sys.executable, "-c", STARTS_AND_WAITS], stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    found = client.containers.get(killed.stdout.readline().strip())
    assert str(found.name) not in remove_leftover_containers(client)  # its owner lives
    killed.kill()
    killed.wait()
    deadline = time.monotonic() + 10
    while found.status != "exited":
        assert time.monotonic() < deadline, "it runs on though nobody watches it"
        found.reload()
    assert str(found.name) in remove_leftover_containers(client)
    assert not exists(client, str(found.id))


@pytest.mark.engine
def test_an_image_that_is_not_there_is_named_with_the_command_that_builds(client: DockerClient) -> None:
    with pytest.raises(GilfreeError) as caught:
        create(client, "gilfree-no-such-image:1", ["true"], purpose="test")
    assert "gilfree-no-such-image:1" in caught.value.message
    assert caught.value.remedy == "gilfree images build"


@pytest.mark.parametrize(
    ("owner", "alive", "expected"),
    [
        ("host/boot/ns/7/1", False, True),
        ("host/boot/ns/7/1", True, False),
        ("host/earlier-boot/ns/7/1", True, True),
        ("host/boot/other-ns/7/1", False, False),
        ("other-host/boot/ns/7/1", False, False),
        ("", False, False),
        ("garbage", False, False),
    ],
)
def test_only_what_surely_has_no_owner_is_abandoned(owner: str, alive: bool, expected: bool) -> None:
    assert owner_is_gone({OWNER_LABEL: owner}, OWN, lambda _: alive) is expected


def test_an_identity_names_this_very_process() -> None:
    assert own_identity().split("/")[3] == str(os.getpid())
    assert own_identity() == own_identity()


def test_lines_are_whole_however_they_were_cut() -> None:
    assert list(split_lines(iter([b"on", b"e\ntwo\nth", b"ree"]))) == ["one", "two", "three"]
