"""Cluster settings: of a scenario, a file and the command line, one over the other; what is wrong is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenario.test_loading import GOOD
from toolkit.errors import BAD_INPUT, GilfreeError
from toolkit.scenario.cluster import ClusterSettings, merge, read_settings
from toolkit.scenario.loading import parse_scenario
from toolkit.scenario.overrides import parse_overrides
from toolkit.scenario.yaml_source import parse_yaml


def of(**data: object) -> ClusterSettings:
    return ClusterSettings.model_validate(data)


def test_later_settings_go_over_earlier_ones_key_by_key() -> None:
    scenario = of(namespace="a", nodeSelector={"pool": "x", "zone": "z"}, server={"cpus": 4, "memory": "1Gi"})
    found = merge(scenario, None, of(nodeSelector={"pool": "y"}, server={"cpus": 2}, tolerations=[{"key": "t"}]))
    assert found.namespace == "a"
    assert found.node_selector == {"pool": "y", "zone": "z"}
    assert (found.server.cpus, found.server.memory_bytes) == (2, 1 << 30)
    assert [one.key for one in found.tolerations] == ["t"]


def test_a_default_that_was_not_written_replaces_nothing() -> None:
    assert merge(of(throttling="measure"), of(namespace="b")).throttling == "measure"


def test_changes_are_read_as_yaml_and_dots_in_keys_are_escaped() -> None:
    found = parse_overrides(
        [
            "namespace=bench",
            "cluster.server.cpus=4",
            r"nodeSelector.kubernetes\.io/arch=arm64",
            "tolerations=[{key: a, operator: Exists}]",
            "labels={team: web}",
            "labels.more=yes-please",
        ]
    )
    assert (found.namespace, found.server.cpus) == ("bench", 4)
    assert found.node_selector == {"kubernetes.io/arch": "arm64"}
    assert found.tolerations[0].operator == "Exists"
    assert found.labels == {"team": "web", "more": "yes-please"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("namespace", "not key=value"),
        ("=x", "not key=value"),
        ("server.cpu=4", "did you mean 'cpus'?"),
        ("server.cpus=lots", "--set server.cpus: 'lots' is not a number of CPUs"),
        ("server.cpus=0", "--set server.cpus"),
        ("server.memory=512", "too little for any process"),
        ("throttling=maybe", "'reject' or 'measure'"),
        ("namespace=Bad_One", "'Bad_One' is not a namespace"),
        ("labels.x=a b", "'a b' is not a label's value"),
        ("labels.Ä=x", "--set labels.Ä: 'Ä' is not a key"),
        ("labels.x=1", 'write it in quotes: "1"'),
        ("tolerations=[{kee: a}]", "did you mean 'key'?"),
        ("server=4", "has to be keys with values"),
        ("annotations.x=@", "not YAML"),
    ],
)
def test_a_wrong_change_is_named_with_its_remedy(text: str, words: str) -> None:
    with pytest.raises(GilfreeError) as caught:
        parse_overrides([text])
    assert words in str(caught.value) and "remedy" in str(caught.value) and "String should" not in str(caught.value)
    assert caught.value.exit_code == BAD_INPUT


def test_a_key_below_a_plain_value_is_refused() -> None:
    with pytest.raises(GilfreeError, match="has no keys"):
        parse_overrides(["namespace=a", "namespace.b=c"])


BAD = """\
cluster:
  labels:
    team: web
    -x: y
  nodeSelector: { pool: "a b" }
  server: { cpus: many }
  spot: true
"""


def test_everything_wrong_in_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(BAD)
    with pytest.raises(GilfreeError) as caught:
        read_settings(file)
    places = [line.split(" ")[0] for line in str(caught.value).splitlines() if line.startswith(str(file))]
    assert places == [f"{file}:{line}:" for line in (4, 5, 6, 7)]


def test_a_scenario_s_own_settings_are_checked_with_its_line() -> None:
    text = GOOD + "cluster:\n  runtimeClass: Kata_1\n"
    with pytest.raises(GilfreeError, match=rf"^mine\.yaml:{len(text.splitlines())}: .*'Kata_1' is not a name"):
        parse_scenario(parse_yaml(text, "mine.yaml"))


def test_a_file_that_holds_nothing_or_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(GilfreeError, match="the file is empty"):
        read_settings(tmp_path / "empty.yaml")
    with pytest.raises(GilfreeError, match="there is no file"):
        read_settings(tmp_path / "none.yaml")
