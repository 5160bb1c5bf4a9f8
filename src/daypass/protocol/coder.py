"""How one operation's input is read and its output written, compiled once from the model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Body, Request, Response
from daypass.protocol.shapes import OperationModel


@dataclass(frozen=True, slots=True)
class Coder:
    """decode: request, path and body to validated members. encode: output and request id.

    streams: the body is passed through to a member unread.
    """

    streams: bool
    decode: Callable[[Request, str, bytes | Body], dict[str, Any]]
    encode: Callable[[Mapping[str, Any] | None, str], Response]


class WireProtocol(Protocol):
    """One of AWS's wire protocols, for one service."""

    def route(self, request: Request, path: str, body: bytes, /) -> str:
        """The name of the operation asked for. Raises `ServiceError`."""

    def compile(self, operation: OperationModel, /) -> Coder:
        """The coder of an operation."""

    def unsupported(self, operation: str, /) -> ServiceError:
        """The error for an operation that exists at AWS and not here; it names the operation."""

    def encode_error(self, error: ServiceError, request: Request, request_id: str, /) -> Response:
        """The answer that carries an error."""
