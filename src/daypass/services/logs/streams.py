"""CreateLogStream, DeleteLogStream and DescribeLogStreams."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation
from daypass.services.logs.errors import (
    invalid_parameter,
    invalid_token,
    no_such_group,
    no_such_stream,
    stream_exists,
)
from daypass.services.logs.groups import read_token, write_token
from daypass.services.logs.names import Needs, group_name, stream_arn
from daypass.store.logs import (
    LogStreamRecord,
    NoSuchGroupError,
    NoSuchStreamError,
    StreamExistsError,
)

_PAGE: Final = 50


async def _create(call: Call) -> None:
    try:
        await asyncio.to_thread(
            call.node.logs.create_stream,
            call.input["logGroupName"],
            call.input["logStreamName"],
            int(call.now * 1000),
        )
    except NoSuchGroupError:
        raise no_such_group() from None
    except StreamExistsError:
        raise stream_exists() from None


async def _delete(call: Call) -> None:
    try:
        await asyncio.to_thread(
            call.node.logs.delete_stream, call.input["logGroupName"], call.input["logStreamName"]
        )
    except NoSuchGroupError:
        raise no_such_group() from None
    except NoSuchStreamError:
        raise no_such_stream() from None


async def _describe(call: Call) -> Mapping[str, Any]:
    group = group_name(call)
    prefix = call.input.get("logStreamNamePrefix", "")
    newest = call.input.get("orderBy") == "LastEventTime"
    if newest and prefix:
        raise invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
    limit = call.input.get("limit", _PAGE)
    offset = _read_offset(call)
    try:
        found = await asyncio.to_thread(
            lambda: call.node.logs.streams(
                group,
                prefix=prefix,
                newest=newest,
                descending=call.input.get("descending", False),
                offset=offset,
                limit=limit + 1,
            )
        )
    except NoSuchGroupError:
        raise no_such_group() from None
    answer: dict[str, Any] = {
        "logStreams": [_show(call, group, stream) for stream in found[:limit]]
    }
    if len(found) > limit:
        answer["nextToken"] = write_token(str(offset + limit))
    return answer


def _read_offset(call: Call) -> int:
    text = read_token(call) or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise invalid_token()
    return int(text)


def _show(call: Call, group: str, stream: LogStreamRecord) -> dict[str, Any]:
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "firstEventTimestamp": stream.first_event,
        "lastEventTimestamp": stream.last_event,
        "lastIngestionTime": stream.last_ingestion,
        "arn": stream_arn(call.node, group, stream.name),
        # AWS counts no bytes of streams any more, and says so with 0.
        "storedBytes": 0,
    }


OPERATIONS: Final = (
    Operation("CreateLogStream", Needs("logs:CreateLogStream"), _create),
    Operation("DeleteLogStream", Needs("logs:DeleteLogStream", of_stream=True), _delete),
    Operation(
        "DescribeLogStreams", Needs("logs:DescribeLogStreams"), _describe, effect=Effect.READ
    ),
)
