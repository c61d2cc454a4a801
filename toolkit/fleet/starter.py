"""Files to begin with: rules and usage with comments, for the services of an inventory. `gilfree fleet --init`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.errors import GilfreeError
from toolkit.fleet.inventory.model import FleetService

RULES, USAGE = "rules.yaml", "usage.csv"
_RULES_TEXT = """\
# Which services are Python, and which measured profile stands for each.
#
# A profile is a run of `gilfree knee`: its name, or its folder or profile.json relative to this file. Remove the # of the
# lines that you need, and the line `profiles: {}`:
# profiles:
#   wsgi: { campaign: knee-wsgi }                 # a similar service: its ratios are used
#   orders: { campaign: knee-orders, own: true }  # the service itself was measured: its knees are used
profiles: {}

# The first rule that matches counts; all conditions of a rule have to match. A service that no rule matches is unknown.
# Conditions: name (orders or shop/orders), namespace, label, annotation, image; * and ? as in the shell.
rules:
  - { namespace: kube-system, python: false }
#  - { name: shop/orders, profile: orders }
#  - { label: "app.kubernetes.io/runtime=python*", profile: wsgi }
#  - { image: "*/python-*", profile: wsgi }
"""
_USAGE_TEXT = """\
# What the services use: one line each; an empty cell is unknown.
# rps: requests a second of all pods together, in the busiest moment.
# cpu: cores that all pods together use, in that moment: 1.5 or 300m. (A service may have a line for each of several
# moments; then add a column `time`.)
# memory_max: the largest working set of one pod: 512Mi.
namespace,name,rps,cpu,memory_max
"""


def write_starter(folder: Path, services: Sequence[FleetService] = ()) -> list[Path]:
    """Write rules and usage into `folder`, with an empty line of usage for every service; the files written.

    Raises GilfreeError when one of them exists or cannot be written; then nothing is overwritten.
    """
    content = {
        RULES: _RULES_TEXT,
        USAGE: _USAGE_TEXT + "".join(f"{one.namespace},{one.name},,,\n" for one in services if one.name),
    }
    files = [folder / name for name in content]
    for file in files:
        if file.exists():
            raise GilfreeError(f"{file} exists already", "name another folder, or remove the file")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            file.write_text(content[file.name])
    except OSError as error:
        raise GilfreeError(f"{folder} cannot be written: {error.strerror}", "name another folder") from None
    return files
