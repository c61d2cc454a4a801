"""Building through a real engine: what is current costs nothing, what fails leaves no tag, what is ended no container."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.images.conftest import Tiny
from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.images.builder.build import build_images, build_reasons
from toolkit.images.progress import BuildProgress
from toolkit.images.registry import state
from toolkit.images.registry.built import find_current
from toolkit.images.registry.engine_images import inspected, labels_of
from toolkit.images.spec import inventory
from toolkit.images.spec.inputs import ContextFile, hashes
from toolkit.images.spec.network import Network

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine
AGAIN = "gilfree images build --profile fast"


def test_an_image_is_built_once_and_then_is_current(client: DockerClient, tiny: Tiny, progress: BuildProgress) -> None:
    one = tiny("RUN echo hello")
    first = build_images(client, [one], Network(), progress, AGAIN)[0]
    assert first.why == ("missing",) and first.seconds > 0
    second = build_images(client, [one], Network(), progress, AGAIN)[0]
    assert second.why == () and second.image_id == first.image_id
    assert labels_of(inspected(client, one.name))["id"] == one.id


def test_quotes_and_dollars_in_an_input_reach_the_label_as_they_are(
    client: DockerClient, tiny: Tiny, progress: BuildProgress
) -> None:
    one = tiny("RUN echo hello")
    one = replace(one, inputs={**one.inputs, "odd": 'a "quoted" $HOME \\ value'})
    build_images(client, [one], Network(), progress, AGAIN)
    assert json.loads(labels_of(inspected(client, one.name))["inputs"]) == one.inputs


def test_a_changed_byte_is_built_and_named(client: DockerClient, tiny: Tiny, progress: BuildProgress) -> None:
    build_images(client, [tiny("RUN echo hello")], Network(), progress, AGAIN)
    changed = tiny("RUN echo hallo")
    assert build_reasons(changed) == ("Dockerfile changed",)
    assert find_current(client, changed) is None


def test_progress_says_step_and_elapsed_time(client: DockerClient, tiny: Tiny) -> None:
    seen = io.StringIO()
    build_images(client, [tiny("RUN echo one\nRUN echo two")], Network(), BuildProgress(stream=seen), AGAIN)
    assert "step 4 of 4 (0:0" in seen.getvalue()


def test_a_failed_step_is_shown_with_its_last_lines_and_leaves_no_tag(
    client: DockerClient, tiny: Tiny, progress: BuildProgress
) -> None:
    one = tiny("RUN echo before && echo the compiler says no >&2 && exit 3")
    with pytest.raises(GilfreeError) as caught:
        build_images(client, [one], Network(), progress, AGAIN)
    words = str(caught.value)
    assert "step 3 of 3" in words and "the compiler says no" in words and "returned a non-zero code: 3" in words
    assert AGAIN in caught.value.remedy and "docker run --rm -it" in caught.value.remedy
    assert inspected(client, one.name) is None and one.id not in state.read()["images"]


def test_the_old_image_stays_when_the_new_one_cannot_be_built(
    client: DockerClient, tiny: Tiny, progress: BuildProgress
) -> None:
    old, new = tiny("RUN echo hello"), tiny("RUN exit 1")
    build_images(client, [old], Network(), progress, AGAIN)
    with pytest.raises(GilfreeError):
        build_images(client, [new], Network(), progress, AGAIN)
    assert find_current(client, old) is not None


def test_ctrl_c_leaves_no_container(client: DockerClient, tiny: Tiny, progress: BuildProgress) -> None:
    mark = f"gilfree-{os.getpid()}-{time.monotonic_ns()}"
    one = tiny(f"RUN : {mark} && sleep 300")

    def mine() -> list[str]:
        return [str(c.id) for c in client.containers.list(all=True) if mark in " ".join(c.attrs["Args"])]

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while not mine() and time.monotonic() < deadline:
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        build_images(client, [one], Network(), progress, AGAIN)
    deadline = time.monotonic() + 10
    while mine() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert mine() == []
    assert inspected(client, one.name) is None


def test_a_password_for_the_index_is_in_no_layer_no_history_and_no_log(
    client: DockerClient, tiny: Tiny, progress: BuildProgress, cache: Path
) -> None:
    script = paths.shipped("images") / "network.sh"
    secret = "hunter2-is-secret"
    one = tiny(
        "COPY network.sh /tmp/\nENV PATH=/usr/bin:/bin\n"
        'RUN . /tmp/network.sh && echo "index $PIP_INDEX_URL" && test -n "$PIP_INDEX_URL"'
    )
    extra = ContextFile("network.sh", script, "file:network.sh")
    one = replace(one, files=[*one.files, extra], inputs={**one.inputs, **hashes([extra])})
    network = Network(pip_index=f"https://me:{secret}@index.example/simple")
    built = build_images(client, [one], network, progress, AGAIN)[0]
    assert built.log is not None and "index https://***@index.example/simple" in built.log.read_text()
    texts = [json.dumps(inspected(client, layer["Id"])) for layer in client.api.images(all=True)]
    texts.append(json.dumps(client.images.get(one.name).history()))
    saved = b"".join(client.images.get(one.name).save())
    assert secret.encode() not in saved
    carried = network.arguments({})["FTP_PROXY"]
    assert not any(secret in text or carried in text for text in texts) and carried.encode() not in saved


def test_the_inventory_is_in_the_cache_and_its_hash_in_the_label(
    client: DockerClient, tiny: Tiny, progress: BuildProgress
) -> None:
    one = tiny("RUN echo hello")
    build_images(client, [one], Network(), progress, AGAIN)
    content = inventory.inventory_file(one.id).read_bytes()
    assert labels_of(inspected(client, one.name))["inventory"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert json.loads(content)["bomFormat"] == "CycloneDX"
