"""A failed build says what to do about it, by what the engine message."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from tests.images.conftest import image_spec
from toolkit.errors import GilfreeError
from toolkit.images.builder.build import _EngineBuild
from toolkit.images.progress import BuildProgress
from toolkit.images.spec.network import Network

AGAIN = "gilfree images build --profile fast"


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("write /usr/lib/x: no space left on device", "docker system df"),
        ("pull access denied for debian", "--base REF"),
        ("Get https://registry.example/v2/: manifest unknown", "--base REF"),
        ("Temporary failure resolving 'archive.example'", "--apt-mirror"),
        ("the command returned a non-zero code: 2", "docker run --rm -it -u 0 0123456789ab bash"),
    ],
)
def test_each_failure_has_its_own_remedy(tmp_path: Path, message: str, remedy: str) -> None:
    nobody: Any = None
    with (tmp_path / "log").open("w", buffering=1) as log:
        build = _EngineBuild(nobody, image_spec(), Network(), BuildProgress(stream=io.StringIO()), log, AGAIN)
        for line in ("Step 2/9 : RUN make", " ---> 0123456789ab", "cc: error"):
            build._take({"stream": line})
        with pytest.raises(GilfreeError) as caught:
            build._take({"error": message, "errorDetail": {"message": message}})
    assert remedy in caught.value.remedy and AGAIN in caught.value.remedy
    assert "step 2 of 9: RUN make" in caught.value.message and "cc: error" in caught.value.message
