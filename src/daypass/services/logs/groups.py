"""CreateLogGroup and its siblings: groups, their retention and their tags."""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Effect, Operation
from daypass.protocol.errors import ServiceError
from daypass.services.logs.errors import (
    group_exists,
    invalid_parameter,
    invalid_token,
    no_such_group,
    unsupported,
)
from daypass.services.logs.names import (
    Needs,
    NeedsAllGroups,
    NeedsResource,
    group_arn,
    read_identifier,
)
from daypass.store.logs import (
    GroupExistsError,
    LogGroup,
    NoSuchGroupError,
    TooManyGroupsError,
)

_PAGE: Final = 50
_TAGS: Final = 50
# API reference, PutRetentionPolicy.
_RETENTIONS: Final = frozenset(
    (
        *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
        *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
    )
)


async def _create(call: Call) -> None:
    for parameter in ("kmsKeyId", "deletionProtectionEnabled"):
        if call.input.get(parameter):
            raise unsupported(parameter)
    if call.input.get("logGroupClass", "STANDARD") != "STANDARD":
        raise unsupported("A logGroupClass other than STANDARD")
    try:
        await asyncio.to_thread(
            call.node.logs.create_group,
            call.input["logGroupName"],
            int(call.now * 1000),
            call.input.get("tags", {}),
        )
    except GroupExistsError:
        raise group_exists() from None
    except TooManyGroupsError:
        raise ServiceError("LimitExceededException", "Resource limit exceeded.") from None


async def _delete(call: Call) -> None:
    await _change(call.node.logs.delete_group, call.input["logGroupName"])


async def _put_retention(call: Call) -> None:
    days: int = call.input["retentionInDays"]
    if days not in _RETENTIONS:
        allowed = ", ".join(map(str, sorted(_RETENTIONS)))
        raise invalid_parameter(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{allowed}]"
        )
    await _change(call.node.logs.set_retention, call.input["logGroupName"], days)


async def _delete_retention(call: Call) -> None:
    await _change(call.node.logs.set_retention, call.input["logGroupName"], None)


async def _describe(call: Call) -> Mapping[str, Any]:
    prefix = call.input.get("logGroupNamePrefix", "")
    pattern = call.input.get("logGroupNamePattern", "")
    if prefix and pattern:
        raise invalid_parameter(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        )
    if call.input.get("logGroupClass", "STANDARD") != "STANDARD":
        return {"logGroups": []}
    if "logGroupIdentifiers" in call.input:
        return {"logGroups": await _named(call)}
    limit = call.input.get("limit", _PAGE)
    found = await asyncio.to_thread(
        lambda: call.node.logs.groups(
            prefix=prefix, pattern=pattern, after=read_token(call), limit=limit + 1
        )
    )
    answer: dict[str, Any] = {"logGroups": [_show(call.node, group) for group in found[:limit]]}
    if len(found) > limit:
        answer["nextToken"] = write_token(found[limit - 1].name)
    return answer


async def _named(call: Call) -> list[dict[str, Any]]:
    shown = []
    for identifier in call.input["logGroupIdentifiers"]:
        try:
            group = await asyncio.to_thread(
                call.node.logs.group, read_identifier(call.node, identifier)
            )
        except NoSuchGroupError:
            continue
        shown.append(_show(call.node, group))
    return shown


def _show(node: Node, group: LogGroup) -> dict[str, Any]:
    arn = group_arn(node, group.name)
    return {
        "logGroupName": group.name,
        "creationTime": group.created,
        "retentionInDays": group.retention_days,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": group.bytes,
        "logGroupClass": "STANDARD",
        "logGroupArn": arn,
        "deletionProtectionEnabled": False,
    }


async def _tag(call: Call) -> None:
    name = read_identifier(call.node, call.input["resourceArn"])
    tags = {**(await _group(call.node, name)).tags, **call.input["tags"]}
    if len(tags) > _TAGS:
        raise ServiceError("TooManyTagsException", f"A log group has at most {_TAGS} tags.")
    await _change(call.node.logs.set_tags, name, tags)


async def _untag(call: Call) -> None:
    name = read_identifier(call.node, call.input["resourceArn"])
    kept = (await _group(call.node, name)).tags
    removed = frozenset(call.input["tagKeys"])
    tags = {key: value for key, value in kept.items() if key not in removed}
    await _change(call.node.logs.set_tags, name, tags)


async def _list_tags(call: Call) -> Mapping[str, Any]:
    name = read_identifier(call.node, call.input["resourceArn"])
    return {"tags": (await _group(call.node, name)).tags}


async def _group(node: Node, name: str) -> LogGroup:
    try:
        return await asyncio.to_thread(node.logs.group, name)
    except NoSuchGroupError:
        raise no_such_group() from None


async def _change(change: Any, *arguments: object) -> None:
    try:
        await asyncio.to_thread(change, *arguments)
    except NoSuchGroupError:
        raise no_such_group() from None


def read_token(call: Call) -> str:
    """What `nextToken` continues after, "" without one. Raises `ServiceError`."""
    token: str = call.input.get("nextToken", "")
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_token() from None


def write_token(text: str) -> str:
    """A `nextToken` that `read_token` reads."""
    return base64.b64encode(text.encode(), altchars=b"-_").decode()


OPERATIONS: Final = (
    Operation("CreateLogGroup", Needs("logs:CreateLogGroup"), _create),
    Operation("DeleteLogGroup", Needs("logs:DeleteLogGroup"), _delete),
    Operation("PutRetentionPolicy", Needs("logs:PutRetentionPolicy"), _put_retention),
    Operation("DeleteRetentionPolicy", Needs("logs:DeleteRetentionPolicy"), _delete_retention),
    Operation(
        "DescribeLogGroups", NeedsAllGroups("logs:DescribeLogGroups"), _describe, effect=Effect.READ
    ),
    Operation("TagResource", NeedsResource("logs:TagResource"), _tag),
    Operation("UntagResource", NeedsResource("logs:UntagResource"), _untag),
    Operation(
        "ListTagsForResource",
        NeedsResource("logs:ListTagsForResource"),
        _list_tags,
        effect=Effect.READ,
    ),
)
