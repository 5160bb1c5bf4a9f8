"""Which layer a request is about: a name or an ARN, and what must be allowed on it."""

import re
from dataclasses import dataclass
from typing import Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Permission
from daypass.services.functions.errors import not_found
from daypass.store.functions import LayerVersion, read_layer_version

_ARN: Final = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:"
    r"(?P<name>[a-zA-Z0-9_-]+)(?::(?P<version>\d+))?",
    re.ASCII,
)
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class LayerReference:
    """A layer as a request names it. version: 0 if it names none."""

    name: str
    version: int
    account: str
    region: str

    @property
    def arn(self) -> str:
        arn = f"arn:aws:lambda:{self.region}:{self.account}:layer:{self.name}"
        return f"{arn}:{self.version}" if self.version else arn

    def is_of(self, node: Node) -> bool:
        """Whether it is of this account, in this region."""
        return (self.account, self.region) == (node.account_id, node.region)


def layer_arn(node: Node, name: str, version: int = 0) -> str:
    return LayerReference(name, version, node.account_id, node.region).arn


def read_layer_reference(node: Node, given: str, version: int = 0) -> LayerReference:
    """The layer of a name or an ARN. Raises ResourceNotFoundException."""
    match = _ARN.fullmatch(given)
    if match is not None:
        number = int(match["version"] or version)
        return LayerReference(match["name"], number, match["account"], match["region"])
    if _NAME.fullmatch(given) is None:
        raise not_found("The resource you requested does not exist.")
    return LayerReference(given, version, node.account_id, node.region)


def lookup_layer(node: Node, reference: LayerReference) -> LayerVersion | None:
    if not reference.is_of(node):
        return None
    return read_layer_version(node.store.reader, reference.name, reference.version)


def layer_permission(node: Node, reference: LayerReference, action: str) -> Permission:
    """This action on this layer, by the caller's policies and its own."""
    found = lookup_layer(node, reference) if reference.version else None
    return Permission(
        action,
        reference.arn,
        resource_policy=None if found is None else found.policy(),
        resource_account=reference.account,
    )
