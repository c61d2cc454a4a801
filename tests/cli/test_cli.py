"""The command line as scripts and people meet it: exit codes, JSON, errors without tracebacks, a fast start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"pydantic", "numpy", "scipy", "matplotlib", "kubernetes", "docker", "rich"}


def gilfree(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "toolkit.cli", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['gilfree', '--help']\n"
        "from toolkit.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print(sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "bench" in done.stdout


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (("render", "asgi", "--out", "-"), "`gilfree render` is now `gilfree cluster render`"),
        (("status",), "`gilfree status` is now `gilfree cluster status`"),
        (("gather", "mine", "--json"), "`gilfree gather` is now `gilfree cluster gather`"),
        (("cancel", "--help"), "`gilfree cancel` is now `gilfree cluster cancel`"),
        (("overhead", "--pairs", "12"), "`gilfree overhead` is now `gilfree selftest overhead`"),
        (("cluster-overhead",), "`gilfree cluster-overhead` is now `gilfree selftest cluster-overhead`"),
        (("simulate", "--fast"), "`gilfree simulate` is now `gilfree selftest simulate`"),
        (("simulate", "--scale"), "`gilfree simulate --scale` is now `gilfree selftest scale`"),
        (("fleet", "--scale"), "`gilfree fleet --scale` is now `gilfree selftest scale`"),
    ],
)
def test_an_old_name_answers_with_the_new_one_and_exits_2(old: tuple[str, ...], new: str) -> None:
    code = (
        f"import sys; sys.argv = {['gilfree', *old]}\n"
        "from toolkit.cli import main\n"
        "try: main()\n"
        f"finally: print(sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"gilfree: {new}\n"
    assert done.stdout == "[]\n"


def test_the_top_level_lists_what_people_use_and_the_two_groups() -> None:
    listed = [
        line.split()[0] for line in gilfree("--help").stdout.partition("Commands:")[2].splitlines() if line.strip()
    ]
    work = ["bench", "show", "compare", "report", "soak", "knee", "plan", "fleet", "doctor", "pythons", "images"]
    assert [one for one in listed if one in (*work, "cluster", "selftest", "render", "simulate")] == [
        *work,
        "cluster",
        "selftest",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bench", "--scenario", "nope"), "there is no scenario 'nope'"),
        (("bench", "--duration", "500ms"), "500 minutes"),
        (("bench", "--python", "3.9"), "Python '3.9' is not in gilfree.lock"),
        (("bench", "--backend", "moon"), "no backend 'moon'"),
        (("bench", "--profile", "slow"), "no profile 'slow'"),
        (("bench", "--gil", "/bin/python"), "only one interpreter"),
        (("bench", "--limit", "steel=1"), "there is no such limit"),
        (("bench", "--limit", "steal=much"), "valid number"),
        (("bench", "--resume", "yesterday"), "no run 'yesterday'"),
        (("show", "yesterday"), "no run 'yesterday'"),
    ],
)
def test_bad_input_is_refused_with_exit_code_2_and_no_traceback(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = gilfree(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


def test_more_cpus_than_there_are_are_refused_before_anything_is_built(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_text(
        "name: big\ntitle: big\napp: {target: 'asgi:app', interface: asgi}\n"
        "endpoints: {json: {path: /json, any_body: true}}\nmatrix: [{endpoint: json, connections: 8}]\n"
        "resources: {server: {cpus: 4000}}\n"
    )
    done = gilfree("bench", "--scenario", "big.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "big.yaml:6: resources: server 4000" in done.stderr
    assert "pythons:" not in done.stderr


@pytest.mark.usefixtures("rewrk", "arms")
def test_a_run_can_be_shown_as_text_json_and_csv(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        "name: one\ntitle: one\napp: {target: 'wsgi:app', interface: wsgi}\n"
        "endpoints: {json: {path: /json, json: {message: Hello World}}}\n"
        "matrix: [{endpoint: json, threads: 2, connections: 8}]\n"
        "load: {warmup: 1s, duration: 1s, validate_requests: 50}\nlimits: {foreign_cpu: 1, steal: 1}\n"
    )
    done = gilfree("bench", "--scenario", "one.yaml", "--blocks", "1", "--duration", "1s", "--name", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "results: results/r-one" in done.stderr
    (table,) = json.loads(gilfree("show", "--json", cwd=tmp_path).stdout)
    assert [row["arm"] for row in table["rows"]] == ["3.14", "3.14t"]
    head, *lines = gilfree("show", "r", "--csv", cwd=tmp_path).stdout.splitlines()
    assert head.startswith("campaign,endpoint,arm")
    assert len(lines) == 2
    text = gilfree("show", "r-one", cwd=tmp_path).stdout
    assert "3.14t/3.14" in text
    assert "\x1b" not in text
    again = gilfree("bench", "--scenario", "one.yaml", "--name", "r", cwd=tmp_path)
    assert again.returncode == 2
    assert "--resume" in again.stderr
