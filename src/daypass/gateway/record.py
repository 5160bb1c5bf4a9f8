"""The record step: a change is in the audit trail before it is answered, all else soon after."""

from collections.abc import Mapping
from typing import Any

from daypass.audit import Trail
from daypass.gateway.audit_event import AuditEvents, service_event
from daypass.gateway.issue import Issued
from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Service
from daypass.protocol.errors import ServiceError
from daypass.tokens import Session


class Recorder:
    """Writes the requests of one node into its trail."""

    __slots__ = ("_events", "_node", "_trail")

    def __init__(self, node: Node) -> None:
        self._node = node
        self._trail: Trail = node.trail
        self._events = AuditEvents(node)

    async def writable(self) -> None:
        """Raises `TrailError` where a change could not be recorded: then it must not be made."""
        await self._trail.writable()

    async def change(self, service: Service, call: Call, output: Mapping[str, Any] | None) -> None:
        """Record what was done. Raises `TrailError`: then the output must not leave the server."""
        issued = self._issued(output)
        if issued is not None:
            self._node.limits.issued(issued)
        await self._trail.record(self._events.success(service, call, output, issued))

    def note(self, service: Service, call: Call, output: Mapping[str, Any] | None) -> None:
        """Record what was read, or changed of data alone: nobody waits for it."""
        self._trail.note(self._events.success(service, call, output, None))

    def refusal(self, service: Service, call: Call, error: ServiceError) -> None:
        """Record what was refused or failed. Nothing came of it, so nobody waits for it."""
        self._trail.note(self._events.refusal(service, call, error))

    def _issued(self, output: Mapping[str, Any] | None) -> Session | None:
        """The session whose credentials an output hands out: what leaves counts."""
        credentials = (output or {}).get("Credentials")
        token = credentials.get("SessionToken") if credentials else None
        return self._node.keys.open(token) if token else None


async def record_service_session(node: Node, service: str, role_arn: str, issued: Issued) -> None:
    """Record a session that a service takes for itself. Raises `TrailError`: do not use it then."""
    await node.trail.record(
        service_event(node, service, role_arn, issued.session, issued.session.issued)
    )
