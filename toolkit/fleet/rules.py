"""Which services are Python, and which measured profile stands for each: a file of rules, the first that fits counts.

    profiles:
      wsgi: { campaign: ../results/knee-wsgi }           # stands for services of its kind: ratios are taken from it
      orders: { campaign: ../results/knee-orders, own: true }   # the service itself: its knees are taken
    rules:
      - { name: shop/orders, profile: orders }
      - { namespace: kube-system, python: false }
      - { label: "app.kubernetes.io/runtime=python-wsgi", profile: wsgi }
      - { image: "*/python-*", profile: wsgi }

Patterns are of the shell's kind (`*`, `?`); several conditions in one rule have to hold together. What no rule fits is
unknown. Paths are relative to the file.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.capacity.inputs.fields import Fields
from toolkit.capacity.knee.profile import Profile, read_profile
from toolkit.errors import GilfreeError
from toolkit.fleet.inventory import Service
from toolkit.scenario.yaml_source import read_yaml

Condition = Callable[[Service], bool]


@dataclass(frozen=True)
class Named:
    """A profile under its name in the rules; `own`: it was measured of the very service, not of one of its kind.

    `endpoint` None: the one that a CPU carries least of.
    """

    name: str
    profile: Profile
    own: bool
    endpoint: str | None = None


@dataclass(frozen=True)
class Rule:
    """If all conditions hold: not Python (`profile` None), or of that profile."""

    conditions: tuple[Condition, ...]
    profile: str | None


@dataclass(frozen=True)
class Rules:
    """A rules file."""

    profiles: Mapping[str, Named]
    rules: Sequence[Rule]

    def first(self, service: Service) -> Rule | None:
        """The rule that counts for a service."""
        return next((rule for rule in self.rules if all(holds(service) for holds in rule.conditions)), None)


def read_rules(file: Path) -> Rules:
    """Read rules and the profiles they name. Raises GilfreeError with line and value."""
    top = Fields(read_yaml(file))
    named = top.inside("profiles")
    profiles = {}
    for name in named.names():
        one = named.inside(name)
        path = one.text("campaign")
        profiles[name] = Named(name, read_profile(file.parent / path), one.truth("own", False), _endpoint(one))
        one.end()
    rules = [_rule(one, profiles) for one in top.each("rules")]
    top.end()
    return Rules(profiles, rules)


def _endpoint(one: Fields) -> str | None:
    return one.text("endpoint") if one.has("endpoint") else None


def _rule(one: Fields, profiles: Mapping[str, Named]) -> Rule:
    conditions = tuple(made(one.text(key)) for key, made in _CONDITIONS.items() if one.has(key))
    if not conditions:
        raise GilfreeError(f"{one.where()}: a rule for no service", f"give one of {', '.join(_CONDITIONS)}")
    python = one.truth("python", True)
    if python != one.has("profile"):
        raise GilfreeError(f"{one.where()}: give either a profile or `python: false`", "a rule says one of the two")
    profile = one.text("profile") if python else None
    if profile is not None and profile not in profiles:
        raise one.wrong("profile", "is not among the profiles", f"there are {', '.join(profiles)}")
    one.end()
    return Rule(conditions, profile)


def _fits(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(fnmatch.translate(pattern))
    return lambda text: compiled.match(text) is not None


def _pair(pattern: str, of: Callable[[Service], Mapping[str, str]]) -> Condition:
    name, equals, value = pattern.partition("=")
    fits = _fits(value if equals else "*")
    return lambda service: name in of(service) and fits(of(service)[name])


def _label(pattern: str) -> Condition:
    return _pair(pattern, lambda service: service.labels)


def _annotation(pattern: str) -> Condition:
    return _pair(pattern, lambda service: service.annotations)


def _image(pattern: str) -> Condition:
    fits = _fits(pattern)
    return lambda service: any(fits(image) for image in service.images)


def _namespace(pattern: str) -> Condition:
    fits = _fits(pattern)
    return lambda service: fits(service.namespace)


def _name(pattern: str) -> Condition:
    fits = _fits(pattern)
    whole = "/" in pattern
    return lambda service: fits(f"{service.namespace}/{service.name}" if whole else service.name)


_CONDITIONS: dict[str, Callable[[str], Condition]] = {
    "label": _label,
    "annotation": _annotation,
    "image": _image,
    "namespace": _namespace,
    "name": _name,
}
