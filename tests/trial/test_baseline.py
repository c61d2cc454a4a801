"""`--against REF`: what is read as what, and what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import scenario
from tests.simulated import ARMS
from toolkit.analysis.compare import compare
from toolkit.backends.local.backend import LocalBackend
from toolkit.campaign.contrasts import contrasts
from toolkit.campaign.logs import read_frames
from toolkit.campaign.plan import FixedMatrix
from toolkit.campaign.progress import Progress
from toolkit.campaign.runner import Campaign
from toolkit.errors import GilfreeError
from toolkit.scenario.loading import load_scenario
from toolkit.trial.baseline import arms_on_baseline, check_baseline, parse_baseline, repeated_arms
from toolkit.trial.model import Arm


def test_settings_are_read_with_their_types() -> None:
    found = parse_baseline("granian.loop=uvloop,threads=8,ws=true")
    assert (found.kind, found.settings) == ("settings", {"loop": "uvloop", "threads": 8, "ws": True})


def test_a_version_a_requirements_file_and_two_interpreters(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("granian==2.8.6 --hash=sha256:0\npsutil==7.0 --hash=sha256:0\n")
    for name in ("python3.14", "python3.14t"):
        (tmp_path / name).touch()
    assert parse_baseline("3.14.6").kind == "version"
    assert (parse_baseline(f"{tmp_path}/old.txt").kind, parse_baseline(f"{tmp_path}/old.txt").label) == (
        "requirements",
        "old",
    )
    assert parse_baseline(f"{tmp_path}/python3.14,{tmp_path}/python3.14t").kind == "pair"


def test_two_names_are_images_where_images_are_served() -> None:
    digest = f"registry/app@sha256:{'0' * 64}"
    found = parse_baseline(f"gilfree-app:3.14-old,{digest}", images=True)
    assert (found.kind, found.images) == ("images", ("gilfree-app:3.14-old", digest))
    assert parse_baseline("threads=8", images=True).kind == "settings"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("connections=5", "not a setting of the server"),
        ("threads=", "not a setting of the server"),
        ("nowhere.txt", "there is no file nowhere.txt"),
        ("main", "there is no file main"),
        ("3.14t", "there is no file 3.14t"),
    ],
)
def test_what_is_none_is_refused_with_the_forms_there_are(text: str, words: str) -> None:
    with pytest.raises(GilfreeError, match=words) as raised:
        parse_baseline(text)
    assert "setting" in raised.value.remedy


def test_requirements_without_the_server_are_refused(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("flask==3.1\n")
    with pytest.raises(GilfreeError, match="does not pin granian and psutil"):
        parse_baseline(str(tmp_path / "old.txt"))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("asgi", "threads=8", "8 threads on ASGI"),
        ("wsgi", "loop=uvloop", "has no effect on WSGI"),
        ("wsgi", "threads=64", "already has these settings at every point"),
        ("wsgi", "backlog=1", "backlog"),
    ],
)
def test_settings_a_scenario_cannot_have_are_refused(name: str, text: str, words: str) -> None:
    with pytest.raises(GilfreeError, match=words):
        check_baseline(parse_baseline(text), load_scenario(name))


def test_every_main_arm_gets_a_baseline_of_its_own_variant() -> None:
    arms = arms_on_baseline(ARMS, parse_baseline("threads=8"), [arm.runtime for arm in ARMS])
    assert [(arm.name, arm.role, arm.side) for arm in arms] == [
        ("3.14-threads=8", "gil", "reference"),
        ("3.14t-threads=8", "free-threaded", "reference"),
    ]
    assert [one.label for one in contrasts([*ARMS, *arms])] == [
        "3.14t / 3.14",
        "3.14 / 3.14-threads=8",
        "3.14t / 3.14t-threads=8",
    ]


def test_an_a_a_scenario_compares_each_variant_with_itself_only() -> None:
    aa = load_scenario("aa")
    arms = [*ARMS, *repeated_arms(ARMS, aa.arms)]
    assert [one.label for one in contrasts(arms)] == ["3.14-again / 3.14", "3.14t-again / 3.14t"]


def test_a_a_beside_the_variants_costs_one_arm_more() -> None:
    assert [arm.name for arm in repeated_arms(ARMS, "variants+aa")] == ["3.14-again"]


def test_an_arm_and_its_baseline_run_in_one_block_each_with_its_own_settings(
    backend: LocalBackend, arms: tuple[Arm, Arm], tmp_path: Path
) -> None:
    one = scenario("faulty:wsgi_right", interface="wsgi", threads=4, limits="littles_law: 0.5")
    (old,) = arms_on_baseline([arms[1]], parse_baseline("threads=2"), [arms[1].runtime])
    campaign = Campaign.create(tmp_path / "c", one, [arms[1], old], {"run": "c"})
    backend.prepare(one, campaign.arms)
    names = tuple(arm.name for arm in campaign.arms)
    campaign.run(FixedMatrix("c", tuple(one.points()), names, 1, 1), backend, Progress("c", 1, quiet=True))
    threads = {}
    for record in campaign.records():
        (started,) = [frame for frame in read_frames(campaign.folder, record) if frame["kind"] == "server_started"]
        threads[record.arm] = started["argv"][started["argv"].index("--blocking-threads") + 1]
    assert threads == {"3.14t": "4", "3.14t-threads=2": "2"}
    (point,) = compare(Campaign.open(tmp_path / "c")).points
    assert (point.contrast.label, point.blocks) == ("3.14t / 3.14t-threads=2", 1)
