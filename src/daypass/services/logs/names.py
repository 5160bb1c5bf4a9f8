"""Which log group and stream a request is about, and what it needs allowed on them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.logs.errors import invalid_parameter

_GROUP_ARN: Final = re.compile(
    r"arn:aws[a-zA-Z-]*:logs:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):log-group:"
    r"(?P<name>[.\-_/#A-Za-z0-9]{1,512})(?::\*)?",
    re.ASCII,
)
_GROUP_NAME: Final = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}", re.ASCII)


def group_arn(node: Node, group: str) -> str:
    """A group's ARN, without the `:*` that stands for its streams."""
    return f"arn:aws:logs:{node.region}:{node.account_id}:log-group:{group}"


def stream_arn(node: Node, group: str, stream: str) -> str:
    """A stream's ARN; of a whole group, as AWS asks for permission on it, with no stream's name."""
    return f"{group_arn(node, group)}:log-stream:{stream}"


def group_name(call: Call) -> str:
    """The group that `logGroupName` or `logGroupIdentifier` names. Raises `ServiceError`."""
    name: str | None = call.input.get("logGroupName")
    identifier: str | None = call.input.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise ServiceError(
            "ValidationException",
            "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
        )
    if name is not None:
        return name
    if identifier is None:
        raise invalid_parameter("Log group name or log group identifier must be given.")
    return read_identifier(call.node, identifier)


def read_identifier(node: Node, identifier: str) -> str:
    """The name in a group's name or ARN. Raises `ServiceError`."""
    if _GROUP_NAME.fullmatch(identifier):
        return identifier
    match = _GROUP_ARN.fullmatch(identifier)
    if match is None or (match["region"], match["account"]) != (node.region, node.account_id):
        raise invalid_parameter("The specified log group identifier is not of this account.")
    return match["name"]


@dataclass(frozen=True, slots=True)
class Needs:
    """What an operation needs: its action on a group, or on one of its streams."""

    action: str
    of_stream: bool = False

    def __call__(self, call: Call) -> Sequence[Permission]:
        stream = call.input["logStreamName"] if self.of_stream else ""
        return [Permission(self.action, stream_arn(call.node, group_name(call), stream))]


def needs_all_groups(action: str) -> "NeedsAllGroups":
    """A declaration: this action, on groups that the request does not name."""
    return NeedsAllGroups(action)


@dataclass(frozen=True, slots=True)
class NeedsAllGroups:
    """AWS asks for these on the resource `log-group::log-stream:`."""

    action: str

    def __call__(self, call: Call) -> Sequence[Permission]:
        return [Permission(self.action, stream_arn(call.node, "", ""))]


@dataclass(frozen=True, slots=True)
class NeedsResource:
    """Tagging names its group by ARN, and is allowed on the ARN as it stands."""

    action: str

    def __call__(self, call: Call) -> Sequence[Permission]:
        name = read_identifier(call.node, call.input["resourceArn"])
        return [Permission(self.action, group_arn(call.node, name))]
