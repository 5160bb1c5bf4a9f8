"""What becomes of an asynchronous event: attempts, their pauses, its age, and where it ends."""

import json
import logging
import uuid
from dataclasses import dataclass
from typing import Any, Final

from daypass.audit import TrailError
from daypass.blobs import BlobMissingError
from daypass.gateway.node import Node
from daypass.protocol.errors import ServiceError
from daypass.services.functions.configuration import show_time
from daypass.services.functions.destinations import may_invoke, read_destination
from daypass.services.functions.names import choose_version, function_arn
from daypass.services.functions.running import describe_function, new_trace_id, supplies
from daypass.store.functions import LATEST, EventConfig, Function, Version
from daypass.store.functions.events import Again, QueuedEvent, QueueFullError
from daypass.workers import Event, Invocation, WorkersError

PAYLOAD_LIMIT: Final = 1_048_576
# Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
_RETRIES: Final = 2
_LONGEST_AGE: Final = 6 * 3600
_PAUSES: Final = (60.0, 120.0)
_THROTTLE_PAUSES: Final = (1.0, 300.0)
_AT_ONCE: Final = 25
# As many events in a row as Lambda lets one function's cause the next.
_DEPTH_LIMIT: Final = 16

_log = logging.getLogger("daypass.functions")


@dataclass(frozen=True, slots=True)
class Asynchronous:
    """Runs the asynchronous events of one node. pauses: seconds before the second and the third
    attempt."""

    node: Node
    pauses: tuple[float, float] = _PAUSES

    async def attempt(self, event: QueuedEvent) -> Again | None:
        """Run it once. None if that was the last time, for whatever reason."""
        function = self.node.functions.function(event.function)
        version = None if function is None else choose_version(function, event.qualifier)
        if function is None or version is None:
            _log.warning("The event %s is discarded: its function is gone.", event.id)
            return None
        config = _config_of(function, event.qualifier)
        if function.reserved_concurrency == 0:
            return await self._end(event, version, config, "ZeroReservedConcurrency")
        if self._too_old(event, config, 0):
            return await self._end(event, version, config, "EventAgeExceeded")
        try:
            invocation = await self.node.environments.invoke(
                describe_function(self.node, function, version),
                Event(
                    event.id,
                    event.payload,
                    event.client_context,
                    event.trace_id,
                    function_arn=function_arn(self.node, function.name, event.qualifier),
                ),
                supplies(self.node, version),
            )
        except (WorkersError, ServiceError, BlobMissingError, TrailError) as error:
            return await self._wait(event, version, config, error)
        return await self._judge(event, version, config, invocation)

    async def _wait(
        self, event: QueuedEvent, version: Version, config: EventConfig | None, error: Exception
    ) -> Again | None:
        """It could not run: throttled, or no fault of the function's. That is no attempt."""
        first, longest = _THROTTLE_PAUSES
        pause = min(longest, max(first, self.node.clock() - event.accepted))
        if self._too_old(event, config, pause):
            _log.warning("The event %s could not run: %s", event.id, error)
            return await self._end(event, version, config, "EventAgeExceeded")
        return Again(pause, event.attempts)

    async def _judge(
        self,
        event: QueuedEvent,
        version: Version,
        config: EventConfig | None,
        invocation: Invocation,
    ) -> Again | None:
        if invocation.function_error is None:
            return await self._end(event, version, config, "Success", invocation)
        retries = _RETRIES if config is None or config.retries is None else config.retries
        if event.attempts >= retries:
            return await self._end(event, version, config, "RetriesExhausted", invocation)
        pause = self.pauses[event.attempts]
        if self._too_old(event, config, pause):
            return await self._end(event, version, config, "EventAgeExceeded", invocation)
        return Again(pause, event.attempts + 1)

    def _too_old(self, event: QueuedEvent, config: EventConfig | None, pause: float) -> bool:
        longest = _LONGEST_AGE
        if config is not None and config.longest_age is not None:
            longest = config.longest_age
        return self.node.clock() + pause - event.accepted > longest

    def at_once(self, name: str) -> int:
        """How many events of a function run at once: no more than it may, nor half of all there
        may be, so that they need not be throttled."""
        share = min(_AT_ONCE, max(1, self.node.environments.limit // 2))
        function = self.node.functions.function(name)
        if function is None or function.reserved_concurrency is None:
            return share
        return max(1, min(share, function.reserved_concurrency))

    # -- its end -----------------------------------------------------------------------------

    async def _end(
        self,
        event: QueuedEvent,
        version: Version,
        config: EventConfig | None,
        condition: str,
        invocation: Invocation | None = None,
    ) -> Again | None:
        """Send the record of it where it is configured to go. There is no other time."""
        succeeded = condition == "Success"
        destination = ""
        if config is not None:
            destination = config.on_success if succeeded else config.on_failure
        if destination:
            await self._send(
                event, version, destination, self._record(event, condition, invocation)
            )
        elif not succeeded:
            _log.warning(
                "The event %s for the function %s is discarded: %s.",
                event.id,
                event.function,
                condition,
            )
        return None

    def _record(
        self, event: QueuedEvent, condition: str, invocation: Invocation | None
    ) -> dict[str, Any]:
        """Lambda developer guide, "Retaining records of asynchronous invocations"."""
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": show_time(self.node.clock(), "Z"),
            "requestContext": {
                "requestId": event.id,
                "functionArn": function_arn(self.node, event.function, event.qualifier or LATEST),
                "condition": condition,
                "approximateInvokeCount": event.attempts + (invocation is not None),
            },
            "requestPayload": json.loads(event.payload),
        }
        if invocation is not None:
            record["responseContext"] = {
                "statusCode": 200,
                "executedVersion": invocation.executed_version,
            }
            if invocation.function_error is not None:
                record["responseContext"]["functionError"] = invocation.function_error
            record["responsePayload"] = _parse(invocation.payload)
        return record

    async def _send(
        self, event: QueuedEvent, version: Version, arn: str, record: dict[str, Any]
    ) -> None:
        payload = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        sent = payload.encode(errors="backslashreplace")
        why = ""
        reference = read_destination(self.node, arn)
        if reference is None:
            why = "there is no such function"
        elif not may_invoke(self.node, version.role_arn, version.function, reference):
            why = f"{version.role_arn} may not lambda:InvokeFunction it"
        elif event.depth >= _DEPTH_LIMIT:
            why = f"{event.depth} events led to this one, each the destination of the one before"
        elif len(sent) > PAYLOAD_LIMIT:
            why = f"the record is larger than {PAYLOAD_LIMIT} bytes"
        if reference is not None and not why:
            try:
                await submit(
                    self.node,
                    reference.name,
                    reference.qualifier,
                    sent,
                    depth=event.depth + 1,
                )
            except QueueFullError:
                why = "it has too many events waiting"
        if why:
            _log.warning("The record of the event %s did not reach %s: %s.", event.id, arn, why)


async def submit(
    node: Node,
    name: str,
    qualifier: str,
    payload: bytes,
    *,
    request_id: str = "",
    client_context: str | None = None,
    depth: int = 0,
) -> None:
    """Accept an asynchronous event. Raises `QueueFullError`."""
    now = node.clock()
    await node.event_queue.put(
        QueuedEvent(
            id=request_id or str(uuid.uuid4()),
            function=name,
            qualifier=qualifier,
            payload=payload,
            client_context=client_context,
            trace_id=new_trace_id(now),
            accepted=now,
            due=now,
            depth=depth,
        )
    )


def _config_of(function: Function, qualifier: str) -> EventConfig | None:
    return function.event_configs.get(qualifier or LATEST)


def _parse(payload: bytes) -> Any:
    """What the function answered; as text where it is not JSON, as custom runtimes may answer."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return payload.decode(errors="replace")
