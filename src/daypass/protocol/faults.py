"""The errors of a protocol itself, before any operation runs, in each service's own wording."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Request
from daypass.protocol.shapes import Member
from daypass.protocol.validation import Problem


@dataclass(frozen=True, slots=True)
class Misrouted:
    """Why a request to a REST service names no operation.

    labels: how many pieces of the path were names (0 the service, 1 a bucket, 2 an object).
    subresources: query names that select an operation. conflict: they exclude one another.
    """

    labels: int
    known_path: bool
    subresources: tuple[str, ...] = ()
    conflict: bool = False


class RestFaults(Protocol):
    """How a REST service words what is wrong with a request."""

    def misrouted(self, request: Request, path: str, why: Misrouted, /) -> ServiceError:
        """No operation has this method, path and query."""

    def malformed_uri(self, detail: str, /) -> ServiceError:
        """The path or query is not percent-encoded UTF-8."""

    def malformed_body(self, detail: str, /) -> ServiceError:
        """The body is not what the model says, in its form."""

    def malformed_value(self, member: Member, text: str, /) -> ServiceError:
        """A header or query value is not of its type."""

    def repeated(self, member: Member, /) -> ServiceError:
        """A header or query parameter with one value came more than once."""

    def invalid(self, members: dict[str, Member], problems: Sequence[Problem], /) -> ServiceError:
        """The input is of the right form and breaks constraints of the model."""

    def unsupported(self, operation: str, /) -> ServiceError:
        """The operation exists at AWS and not here."""
