"""A failed build says what to do about it, by what the engine said."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from tests.images.conftest import wanted
from toolkit.errors import GilfreeError
from toolkit.images.builder.build import _Run
from toolkit.images.progress import Watching
from toolkit.images.spec.network import Network

AGAIN = "gilfree images build --profile fast"


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("write /usr/lib/x: no space left on device", "docker system df"),
        ("pull access denied for debian", "--base REF"),
        ("Get https://registry-1.docker.io: manifest unknown", "--base REF"),
        ("Temporary failure resolving 'deb.debian.org'", "--apt-mirror"),
        ("the command returned a non-zero code: 2", "docker run --rm -it -u 0 0123456789ab bash"),
    ],
)
def test_each_failure_has_its_own_remedy(tmp_path: Path, said: str, remedy: str) -> None:
    nobody: Any = None
    with (tmp_path / "log").open("w", buffering=1) as log:
        run = _Run(nobody, wanted(), Network(), Watching(stream=io.StringIO()), log, AGAIN)
        for line in ("Step 2/9 : RUN make", " ---> 0123456789ab", "cc: error"):
            run._seen({"stream": line})
        with pytest.raises(GilfreeError) as caught:
            run._seen({"error": said, "errorDetail": {"message": said}})
    assert remedy in caught.value.remedy and AGAIN in caught.value.remedy
    assert "step 2 of 9: RUN make" in caught.value.message and "cc: error" in caught.value.message
