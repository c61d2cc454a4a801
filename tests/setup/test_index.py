"""uv asks the index that pip is configured for, unless it is configured for one itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.setup.index import has_mirror, pip_files, pip_settings, uv_environment, uv_index

MIRROR = "https://mirror.example/simple"


@pytest.fixture
def pip_conf(tmp_path: Path) -> Path:
    file = tmp_path / ".config" / "pip" / "pip.conf"
    file.parent.mkdir(parents=True)
    file.write_text(
        f"[global]\nindex-url = {MIRROR}\nextra-index-url =\n    https://one.example\n    https://two.example\n"
    )
    return file


def test_pips_file_is_read_and_several_extra_indexes_kept(pip_conf: Path) -> None:
    assert uv_index({}, [pip_conf]) == {
        "UV_DEFAULT_INDEX": MIRROR,
        "UV_INDEX": "https://one.example https://two.example",
    }


def test_pips_variables_win_over_its_files(pip_conf: Path) -> None:
    found = pip_settings({"PIP_INDEX_URL": "https://other.example"}, [pip_conf])
    assert found["index-url"] == "https://other.example"


def test_the_users_own_file_is_found_in_the_home_folder(pip_conf: Path, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    assert pip_conf in pip_files(environment)
    assert uv_environment(environment)["UV_DEFAULT_INDEX"] == MIRROR


def test_a_pip_that_is_to_read_no_file_is_respected(tmp_path: Path) -> None:
    assert pip_files({"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}) == []


def test_uvs_own_settings_are_left_alone(pip_conf: Path) -> None:
    assert uv_index({"UV_DEFAULT_INDEX": "https://uv.example"}, [pip_conf]) == {}


def test_a_broken_file_of_pip_is_pips_to_complain_of(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("this is not = [a section")
    assert uv_index({}, [tmp_path / "pip.conf", tmp_path / "absent"]) == {}


@pytest.mark.parametrize("settings", [f'[[index]]\nurl = "{MIRROR}"\n', f'[pip]\nindex-url = "{MIRROR}"\n'])
def test_a_mirror_in_uvs_own_file_is_seen(tmp_path: Path, settings: str) -> None:
    file = tmp_path / "uv.toml"
    file.write_text(settings)
    assert has_mirror({"HOME": str(tmp_path), "UV_CONFIG_FILE": str(file)})


def test_a_machine_without_settings_has_no_mirror(tmp_path: Path) -> None:
    (tmp_path / "uv.toml").write_text("native-tls = true\n")
    assert not has_mirror({"HOME": str(tmp_path), "UV_CONFIG_FILE": str(tmp_path / "uv.toml")})
