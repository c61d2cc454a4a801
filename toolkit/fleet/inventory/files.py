"""The services of a fleet from a file: output of `kubectl get … -o json` or `-o yaml`, manifests, or a CSV.

CSV columns: namespace, name, replicas, cpu, memory, image, labels, annotations; cpu and memory are the requests of one
pod as Kubernetes quantities, labels are written as `app=web;team=shop`. A service without requests does not make a file
of thousands invalid: it stays in the inventory, with the problem.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from toolkit.capacity.inputs.csv_rows import CsvRow, read_rows
from toolkit.errors import GilfreeError
from toolkit.fleet.inventory.model import FleetService, Inventory, problem_of
from toolkit.fleet.inventory.objects import compact, inventory_of
from toolkit.quantities import cpu_millis_of, memory_bytes_of

COLUMNS = ("namespace", "name", "replicas", "cpu", "memory", "image", "labels", "annotations")
_BLANK = re.compile(r"\s*")
_SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LOADER = type(
    "_LOADER",
    (_SAFE_LOADER,),
    {
        "yaml_implicit_resolvers": {
            first: [(tag, form) for tag, form in found if tag != "tag:yaml.org,2002:timestamp"]
            for first, found in _SAFE_LOADER.yaml_implicit_resolvers.items()
        }
    },
)
"""Reads dates as text, as Kubernetes does: one that is no date is not an error of the file."""
REMEDY = "create it with: kubectl get deploy -A -o json"


def read_inventory(file: Path) -> Inventory:
    """The services in a file: CSV if its name ends in .csv, otherwise JSON or YAML of one or several objects or lists.

    Raises GilfreeError when the file cannot be read, holds no service, is one page of a longer list, or a CSV gives a
    service twice, with the line of a CSV.
    """
    if file.suffix == ".csv":
        return _checked(Inventory(tuple(_from_csv(file))), str(file))
    items = [found for one in _documents(file) for found in _items(one, file)]
    return _checked(inventory_of(items), str(file))


def inventory_of_cluster(context: str | None = None) -> Inventory:
    """The services of a live cluster; `context`: of kubectl, None: the current one.

    Raises GilfreeError when the cluster cannot be read or holds no service.
    """
    from toolkit.capacity.nodes.cluster_reader import ClusterReader

    reader, notes = ClusterReader(context), []
    items: list[tuple[str, Any]] = [("Deployment", compact(one)) for one in reader.deployments()]
    for kind, listed in (
        ("Rollout", reader.rollouts),
        ("HorizontalPodAutoscaler", reader.autoscalers),
        ("PodDisruptionBudget", reader.disruption_budgets),
        ("Namespace", reader.namespaces),
    ):
        try:
            items += [(kind, one) for one in listed()]
        except GilfreeError as error:
            notes.append(f"{kind}s are not considered: {error.message}")
    found = inventory_of(items)
    return _checked(Inventory(found.services, (*found.notes, *notes)), "the cluster")


def _checked(found: Inventory, where: str) -> Inventory:
    if not found.services:
        held = f", only {found.notes[0]}" if found.notes else ""
        raise GilfreeError(f"{where}: no Deployment in it{held}", "see what `kubectl get deploy -A` shows")
    return found


def _items(document: Any, file: Path) -> Iterator[tuple[str, Any]]:
    """The objects of a document, which is a list or one of them, each with the kind of those that do not give theirs."""
    if isinstance(document, list):
        yield from (("", one) for one in document)
    elif isinstance(document, dict) and "items" in document:
        items, meta = document["items"], document.get("metadata")
        if not isinstance(items, list):
            raise GilfreeError(f"{file} holds no list of Deployments: items is no list", REMEDY)
        _refuse_page(meta if isinstance(meta, dict) else {}, file)
        kind = str(document.get("kind") or "").removesuffix("List")
        for one in items:
            nested = isinstance(one, dict) and isinstance(one.get("items"), list)
            yield from _items(one, file) if nested else ((kind, one),)
    elif isinstance(document, (str, int, float)) or (isinstance(document, dict) and "kind" not in document):
        shown = f"keys {', '.join(map(str, document))}" if isinstance(document, dict) else str(document)
        raise GilfreeError(f"{file} holds no list of Deployments: {shown[:60]}", REMEDY)
    elif document is not None:
        yield "", document


def _refuse_page(meta: Mapping[str, Any], file: Path) -> None:
    more = meta.get("remainingItemCount")
    if more or meta.get("continue"):
        count = f"{more:,}" if isinstance(more, int) else "some"
        raise GilfreeError(f"{file} is one page of a list: {count} more objects are not in it", REMEDY)


def _documents(file: Path) -> list[Any]:
    """The JSON or YAML documents of a file, objects made small while they are parsed."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise GilfreeError(f"{file} cannot be read: {error.strerror}", "name a readable file") from None
    # PowerShell's > writes UTF-16.
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise GilfreeError(f"{file} is not UTF-8", REMEDY) from None
    del content
    if text.lstrip()[:1] in ("{", "["):
        return _json_documents(text, file)
    try:
        return list(yaml.load_all(text, Loader=_LOADER))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        hint = "render a chart first: helm template" if "{{" in text else REMEDY
        raise GilfreeError(f"{file}{line} is neither JSON nor YAML: {getattr(error, 'problem', error)}", hint) from None


def _json_documents(text: str, file: Path) -> list[Any]:
    """The documents of a JSON text, which may follow each other, as `cat a.json b.json` leaves them."""
    decoder, found, position = json.JSONDecoder(object_hook=compact), [], 0
    while (position := _BLANK.match(text, position).end()) < len(text):  # type: ignore[union-attr]
        try:
            one, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise GilfreeError(f"{file} is not JSON: {error}", REMEDY) from None
        found.append(one)
    return found


def _from_csv(file: Path) -> Iterator[FleetService]:
    seen: set[tuple[str, str]] = set()
    for row in read_rows(file, ("namespace", "name", "replicas"), COLUMNS):
        replicas = row.number("replicas")
        if replicas is None or replicas != int(replicas):
            raise GilfreeError(
                f"{row.where('replicas')}: {row.text('replicas')!r} is not a number of pods", "write a whole number"
            )
        if not row.text("name"):
            raise GilfreeError(f"{row.where('name')}: the cell is empty", "give every service a name")
        cpu = cpu_millis_of(row.text("cpu"), row.where("cpu")) if row.text("cpu") else 0
        memory = memory_bytes_of(row.text("memory"), row.where("memory")) if row.text("memory") else 0
        one = FleetService(
            namespace=row.text("namespace") or "default",
            name=row.text("name"),
            replicas=int(replicas),
            cpu_millis=cpu,
            memory_bytes=memory,
            images=tuple(row.text("image").split()),
            labels=_pairs(row, "labels"),
            annotations=_pairs(row, "annotations"),
            problem=problem_of(int(replicas), cpu, memory),
        )
        if one.key in seen:
            raise GilfreeError(f"{row.where('name')}: {one.namespace}/{one.name} is given twice", "remove one line")
        seen.add(one.key)
        yield one


def _pairs(row: CsvRow, column: str) -> Mapping[str, str]:
    found = {}
    for part in row.text(column).split(";"):
        name, equals, value = part.strip().partition("=")
        if part.strip() and not equals:
            raise GilfreeError(f"{row.where(column)}: {part!r} has no =", "write app=web;team=shop")
        if name:
            found[name] = value
    return found
