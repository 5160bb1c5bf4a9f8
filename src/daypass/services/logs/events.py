"""PutLogEvents, GetLogEvents and FilterLogEvents: what `aws logs tail` reads."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation
from daypass.services.logs.errors import (
    invalid_parameter,
    invalid_token,
    no_such_group,
    no_such_stream,
)
from daypass.services.logs.groups import read_token, write_token
from daypass.services.logs.names import Needs, group_name
from daypass.services.logs.pattern import Matcher, PatternError, compile_filter
from daypass.store.logs import (
    Batch,
    LogEvent,
    NoSuchGroupError,
    NoSuchStreamError,
    Position,
    Selection,
)

_EVENTS: Final = 10_000
# Bytes of an answer's events, and how each event counts beside its message.
_ANSWER_BYTES: Final = 1024 * 1024
_OVERHEAD: Final = 26
# Events that one FilterLogEvents looks through; a pattern that matches few goes on with a token.
_SEARCHED: Final = 10_000
_BATCH_BYTES: Final = 1_048_576
_HOUR: Final = 3_600_000
_OLDEST: Final = 14 * 24 * _HOUR
_NEWEST: Final = 2 * _HOUR
# AWS's tokens of GetLogEvents: a direction and 56 digits, here of a time and an event's number.
_TOKEN: Final = re.compile(r"([fb])/(\d{28})(\d{28})", re.ASCII)


async def _put(call: Call) -> Mapping[str, Any]:
    group, stream = call.input["logGroupName"], call.input["logStreamName"]
    now = int(call.now * 1000)
    given = [(event["timestamp"], event["message"]) for event in call.input["logEvents"]]
    _check_batch(given)
    first = next((n for n, (time, _) in enumerate(given) if time >= now - _OLDEST), len(given))
    end = next((n for n, (time, _) in enumerate(given) if time > now + _NEWEST), len(given))
    batch = Batch(group, stream, given[first:end])
    try:
        await asyncio.to_thread(call.node.logs.put, [batch], now)
    except NoSuchGroupError:
        raise no_such_group() from None
    except NoSuchStreamError:
        raise no_such_stream() from None
    rejected = {
        **({"tooOldLogEventEndIndex": first} if first else {}),
        **({"tooNewLogEventStartIndex": end} if end < len(given) else {}),
    }
    # Sequence tokens are of the past; AWS answers with one that nobody has to send.
    return {"nextSequenceToken": f"{now:056d}", "rejectedLogEventsInfo": rejected or None}


def _check_batch(events: Sequence[tuple[int, str]]) -> None:
    if any(later[0] < earlier[0] for earlier, later in pairwise(events)):
        raise invalid_parameter(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
    if events[-1][0] - events[0][0] > 24 * _HOUR:
        raise invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 "
            "hours."
        )
    size = sum(len(message.encode(errors="replace")) + _OVERHEAD for _, message in events)
    if size > _BATCH_BYTES:
        raise invalid_parameter(f"Upload too large: {size} bytes exceeds limit of {_BATCH_BYTES}")


async def _get(call: Call) -> Mapping[str, Any]:
    group, stream = group_name(call), call.input["logStreamName"]
    token = call.input.get("nextToken")
    direction, position = _read_position(token) if token else ("", None)
    from_head = call.input.get("startFromHead", False)
    newest_first = direction == "b" or (not direction and not from_head)
    selection = Selection(
        group,
        streams=(stream,),
        start=call.input.get("startTime", 0),
        end=call.input.get("endTime"),
        after=position if direction == "f" else None,
        before=position if direction == "b" else None,
        newest_first=newest_first,
    )
    found = await _select(call, selection, call.input.get("limit", _EVENTS), stream)
    found = _fitting(found)
    if newest_first:
        found.reverse()
    # At the end of the stream the token that was sent comes back, which tells readers to wait.
    nothing = position or Position(0, 0)
    first = Position(found[0].timestamp, found[0].id) if found else nothing
    last = Position(found[-1].timestamp, found[-1].id) if found else nothing
    return {
        "events": [
            {
                "timestamp": event.timestamp,
                "message": event.message,
                "ingestionTime": event.ingestion,
            }
            for event in found
        ],
        "nextForwardToken": f"f/{last.timestamp:028d}{last.id:028d}",
        "nextBackwardToken": f"b/{first.timestamp:028d}{first.id:028d}",
    }


def _read_position(token: str) -> tuple[str, Position]:
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise invalid_token()
    position = Position(int(match[2]), int(match[3]))
    if max(position.timestamp, position.id) >= 2**63:
        raise invalid_token()
    return match[1], position


async def _filter(call: Call) -> Mapping[str, Any]:
    names: list[str] | None = call.input.get("logStreamNames")
    prefix = call.input.get("logStreamNamePrefix", "")
    if names and prefix:
        raise invalid_parameter(
            "logStreamNames and logStreamNamePrefix are mutually exclusive parameters."
        )
    matches = _matcher(call.input.get("filterPattern", ""))
    limit = call.input.get("limit", _EVENTS)
    from_head = call.input.get("startFromHead", True)
    position = _read_filter_token(call)
    selection = Selection(
        group_name(call),
        streams=names,
        stream_prefix=prefix,
        start=call.input.get("startTime", 0),
        # Inclusive here, and exclusive in GetLogEvents.
        end=call.input["endTime"] + 1 if "endTime" in call.input else None,
        after=position if from_head else None,
        before=None if from_head else position,
        newest_first=not from_head,
    )
    searched = limit + 1 if matches is None else _SEARCHED
    looked_at = await _select(call, selection, searched, "")
    found = [event for event in looked_at if matches is None or matches(event.message)][:limit]
    shown = _fitting(found)
    answer: dict[str, Any] = {
        "events": [_show(event) for event in shown],
        "searchedLogStreams": [],
    }
    cut = len(shown) < len(found) or len(found) == limit
    reached = shown[-1] if cut and shown else looked_at[-1] if looked_at else None
    if reached is not None and (len(looked_at) == searched or reached is not looked_at[-1]):
        answer["nextToken"] = write_token(f"{reached.timestamp}/{reached.id}")
    return answer


def _matcher(pattern: str) -> Matcher | None:
    try:
        return compile_filter(pattern)
    except PatternError as error:
        raise invalid_parameter(f"Invalid filter pattern: {error}") from None


def _read_filter_token(call: Call) -> Position | None:
    if "nextToken" not in call.input:
        return None
    timestamp, _, number = read_token(call).partition("/")
    if not all(
        text.isascii() and text.isdigit() and len(text) < 19 for text in (timestamp, number)
    ):
        raise invalid_token()
    return Position(int(timestamp), int(number))


async def _select(call: Call, selection: Selection, limit: int, stream: str) -> list[LogEvent]:
    """stream: one that must exist, "" for none."""
    logs, now = call.node.logs, int(call.now * 1000)

    def select() -> list[LogEvent]:
        if stream:
            logs.need_stream(selection.group, stream)
        return logs.select(selection, now, limit)

    try:
        return await asyncio.to_thread(select)
    except NoSuchGroupError:
        raise no_such_group() from None
    except NoSuchStreamError:
        raise no_such_stream() from None


def _fitting(events: Sequence[LogEvent]) -> list[LogEvent]:
    """As many of the first as one answer holds, and at least one."""
    size = 0
    for number, event in enumerate(events):
        size += len(event.message.encode()) + _OVERHEAD
        if size > _ANSWER_BYTES and number:
            return list(events[:number])
    return list(events)


def _show(event: LogEvent) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.ingestion,
        # 56 digits, as AWS's are.
        "eventId": f"{event.timestamp:028d}{event.id:028d}",
    }


OPERATIONS: Final = (
    Operation(
        "PutLogEvents", Needs("logs:PutLogEvents", of_stream=True), _put, effect=Effect.DATA_CHANGE
    ),
    Operation(
        "GetLogEvents", Needs("logs:GetLogEvents", of_stream=True), _get, effect=Effect.DATA_READ
    ),
    Operation("FilterLogEvents", Needs("logs:FilterLogEvents"), _filter, effect=Effect.DATA_READ),
)
