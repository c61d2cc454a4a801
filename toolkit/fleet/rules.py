"""Rules that say which services are Python and which profile applies to each; the first rule that matches counts.

    profiles:
      wsgi: { campaign: ../results/knee-wsgi }           # for similar services: ratios are taken from it
      orders: { campaign: ../results/knee-orders, own: true }   # the service itself: its knees are taken
    rules:
      - { name: shop/orders, profile: orders }
      - { namespace: kube-system, python: false }
      - { label: "app.kubernetes.io/runtime=python-wsgi", profile: wsgi }
      - { image: "*/python-*", profile: wsgi }

Patterns are those of the shell (`*`, `?`); all conditions of a rule have to match. A service that no rule matches is
unknown. `campaign` is a folder or a profile.json relative to the file, or the name of a run of `gilfree knee`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.capacity.inputs.yaml_mapping import YamlMapping
from toolkit.capacity.knee.profile import Profile
from toolkit.capacity.knee.stored import find_profile
from toolkit.errors import GilfreeError
from toolkit.fleet.inventory.model import FleetService
from toolkit.scenario.yaml_source import read_yaml

Condition = Callable[[FleetService], bool]


@dataclass(frozen=True)
class NamedProfile:
    """A profile with its name in the rules. `own`: the service itself was measured, not a similar one.

    `endpoint` None: the endpoint with the lowest knee per CPU.
    """

    name: str
    profile: Profile
    own: bool
    endpoint: str | None = None


@dataclass(frozen=True)
class Rule:
    """If all conditions match, the name of the profile that applies; `profile` None: the service is not Python."""

    conditions: tuple[Condition, ...]
    profile: str | None


@dataclass(frozen=True)
class FleetRules:
    """The content of a rules file: profiles by name, and the rules in their order."""

    profiles: Mapping[str, NamedProfile]
    rules: Sequence[Rule]

    def first_match(self, service: FleetService) -> Rule | None:
        """The first rule that matches a service; None when no rule does."""
        return next((rule for rule in self.rules if all(matches(service) for matches in rule.conditions)), None)


def read_rules(file: Path, results: Path = Path("results")) -> FleetRules:
    """The rules in a file, with the profiles that they name. Raises GilfreeError with file, line and value.

    `results`: the folder in which runs are found by their names.
    """
    top = YamlMapping(read_yaml(file))
    named = top.mapping("profiles")
    profiles = {}
    for name in named.all_keys():
        one = named.mapping(name)
        profile = _profile(one, file.parent, results)
        profiles[name] = NamedProfile(name, profile, one.boolean("own", False), _endpoint(one))
        one.refuse_unknown_keys()
    rules = [_rule(one, profiles) for one in top.mappings("rules")]
    top.refuse_unknown_keys()
    return FleetRules(profiles, rules)


def _profile(one: YamlMapping, folder: Path, results: Path) -> Profile:
    named = one.text("campaign")
    beside = folder / named
    try:
        return find_profile(str(beside) if beside.exists() else named, results)
    except GilfreeError as error:
        raise GilfreeError(f"{one.where('campaign')}: {error.message}", error.remedy) from None


def _endpoint(one: YamlMapping) -> str | None:
    return one.text("endpoint") if one.has("endpoint") else None


def _rule(one: YamlMapping, profiles: Mapping[str, NamedProfile]) -> Rule:
    conditions = tuple(made(one.text(key)) for key, made in _CONDITIONS.items() if one.has(key))
    if not conditions:
        raise GilfreeError(f"{one.where()}: the rule has no condition", f"give one of {', '.join(_CONDITIONS)}")
    python = one.boolean("python", True)
    if python != one.has("profile"):
        raise GilfreeError(
            f"{one.where()}: give either a profile or `python: false`", "a rule needs exactly one of them"
        )
    profile = one.text("profile") if python else None
    if profile is not None and profile not in profiles:
        raise one.error_at("profile", "is not one of the profiles", f"there are {', '.join(profiles)}")
    one.refuse_unknown_keys()
    return Rule(conditions, profile)


def _pattern(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(fnmatch.translate(pattern))
    return lambda text: compiled.match(text) is not None


def _name_and_value(pattern: str, pairs_of: Callable[[FleetService], Mapping[str, str]]) -> Condition:
    name, equals, value = pattern.partition("=")
    matches = _pattern(value if equals else "*")
    return lambda service: name in pairs_of(service) and matches(pairs_of(service)[name])


def _label(pattern: str) -> Condition:
    return _name_and_value(pattern, lambda service: service.labels)


def _annotation(pattern: str) -> Condition:
    return _name_and_value(pattern, lambda service: service.annotations)


def _image(pattern: str) -> Condition:
    matches = _pattern(pattern)
    return lambda service: any(matches(image) for image in service.images)


def _namespace(pattern: str) -> Condition:
    matches = _pattern(pattern)
    return lambda service: matches(service.namespace)


def _name(pattern: str) -> Condition:
    matches = _pattern(pattern)
    whole = "/" in pattern
    return lambda service: matches(f"{service.namespace}/{service.name}" if whole else service.name)


_CONDITIONS: dict[str, Callable[[str], Condition]] = {
    "label": _label,
    "annotation": _annotation,
    "image": _image,
    "namespace": _namespace,
    "name": _name,
}
