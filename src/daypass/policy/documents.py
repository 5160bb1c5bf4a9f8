"""Policy documents: parsed, checked, and kept as typed statements."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import Final, NoReturn, TypeAlias

from daypass.policy.conditions import Condition
from daypass.policy.errors import PolicyError

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

# AWS's APIs take 131,072 characters (`policyDocumentType`); AWS's own largest policy has 156,916.
MAXIMUM_CHARACTERS: Final = 262_144


class PolicyKind(StrEnum):
    """What a document is used as; it decides which elements it may and must have."""

    IDENTITY = "identity"
    RESOURCE = "resource"
    TRUST = "trust"
    BOUNDARY = "boundary"
    SESSION = "session"
    SCP = "scp"
    RCP = "rcp"

    @property
    def names_principals(self) -> bool:
        return self in (PolicyKind.RESOURCE, PolicyKind.TRUST)


class Effect(StrEnum):
    ALLOW = "Allow"
    DENY = "Deny"


PrincipalElement = str | Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One statement. number: its place in the document, from 0. Of Action and NotAction, and so
    on, the one that is not written is None; both resources are None in a trust policy."""

    kind: PolicyKind
    label: str
    number: int
    sid: str
    effect: Effect
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    principal: PrincipalElement | None
    not_principal: PrincipalElement | None
    conditions: tuple[Condition, ...]
    variables: bool

    @property
    def name(self) -> str:
        """For people: the Sid, or the place counted from 1."""
        return self.sid or f"statement {self.number + 1}"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Policy:
    """A parsed policy document. label: how explanations name it. text: as it was given."""

    kind: PolicyKind
    label: str
    text: str = field(repr=False)
    document: dict[str, Json] = field(repr=False)
    statements: tuple[Statement, ...] = field(repr=False)

    @property
    def version(self) -> str:
        """2008-10-17 if the document does not say."""
        return str(self.document.get("Version", "2008-10-17"))

    def print(self) -> str:
        """The document as JSON text. Parsing it gives the same policy."""
        return json.dumps(self.document, indent=2)


def read_json(text: str, message: str) -> dict[str, Json]:
    """The document's JSON object. Raises `PolicyError` with the message; so do duplicate keys,
    which a plain JSON reader hides: the second of two Effects would silently win."""
    if len(text) > MAXIMUM_CHARACTERS:
        detail = f"more than {MAXIMUM_CHARACTERS} characters; split the document"
        raise PolicyError(message, "$", detail)
    try:
        document = DECODER.decode(text)
    except RecursionError:
        raise PolicyError(message, "$", "the document is nested too deeply") from None
    except ValueError as error:
        raise PolicyError(message, "$", f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise PolicyError(message, "$", "the document is not a JSON object")
    return document


def _unique(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is written twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is not a number a condition can hold")
    return number


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant
)


def policy_size(text: str) -> int:
    """The size AWS's quotas count: characters without white space."""
    return sum(1 for character in text if not character.isspace())
