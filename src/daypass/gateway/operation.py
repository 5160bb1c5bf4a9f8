"""What an operation is: declared once, read by parsing, authorization, audit and documentation."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from daypass.gateway.caller import Caller
from daypass.policy import Decision, PolicySet
from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Body, Request, Response
from daypass.sigv4 import Dialect

if TYPE_CHECKING:
    from daypass.gateway.node import Node


# Final and not frozen: see docs/decisions/final-fields.md.
@dataclass(slots=True)
class Permission:
    """One thing that must be allowed before an operation runs.

    action: "s3:GetObject". resource: its ARN, or "*" for actions without resource types.
    context: the service's own condition keys, lower-case names. resource_policy: the compiled
    policy on the resource, if it has one. resource_account: its owner, default the node's
    account. resource_must_allow: the resource's policy must itself allow (role trust policies).
    """

    action: Final[str]
    resource: Final[str]
    context: Final[Mapping[str, str | Sequence[str]]] = field(default_factory=dict)
    resource_policy: Final[PolicySet | None] = None
    resource_account: Final[str] = ""
    resource_must_allow: Final[bool] = False


@dataclass(slots=True)
class Call:
    """One verified, decoded request to an operation, as its handler sees it.

    input: members by their names in the service model, validated; a streaming member is a
    `Body` whose bytes are verified as they are read. now: Unix seconds. decide: asks for one
    more permission (HEAD of a missing key), without refusing.
    """

    node: "Node"
    operation: "Operation"
    caller: Caller
    input: dict[str, Any]
    request: Request
    request_id: str
    now: float
    decide: Callable[[Permission], Decision]

    @property
    def account_id(self) -> str:
        """The account in which the operation acts: the caller's, or the node's if anonymous."""
        return self.caller.principal.account or self.node.account_id


Output = Mapping[str, Any] | None


class Effect(StrEnum):
    """What a success leaves behind, which decides how the audit trail has it.

    CHANGE: another configuration or identity, or credentials in somebody's hands; it is on record
    before it is answered, or not answered. READ: nothing. DATA_READ, DATA_CHANGE: what is stored
    and run here, not who may reach it (CloudTrail's data events). All but CHANGE are recorded
    soon after the answer, and counted where that fails.
    """

    CHANGE = "change"
    READ = "read"
    DATA_READ = "data-read"
    DATA_CHANGE = "data-change"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: its name in the service model, what it needs allowed, and what it does.

    `needs` reads the call (input, caches) and names every permission; all must be allowed. An
    empty answer means that any authenticated caller may. prove: checks what the input proves of
    the caller beside the signature (an MFA code), and gives the caller with it, whom all
    permissions are then asked for. It runs first. unsigned: the operation may be called without
    a signature, because `prove` alone says who calls, by a token in the input; it gives an
    `external_caller`, and `needs` asks with `resource_must_allow`. issues: a success puts
    credentials or a token into somebody's hands, which is limited. effect: CHANGE unless declared
    otherwise, so that what nobody thought of is recorded with the most care.
    """

    name: str
    needs: Callable[[Call], Sequence[Permission]]
    perform: Callable[[Call], Awaitable[Output]]
    prove: Callable[[Call], Awaitable[Caller]] | None = None
    unsigned: bool = False
    issues: bool = False
    effect: Effect = Effect.CHANGE

    def __post_init__(self) -> None:
        # INVARIANT: what may be called unsigned proves its caller itself.
        if self.unsigned and self.prove is None:
            raise TypeError(f"{self.name} may be called unsigned and proves no caller.")


class Codec(Protocol):
    """How a service reads requests and writes answers; `protocol.ServiceModel` is the usual one.

    path is the raw path with the bucket in it, whatever the host style was.
    """

    def route(self, request: Request, path: str, body: bytes) -> str:
        """The operation's name. Raises `ServiceError` for one that does not exist."""

    def streams(self, operation: str) -> bool:
        """Whether the operation takes its body as a stream."""

    def decode(
        self, operation: str, request: Request, path: str, body: "bytes | Body"
    ) -> dict[str, Any]:
        """The validated input. Raises `ServiceError`."""

    def encode(self, operation: str, output: Output, request_id: str) -> Response:
        """The answer."""

    def encode_error(self, error: ServiceError, request: Request, request_id: str) -> Response:
        """The answer that carries this error."""

    def record_input(self, operation: str, decoded: Mapping[str, Any]) -> dict[str, Any]:
        """What of an input may be written down: nothing secret, and no content of others."""

    def record_output(self, operation: str, output: Output) -> dict[str, Any]:
        """The same of an output."""

    def unsupported(self, operation: str) -> ServiceError:
        """The error for an operation that exists at AWS and not here; it names the operation."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its name in credential scopes, how it speaks, and what it can do.

    dialect: how refusals are worded, and whether S3's rules for paths and payloads hold.
    anonymous: unsigned requests are let through to authorization, where only a resource policy
    can allow them. denied: the error code of a refusal. body_limit: bytes of a body that is read
    whole. early: answers what needs no authentication (a CORS preflight), else None. unsigned:
    whether requests for a path are anonymous whatever they carry (a Function URL of AuthType
    NONE, where `Authorization` belongs to the function).
    """

    name: str
    codec: Codec
    operations: Mapping[str, Operation]
    dialect: Dialect
    anonymous: bool = False
    denied: str = "AccessDenied"
    body_limit: int = 1024 * 1024
    early: "Callable[[Node, Request, str], Response | None] | None" = None
    unsigned: "Callable[[Node, str], bool] | None" = None
