"""Which function a request is about: a name, a partial ARN or a full ARN, and a qualifier."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Permission
from daypass.services.functions.errors import (
    function_not_found,
    invalid_parameter,
    not_found,
)
from daypass.store.functions import Function

LATEST: Final = "$LATEST"
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


def function_arn(node: Node, name: str) -> str:
    """The ARN of a function, without a qualifier."""
    return f"arn:aws:lambda:{node.region}:{node.account_id}:function:{name}"


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
    """The function a request names. Raises ResourceNotFoundException."""
    reference = refer(call)
    function = lookup(call.node, reference)
    if function is None:
        raise function_not_found(reference.arn)
    return function


def lookup(node: Node, reference: Reference) -> Function | None:
    """The function, if it and what its qualifier names exist here."""
    if reference.account != node.account_id or reference.qualifier not in {"", LATEST}:
        return None
    return node.functions.function(reference.name)


def needs(action: str, context: Mapping[str, str | Sequence[str]] | None = None) -> "Needs":
    """A declaration: this action on the function that the request names."""
    return Needs(action, context or {})


@dataclass(frozen=True, slots=True)
class Needs:
    """What an operation on one function needs: one action on its ARN."""

    action: str
    context: Mapping[str, str | Sequence[str]]

    def __call__(self, call: Call) -> Sequence[Permission]:
        return [permission(call.node, refer(call), self.action, self.context)]


def permission(
    node: Node,
    reference: Reference,
    action: str,
    context: Mapping[str, str | Sequence[str]],
) -> Permission:
    """This action on this function, by the caller's policies and the function's own."""
    function = lookup(node, reference)
    tags: dict[str, str | Sequence[str]] = {}
    if function is not None:
        tags = {f"aws:resourcetag/{key.lower()}": value for key, value in function.tags.items()}
    return Permission(
        action,
        reference.arn,
        {**context, **tags},
        resource_policy=None if function is None else function.policy,
        resource_account=reference.account,
    )
