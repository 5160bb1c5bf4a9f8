"""Which function a request is about: a name, a partial ARN or a full ARN, and a qualifier."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Permission
from daypass.services.functions.errors import (
    function_not_found,
    invalid_parameter,
    not_found,
)
from daypass.store.functions import LATEST, Function, Version

_NAME_LIMIT: Final = 64
# The forms the API reference lists: my-function, 123456789012:function:my-function,
# function:my-function, arn:aws:lambda:us-west-2:123456789012:function:my-function, each with or
# without a qualifier.
_FORMS: Final = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?(?P<name>[a-zA-Z0-9_-]+)"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A function as a request names it. qualifier: "" if it names none."""

    name: str
    qualifier: str
    account: str
    region: str

    @property
    def arn(self) -> str:
        """As it was named: with the qualifier, if there was one."""
        arn = f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"
        return f"{arn}:{self.qualifier}" if self.qualifier else arn

    @property
    def whole(self) -> "Reference":
        """The function itself, whatever qualifier it was named with."""
        return replace(self, qualifier="") if self.qualifier else self


def function_arn(node: Node, name: str, qualifier: str = "") -> str:
    """The ARN of a function; with a qualifier, of a version or an alias."""
    return Reference(name, qualifier, node.account_id, node.region).arn


def refer(call: Call) -> Reference:
    """The function that `FunctionName` and `Qualifier` name. Raises `ServiceError`."""
    given: str = call.input["FunctionName"]
    return read_reference(call.node, given, call.input.get("Qualifier", ""))


def read_reference(node: Node, given: str, qualifier: str = "") -> Reference:
    """The function named by one of the forms. Raises `ServiceError`."""
    match = _FORMS.fullmatch(given)
    if match is None or len(match["name"]) > _NAME_LIMIT:
        raise not_found(f"Function not found: {given}")
    region = match["region"] or node.region
    if region != node.region:
        raise not_found(
            f"Functions from '{region}' are not reachable in this region ('{node.region}')"
        )
    derived = match["qualifier"] or ""
    if derived and qualifier and derived != qualifier:
        raise invalid_parameter(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return Reference(
        match["name"], derived or qualifier, match["account"] or node.account_id, region
    )


def find_function(call: Call) -> Function:
    """The function a request names, whatever its qualifier. Raises ResourceNotFoundException."""
    reference = refer(call).whole
    function = lookup(call.node, reference)
    if function is None:
        raise function_not_found(reference.arn)
    return function


def find_version(call: Call) -> Version:
    """The version a request names; an alias's first. Raises ResourceNotFoundException."""
    reference = refer(call)
    version = lookup_version(call.node, reference)
    if version is None:
        raise function_not_found(reference.arn)
    return version


def lookup(node: Node, reference: Reference) -> Function | None:
    """The function, if it and what its qualifier names exist here."""
    if reference.account != node.account_id:
        return None
    function = node.functions.function(reference.name)
    if function is None or function.find(reference.qualifier) is None:
        return None
    return function


def lookup_version(node: Node, reference: Reference) -> Version | None:
    function = lookup(node, reference)
    return None if function is None else function.find(reference.qualifier)


def choose_version(function: Function, qualifier: str) -> Version | None:
    """The version that runs: of an alias with weights, one by chance."""
    alias = function.aliases.get(qualifier)
    if alias is None or not alias.weights:
        return function.find(qualifier)
    left = random.random()  # noqa: S311 - a share of the load, nothing that must not be guessed
    for version, weight in alias.weights.items():
        left -= weight
        if left < 0:
            return function.find(version)
    return function.find(alias.version)


def is_version(qualifier: str) -> bool:
    """Whether it is $LATEST or a number, which no alias can be named."""
    return qualifier == LATEST or qualifier.isdecimal()


def needs(
    action: str,
    context: Mapping[str, str | Sequence[str]] | None = None,
    *,
    whole: bool = False,
) -> "Needs":
    """A declaration: this action on what the request names.

    whole: the operation acts on the function itself, however it was named, so that is what must
    be allowed.
    """
    return Needs(action, context or {}, whole)


@dataclass(frozen=True, slots=True)
class Needs:
    """What an operation on one function needs: one action on its ARN."""

    action: str
    context: Mapping[str, str | Sequence[str]]
    whole: bool

    def __call__(self, call: Call) -> Sequence[Permission]:
        reference = refer(call)
        if self.whole:
            reference = reference.whole
        return [permission(call.node, reference, self.action, self.context)]


def permission(
    node: Node,
    reference: Reference,
    action: str,
    context: Mapping[str, str | Sequence[str]],
) -> Permission:
    """This action on this function, by the caller's policies and the resource's own."""
    function = lookup(node, reference)
    tags: dict[str, str | Sequence[str]] = {}
    policy = None
    if function is not None:
        tags = {f"aws:resourcetag/{key.lower()}": value for key, value in function.tags.items()}
        policy = function.policies.get(reference.qualifier)
    return Permission(
        action,
        reference.arn,
        {**context, **tags},
        resource_policy=None if policy is None else policy.compiled,
        resource_account=reference.account,
    )
