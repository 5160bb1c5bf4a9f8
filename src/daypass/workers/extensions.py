"""The Extensions API (version 2020-01-01): programs beside a runtime that hear of its invocations.

Lambda developer guide, "Using the Lambda Extensions API to create extensions"; the types of errors
are those of AWS's runtime interface emulator.
"""

import json
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from daypass.workers.function import Event, FunctionSpec

PREFIX: Final = "/2020-01-01/extension/"
# Seconds that extensions have to end after they were told to.
FAREWELL: Final = 2.0
_MOST: Final = 10
_EVENTS: Final = frozenset({"INVOKE", "SHUTDOWN"})
_ACCEPTED: Final = {"status": "OK"}

Answer = tuple[int, Mapping[str, str], Mapping[str, Any]]


class Waiting(Protocol):
    """A connection whose request is answered when there is an event."""

    def answer(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None: ...


class Request(Protocol):
    """What of a request is read here."""

    method: str
    body: bytes
    extension_name: str
    extension_id: str
    extension_error: str
    accept_feature: str


@dataclass(slots=True, eq=False)
class _Extension:
    """pending: events it has not come for yet. asked: it has come for its first."""

    name: str
    events: frozenset[str]
    waiting: Waiting | None = None
    pending: deque[Mapping[str, Any]] = field(default_factory=deque)
    asked: bool = False


class Extensions:
    """The extensions of one environment.

    expected: those that were started with it, by name; they must have registered and come for
    their first event before it is initialised. changed: told when one came, asked or left.
    failed: told the payload and the type of an error that one reported.
    """

    def __init__(
        self,
        function: FunctionSpec,
        expected: Sequence[str],
        changed: Callable[[], None],
        failed: Callable[[bytes, str], None],
    ) -> None:
        self._function = function
        self._expected = frozenset(expected)
        self._changed = changed
        self._failed = failed
        self._registered: dict[str, _Extension] = {}
        self._open = True

    def ready(self) -> bool:
        """Whether all of them have come for their first event."""
        names = {extension.name for extension in self._registered.values()}
        return self._expected <= names and all(one.asked for one in self._registered.values())

    def idle(self) -> bool:
        """Whether all that hear of invocations are done with the last one."""
        return all(
            one.waiting is not None for one in self._registered.values() if "INVOKE" in one.events
        )

    def close_registration(self) -> None:
        """The environment is initialised."""
        self._open = False

    def invoke(self, event: Event, function_arn: str, deadline: float) -> None:
        self._tell(
            {
                "eventType": "INVOKE",
                "deadlineMs": int(deadline * 1000),
                "requestId": event.request_id,
                "invokedFunctionArn": function_arn,
                "tracing": {"type": "X-Amzn-Trace-Id", "value": event.trace_id},
            }
        )

    def shut_down(self, reason: str, deadline: float) -> bool:
        """Tell them to end; whether any hears it. reason: spindown, timeout or failure."""
        return self._tell(
            {
                "eventType": "SHUTDOWN",
                "shutdownReason": reason,
                "deadlineMs": int(deadline * 1000),
            }
        )

    def _tell(self, event: Mapping[str, Any]) -> bool:
        told = [one for one in self._registered.values() if event["eventType"] in one.events]
        for extension in told:
            extension.pending.append(event)
            self._hand_over(extension)
        return bool(told)

    def _hand_over(self, extension: _Extension) -> None:
        if extension.waiting is not None and extension.pending:
            waiting, extension.waiting = extension.waiting, None
            event = extension.pending.popleft()
            identifier = {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())}
            waiting.answer(200, event, identifier)

    # -- what they ask -----------------------------------------------------------------------

    def left(self, connection: Waiting) -> None:
        """A connection was closed: an extension that waited on it waits no more."""
        for identifier, extension in list(self._registered.items()):
            if extension.waiting is connection:
                del self._registered[identifier]
                self._changed()

    def answer(self, connection: Waiting, path: str, request: Request) -> None:
        if request.method == "POST" and path == "register":
            status, headers, body = self._register(request)
            connection.answer(status, body, headers)
            return
        extension = self._registered.get(request.extension_id)
        if extension is None:
            connection.answer(403, self._unknown(request.extension_id))
        elif request.method == "GET" and path == "event/next":
            if extension.waiting is not None:
                why = f"The extension {extension.name} waits for an event already."
                connection.answer(403, _error("Extension.InvalidExtensionState", why))
                return
            extension.waiting = connection
            extension.asked = True
            self._hand_over(extension)
            self._changed()
        elif request.method == "POST" and path in {"init/error", "exit/error"}:
            connection.answer(202, _ACCEPTED)
            self._failed(request.body, request.extension_error or "Extension.Unknown")
        else:
            connection.answer(404, _error("NotFound", "Unknown path"))

    def _register(self, request: Request) -> Answer:
        if not request.extension_name:
            return _refused("Extension.InvalidExtensionName", "Empty extension name")
        try:
            events = json.loads(request.body)["events"]
            wanted = frozenset(events)
        except (ValueError, KeyError, TypeError, RecursionError):
            return _refused("InvalidRequestFormat", "The body names no events.")
        if not wanted <= _EVENTS:
            return _refused("Extension.InvalidEventType", "Events are INVOKE and SHUTDOWN.")
        if not self._open:
            return _refused("Extension.RegistrationClosed", "The function is initialised already.")
        names = {one.name for one in self._registered.values()}
        if len(names) >= _MOST or request.extension_name in names:
            return _refused("Extension.TooManyExtensions", f"At most {_MOST}, each once.")
        identifier = str(uuid.uuid4())
        self._registered[identifier] = _Extension(request.extension_name, wanted)
        function = self._function
        body = {
            "functionName": function.name,
            "functionVersion": function.version,
            "handler": function.handler,
        }
        if "accountId" in request.accept_feature:
            body["accountId"] = function.arn.split(":")[4]
        return 200, {"Lambda-Extension-Identifier": identifier}, body

    def _unknown(self, identifier: str) -> Mapping[str, str]:
        if not identifier:
            return _error("Extension.MissingExtensionIdentifier", "Missing identifier")
        try:
            uuid.UUID(identifier)
        except ValueError:
            return _error("Extension.InvalidExtensionIdentifier", "Invalid identifier")
        return _error("Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")


def _refused(error_type: str, message: str) -> Answer:
    return 403, {}, _error(error_type, message)


def _error(error_type: str, message: str) -> Mapping[str, str]:
    return {"errorMessage": message, "errorType": error_type}
