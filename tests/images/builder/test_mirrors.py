"""The build options for corporate networks, with the real apt in a real build."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.images.conftest import Tiny
from toolkit import paths
from toolkit.images.builder.build import build_images
from toolkit.images.progress import BuildProgress
from toolkit.images.spec.inputs import ContextFile, ImageSpec, hashes
from toolkit.images.spec.network import Network
from toolkit.pythons.sources import debian_archives

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def with_script(one: ImageSpec) -> ImageSpec:
    extra = ContextFile("network.sh", paths.shipped("images") / "network.sh", "file:network.sh")
    return replace(one, files=[*one.files, extra], inputs={**one.inputs, **hashes([extra])})


def test_apt_takes_the_mirror_and_leaves_nothing_of_it(
    client: DockerClient, tiny: Tiny, progress: BuildProgress
) -> None:
    one = tiny("COPY network.sh /tmp/\nRUN . /tmp/network.sh && apt_install hello && hello")
    # This machine's own archive as the mirror; a login that an archive does not ask for is as good as one that it asks for.
    archives = debian_archives()
    if not archives:
        pytest.skip("this machine's apt names no Debian archive; to enable: run it on Debian")
    network = Network(apt_mirror=archives[0].replace("://", "://me:hunter2-is-secret@", 1))
    built = build_images(client, [with_script(one)], network, progress, "again")[0]
    assert built.log is not None and "Hello, world!" in built.log.read_text()
    assert "hunter2" not in built.log.read_text()
    assert b"hunter2" not in b"".join(client.images.get(one.repository + ":" + built.spec.tag).save())


def test_extra_certificates_are_trusted_during_a_step_and_gone_after_it(
    client: DockerClient, tiny: Tiny, progress: BuildProgress
) -> None:
    bundle = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    pem = Path(bundle).read_text()
    one = tiny(
        "COPY network.sh /tmp/\n"
        'RUN . /tmp/network.sh && grep -q CERTIFICATE "$PIP_CERT" && test "$PIP_CERT" = "$CARGO_HTTP_CAINFO"\n'
        "RUN ! ls /dev/shm | grep ."
    )
    first = pem[: pem.index("-----END CERTIFICATE-----") + 26]
    build_images(client, [with_script(one)], Network(ca=first), progress, "again")
