"""Options that several commands have, each with one name, one default and one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_PYTHON, DEFAULT_PROFILE, DEFAULT_RESULTS = "3.14", "fast", Path("results")

Python = Annotated[str, typer.Option(help="A series (3.14) or an exact version of gilfree.lock.")]
ProfileName = Annotated[str, typer.Option(help="Build profile of the interpreters: fast, or release (PGO and LTO).")]
BackendName = Annotated[str, typer.Option(help="Where trials run: local, docker or kubernetes.")]
Limits = Annotated[
    list[str] | None, typer.Option("--limit", help="Change a limit of trials: foreign_cpu=0.2. Repeatable.")
]
CampaignName = Annotated[str | None, typer.Argument(help="A run or one of its campaigns; the newest run by default.")]
Results = Annotated[Path, typer.Option(help="Folder of all results.")]
RunName = Annotated[str | None, typer.Option("--name", help="Name of the run; the time by default.")]

Registry = Annotated[str | None, typer.Option(help="Registry of the images: HOST[/PREFIX].")]
Context = Annotated[str | None, typer.Option(help="Kubernetes: context of the kubeconfig; the current by default.")]
Namespace = Annotated[str | None, typer.Option(help="Kubernetes: namespace of the Jobs; the context's by default.")]
ClusterFile = Annotated[Path | None, typer.Option(help="Kubernetes: a file with `cluster:` settings.")]
Yes = Annotated[bool, typer.Option("--yes", help="Kubernetes: create the first Job without asking.")]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
