"""The order of the house, counted: `python -m tests.setup.test_house` prints the counts; import-linter keeps the layers."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLKIT = ROOT / "toolkit"
LARGE_FOLDERS = {"cli", "report", "backends/kubernetes"}
"""These hold one file a command, a form or a concern, so that more than twelve files are no disorder there."""
MOST_FILES, MOST_LINES, MOST_ROOT_FILES = 13, 300, 8


def modules() -> dict[str, Path]:
    """Every module of the toolkit by its dotted name."""
    found = {}
    for path in sorted(TOOLKIT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The toolkit's modules that one of them imports, at its head or inside a function."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        if isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                found = f"{base}.{alias.name}"
                if found in known or base in known:
                    yield found if found in known else base


def graph() -> dict[str, set[str]]:
    """Which module imports which."""
    known = modules()
    return {name: set(imports(name, path, known)) - {name} for name, path in known.items()}


def pairs_of_folders(edges: Mapping[str, set[str]]) -> set[tuple[str, str]]:
    """Folders, at any depth, that import each other; the root counts as one."""
    known = modules()
    folders = defaultdict(set)
    for name, targets in edges.items():
        for target in targets:
            folders[known[name].parent].add(known[target].parent)
    return {
        (str(one.relative_to(ROOT)), str(other.relative_to(ROOT)))
        for one, others in folders.items()
        for other in others
        if str(one) < str(other) and one in folders[other]
    }


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Circles of modules; one is enough to fail, so the search ends at the first."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return [error.args[1]]
    return []


def test_the_root_of_the_toolkit_stays_small() -> None:
    assert len(list(TOOLKIT.glob("*.py"))) <= MOST_ROOT_FILES


def test_no_two_folders_import_each_other() -> None:
    assert pairs_of_folders(graph()) == set()


def test_no_modules_import_in_a_circle() -> None:
    assert circles(graph()) == []


def test_a_circle_and_a_pair_are_found() -> None:
    edges = {"toolkit.cli.show": {"toolkit.paths"}, "toolkit.paths": {"toolkit.cli.show"}}
    assert pairs_of_folders(edges) == {("toolkit", "toolkit/cli")}
    assert len(circles(edges)) == 1


def test_files_and_folders_stay_of_a_size_to_find_ones_way_in() -> None:
    long = [str(path) for path in TOOLKIT.rglob("*.py") if len(path.read_text().splitlines()) > MOST_LINES]
    full = [
        str(folder)
        for folder in {path.parent for path in TOOLKIT.rglob("*.py")}
        if len(list(folder.glob("*.py"))) > MOST_FILES and str(folder.relative_to(TOOLKIT)) not in LARGE_FOLDERS
    ]
    assert (long, full) == ([], [])


def test_tests_stand_where_what_they_test_stands() -> None:
    mine = {str(path.relative_to(TOOLKIT)) for path in TOOLKIT.rglob("*") if path.is_dir()} | {"."}
    others = {"e2e", "apps"}  # whole runs, and apps that they serve
    strays = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if (folder := path.parent.relative_to(ROOT / "tests")).parts[:1] not in [(other,) for other in others]
        and str(folder) not in mine
    ]
    assert strays == []


if __name__ == "__main__":
    found = graph()
    print(f"files at the root of toolkit/: {len(list(TOOLKIT.glob('*.py')))}")
    print(f"pairs of folders that import each other: {len(pairs_of_folders(found))}")
    print(f"circles of modules: {len(circles(found))}")
