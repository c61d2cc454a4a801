"""Which dependencies are reported to have no wheel for the free-threaded variant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doctor.conftest import PLATFORM, WriteWheel
from toolkit.doctor.wheels import Dependency, classify, index_lines, needed_by, resolve, variant_tags, with_newest
from toolkit.errors import GilfreeError

OTHER_PLATFORM = "win_amd64"


def variants(*tags: str) -> str:
    """Which variants can install a package with wheels of these tags."""
    wheels = [{"url": f"https://example.org/files/pkg-1.0-{tag}.whl"} for tag in tags]
    return classify([{"name": "pkg", "version": "1.0", "wheels": wheels}], "3.14", {})[0].variants


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (["py3-none-any"], "both"),
        ([f"cp314-cp314-{PLATFORM}", f"cp314-cp314t-{PLATFORM}"], "both"),
        ([f"py3-none-{PLATFORM}"], "both"),
        ([f"cp314-cp314-{PLATFORM}"], "gil only"),
        ([f"cp38-abi3-{PLATFORM}"], "gil only"),
        ([f"cp314-cp314-{PLATFORM}", f"cp313-cp313t-{PLATFORM}"], "gil only"),
        ([f"cp314-cp314-{PLATFORM}", f"cp314-cp314t-{OTHER_PLATFORM}"], "gil only"),
        ([f"cp314-cp314t-{PLATFORM}"], "free-threaded only"),
        ([f"cp313-cp313-{PLATFORM}", f"cp314-cp314-{OTHER_PLATFORM}"], "neither"),
        ([], "neither"),
    ],
)
def test_wheel_tags_decide_which_variant_can_install_a_package(tags: list[str], said: str) -> None:
    assert variants(*tags) == said


def test_a_package_from_a_repository_or_a_folder_has_to_be_built_by_either_variant() -> None:
    found = classify(
        [
            {"name": "one", "version": "1", "vcs": {"url": "https://example.org/one.git"}},
            {"name": "two", "directory": {"path": "two"}},
            {"name": "three", "version": "1", "archive": {"url": "https://example.org/three-1.tar.gz"}},
        ],
        "3.14",
        {},
    )
    assert [one.variants for one in found] == ["source", "source", "source"]


def test_a_package_named_by_the_address_of_its_wheel_is_judged_by_that_wheel() -> None:
    address = f"https://example.org/pkg-1.0%2Bcpu-cp314-cp314-{PLATFORM}.whl#sha256=00"
    assert classify([{"name": "pkg", "archive": {"url": address}}], "3.14", {})[0].variants == "gil only"


@given(st.integers(min_value=13, max_value=20))
def test_no_free_threaded_variant_takes_the_stable_abi_of_the_gil(minor: int) -> None:
    platforms = {tag.platform for tag in variant_tags(f"3.{minor}", "t")}
    assert PLATFORM in platforms
    assert not [tag for tag in variant_tags(f"3.{minor}", "t") if tag.abi == "abi3"]
    assert [tag for tag in variant_tags(f"3.{minor}", "") if tag.abi == "abi3"]


def test_who_needs_a_package_is_given_by_the_file_the_user_named() -> None:
    pins = (
        "alpha==1.0   # via -r requirements.txt\n"
        "Beta_two==1.0  # via alpha, -r /somewhere/requirements.txt\n"
        "gamma @ https://example.org/g.whl  # via app (pyproject.toml)\n"
        "--find-links wheels\n"
    )
    found = needed_by(pins, "requirements.txt")
    assert found["alpha"] == ("requirements.txt",)
    assert found["beta-two"] == ("alpha", "requirements.txt")
    assert needed_by(pins, "pyproject.toml")["gamma"] == ("pyproject.toml",)


def test_of_several_newest_versions_the_highest_counts() -> None:
    old = Dependency("beta", "1.0", (), "gil only")
    listed = [
        Dependency("beta", "1.9", (), "both"),
        Dependency("beta", "1.10", (), "gil only"),
        Dependency("other", "9.0", (), "both"),
    ]
    (told,) = with_newest([old], listed)
    assert (told.newest, told.newest_free_threaded) == ("1.10", False)


def test_where_packages_come_from_is_found_in_included_files_and_folders_become_absolute(tmp_path: Path) -> None:
    (tmp_path / "sub" / "wheels").mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("-r sub/more.txt\n--index-url=https://example.org/simple\nalpha\n")
    (tmp_path / "sub" / "more.txt").write_text("\n--find-links wheels\n--no-index\nbeta -c ignored\n# -i https://no\n")
    assert index_lines(tmp_path / "requirements.txt") == (
        f"--find-links {tmp_path / 'sub' / 'wheels'}",
        "--no-index",
        "--index-url=https://example.org/simple",
    )


def test_real_files_are_resolved_and_each_lacking_package_names_the_version_that_has_one(
    write_wheel: WriteWheel, requirements: Callable[..., Path]
) -> None:
    write_wheel("alpha", "1.0", "py3-none-any", requires=["beta<2"])
    write_wheel("beta", "1.0", f"cp314-cp314-{PLATFORM}")
    write_wheel("beta", "2.0", f"cp314-cp314-{PLATFORM}")
    write_wheel("beta", "2.0", f"cp314-cp314t-{PLATFORM}")
    write_wheel("gamma", "1.0", f"cp38-abi3-{PLATFORM}")
    found = resolve(requirements("alpha", "gamma"), "3.14").dependencies
    assert found == (
        Dependency("alpha", "1.0", ("requirements.txt",), "both"),
        Dependency("beta", "1.0", ("alpha",), "gil only", "2.0", True),
        Dependency("gamma", "1.0", ("requirements.txt",), "gil only", "1.0", False),
    )


def test_what_cannot_be_resolved_is_an_error_with_the_file_and_uv_s_reason(requirements: Callable[..., Path]) -> None:
    (file := requirements("no-such-package")).parent.joinpath("wheels").mkdir()
    with pytest.raises(GilfreeError) as error:
        resolve(file, "3.14")
    assert str(file) in error.value.message
    assert "no-such-package" in error.value.message


def test_the_addresses_of_an_index_are_not_shown_since_they_may_hold_a_password(
    write_wheel: WriteWheel, requirements: Callable[..., Path]
) -> None:
    write_wheel("alpha", "1.0", "py3-none-any")
    resolved = resolve(requirements("alpha"), "3.14")
    assert "wheels" in "".join(resolved.index_lines)
    assert "wheels" not in repr(resolved)
