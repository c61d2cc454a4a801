"""What a corporate network needs reaches the steps that use it; what is secret is shown to nobody."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.images.spec.network import CARRIER, Network, mask_logins, network_from_options, redacted

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


def step(arguments: dict[str, str], command: str) -> str:
    """What a RUN step sees that sources network.sh, in a real shell."""
    script = f". {shlex.quote(str(paths.shipped('images') / 'network.sh'))}; {command}"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", **arguments}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_step_gets_index_mirrors_and_certificates_whatever_is_in_them() -> None:
    index = "https://me:p'a$s\"s@index.example/simple"
    arguments = Network(ca=PEM, pip_index=index, apt_mirror="https://deb.example/debian").arguments({})
    assert set(arguments) == {CARRIER, CARRIER.lower()}
    assert step(arguments, 'printf %s "$PIP_INDEX_URL"') == index
    assert step(arguments, 'printf %s "$GILFREE_APT_MIRROR"') == "https://deb.example/debian"
    assert step(arguments, 'grep -c "BEGIN CERT" "$PIP_CERT" >/dev/null && tail -n 3 "$PIP_CERT"').strip() == PEM


def test_a_step_leaves_no_file_and_no_variable_of_the_carrier() -> None:
    arguments = Network(ca=PEM).arguments({})
    where = step(arguments, 'printf %s "$folder"')
    assert where.startswith("/dev/shm/") and not Path(where).exists()
    assert step(arguments, 'printf %s "${FTP_PROXY:-none}"') == "none"


def test_without_options_nothing_is_passed_but_the_machines_proxies() -> None:
    assert Network().arguments({}) == {}
    assert Network().arguments({"https_proxy": "http://proxy:3128"}) == {"https_proxy": "http://proxy:3128"}


def test_a_proxy_for_ftp_in_dockers_settings_does_not_reach_the_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"proxies": {"default": {"ftpProxy": "ftp://proxy:21"}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    settings = network_from_options(None, "", "", "", host=False)
    assert settings.arguments({}) == {CARRIER: "", CARRIER.lower(): ""}
    (tmp_path / "config.json").write_text("{}")
    assert network_from_options(None, "", "", "", host=False).arguments({}) == {}


def test_passwords_are_found_in_every_address_and_taken_out_of_text() -> None:
    settings = Network(pip_index="https://me:s%40cret@index.example/simple")
    text = "Looking in indexes: https://me:s%40cret@index.example/simple; s@cret"
    shown = redacted(text, settings.secrets({"http_proxy": "http://u:pr0xy@p"}))
    assert "cret" not in shown and "index.example" in shown
    assert "pr0xy" not in redacted("proxy u:pr0xy", settings.secrets({"http_proxy": "http://u:pr0xy@p"}))
    assert mask_logins("--pip-index=https://me:x@h/simple") == "--pip-index=https://***@h/simple"


@pytest.mark.parametrize(
    ("content", "word"),
    [("nothing", "no certificate"), (PEM + "\n-----BEGIN PRIVATE KEY-----", "private key"), (None, "cannot be read")],
)
def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path, content: str | None, word: str) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(GilfreeError, match=word):
        network_from_options(file, "", "", "", host=False)


def test_an_address_that_is_none_is_refused_without_showing_its_password() -> None:
    with pytest.raises(GilfreeError) as caught:
        network_from_options(None, "ftp://me:secret@index", "", "", host=False)
    assert "--pip-index" in str(caught.value) and "secret" not in str(caught.value)
