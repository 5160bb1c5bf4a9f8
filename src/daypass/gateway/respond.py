"""One request's way through: locate, authenticate, decode, authorize, perform, encode, record."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from daypass.audit import TrailError
from daypass.gateway.authenticate import ANONYMOUS, authenticate
from daypass.gateway.authorization_message import encode_authorization_message
from daypass.gateway.authorize import RequestContext, decide
from daypass.gateway.caller import Caller
from daypass.gateway.diagnose import Diagnoses
from daypass.gateway.holder import Holders
from daypass.gateway.limits import Expiring, LimitExceededError
from daypass.gateway.locate import Services, Target, locate
from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Effect, Operation, Permission, Service
from daypass.gateway.record import Recorder
from daypass.gateway.request_id import new_request_id
from daypass.policy import Decision
from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Body, BodyTooLargeError, Request, Response
from daypass.sigv4 import (
    BodyVerifier,
    Dialect,
    Presented,
    Reason,
    Refusal,
    Verified,
    body_verifier,
    parse,
)
from daypass.store.issued import count_expiring

_log = logging.getLogger("daypass.requests")

_EXPLANATION = "x-daypass-explanation"
# For sts:DecodeAuthorizationMessage.
_AUTHORIZATION_MESSAGE = "x-daypass-authorization-message"
# Bytes read into memory for an access key that does not exist.
_STRANGERS_BODY = 1024 * 1024
# Bytes read into memory of an unsigned request whose body may carry a token: a SAML assertion of
# 100,000 characters, percent-encoded, is the longest.
_UNSIGNED_BODY = 256 * 1024
# Clients refuse header lines of more than about 8 KB.
_EXPLANATION_CHARACTERS = 2000
# What a credential is refused for that nobody made, or that is used without its secret. One that
# was good once is no guess.
_PROVES_NOTHING = frozenset(
    {Reason.SIGNATURE_MISMATCH, Reason.UNKNOWN_ACCESS_KEY, Reason.INVALID_TOKEN}
)

_TOKEN_PROVES_NOTHING = frozenset({"InvalidIdentityToken", "IDPRejectedClaim"})


@dataclass(frozen=True, slots=True)
class Gateway:
    """What one process answers requests with. explain: refusals say why to the refused."""

    node: Node
    services: Services
    explain: bool
    holders: Holders = field(default_factory=Holders)
    diagnoses: Diagnoses = field(default_factory=Diagnoses)
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "recorder", Recorder(self.node))


@dataclass(slots=True)
class Attempt:
    """What becomes known of a request on its way. claims: the access key it says it is signed
    with, "" if none. call: from when it is known whose it is."""

    claims: str = ""
    call: Call | None = None


class DeniedError(Exception):
    """The policies do not allow what the operation needs."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.message())
        self.decision = decision


async def respond(gateway: Gateway, request: Request) -> Response:
    """The answer to a request, whatever it holds. Raises only what the transport raised."""
    request_id = new_request_id()
    target = locate(gateway.services, request)
    service = target.service
    attempt = Attempt()
    explanation = encoded = detail = ""
    try:
        gateway.node.store.refresh()
        early = service.early and service.early(gateway.node, request, target.path)
        response = early or await _serve(gateway, request, target, request_id, attempt)
    except ServiceError as error:
        refused = error
    except LimitExceededError as exceeded:
        refused = _throttled(service, str(exceeded))
    except Refusal as refusal:
        refused = _refused(refusal, service)
        if attempt.claims and refusal.reason in _PROVES_NOTHING:
            gateway.node.limits.failed(request.client, attempt.claims)
        explanation = await gateway.diagnoses.explain(
            gateway.node, gateway.holders, request, service, refusal
        )
    except DeniedError as denied:
        refused = _denied(denied.decision, service)
        explained = denied.decision.explain()
        explanation = explained.short()
        detail = explained.full() if gateway.node.refusals.takes_detail() else ""
        encoded = encode_authorization_message(gateway.node, explained)
    except BodyTooLargeError as error:
        refused = _too_large(service, error.args[0])
    except TrailError:
        refused = _unrecorded()
    except ConnectionError:
        raise
    except Exception:
        # The traceback stays here; it names code, never a value of the request.
        _log.exception("request %s failed: %s %s", request_id, request.method, target.path)
        refused = ServiceError("InternalFailure", "An internal error occurred.", 500)
    else:
        _name_request(response, request_id, service)
        return response
    response = service.codec.encode_error(refused, request, request_id)
    if explanation and gateway.explain:
        response.headers.append(
            (_EXPLANATION, quote(explanation, " /:'\",()=*$<>-")[:_EXPLANATION_CHARACTERS])
        )
    if encoded:
        response.headers.append((_AUTHORIZATION_MESSAGE, encoded))
    _name_request(response, request_id, service)
    _log_refusal(request, target, request_id, refused, explanation)
    gateway.node.refusals.note(
        _refusal(gateway.node, request, target, attempt, request_id, refused)
        | {"Explanation": explanation, "Detail": detail}
    )
    if attempt.call is not None:
        gateway.recorder.refusal(service, attempt.call, refused)
    return response


async def _serve(
    gateway: Gateway, request: Request, target: Target, request_id: str, attempt: Attempt
) -> Response:
    node, service, codec = gateway.node, target.service, target.service.codec
    now = node.clock()
    operation, caller, body = await _authenticated(gateway, request, target, attempt, now)
    if caller.session is not None:
        node.last_uses.note(caller.session.accessor, now, request.client)
    context: RequestContext | None = None

    def decision_on(permission: Permission) -> Decision:
        nonlocal context
        if context is None:
            context = RequestContext(node, call.caller, request, now)
        return decide(node, call.caller, context, permission)

    call = Call(
        node=node,
        operation=operation,
        caller=caller,
        input={},
        request=request,
        request_id=request_id,
        now=now,
        decide=decision_on,
    )
    attempt.call = call
    call.input = codec.decode(operation.name, request, target.path, body)
    if operation.unsigned:
        call.caller = await _prove_unsigned(call)
    elif operation.prove is not None:
        call.caller = await operation.prove(call)
    _authorize(call, operation.needs(call))
    if operation.issues:
        node.limits.admit(call.caller, request.client, now, partial(_expiring, node, now))
    changes = operation.effect is Effect.CHANGE
    if changes:
        await gateway.recorder.writable()
    output = await operation.perform(call)
    response = codec.encode(operation.name, output, request_id)
    # INVARIANT: a change, an issued credential included, is on record or is not answered.
    if changes:
        await gateway.recorder.change(service, call, output)
    else:
        gateway.recorder.note(service, call, output)
    return response


async def _authenticated(
    gateway: Gateway, request: Request, target: Target, attempt: Attempt, now: float
) -> tuple[Operation, Caller, bytes | Body]:
    """What is asked for, who asks, and the body, checked or checked as it is read."""
    node, service, path = gateway.node, target.service, target.path
    open_to_all = service.unsigned is not None and service.unsigned(node, path)
    anonymous = service.anonymous or open_to_all
    presented = None if open_to_all else _presented(request, service)
    if presented is not None:
        attempt.claims = presented.access_key_id
        node.limits.refuse_locked_out(request.client, attempt.claims)
    body: bytes | Body
    if service.dialect is Dialect.S3:
        # The signature is checked before the body is read: a refusal comes before an upload.
        operation = _operation(service, service.codec.route(request, path, b""))
        caller, body = _authenticate_stream(gateway, request, presented, service, now)
        if not service.codec.streams(operation.name):
            _refuse_chunks(caller.signature)
            body = await body.read(service.body_limit)
    else:
        limit = service.body_limit
        if not anonymous:
            limit = _body_limit(gateway, service, presented, request.body.length, now)
        body = await request.body.read(limit)
        caller = ANONYMOUS
        if presented is None and not anonymous:
            operation = _unsigned_operation(service, request, path, body)
        else:
            operation = _operation(service, service.codec.route(request, path, body))
        if presented is not None:
            digest = sha256(body).hexdigest()
            caller = authenticate(node, gateway.holders, presented, service.name, digest, now)
    if presented is not None:
        node.limits.succeeded(request.client, attempt.claims)
    return operation, caller, body


def _presented(request: Request, service: Service) -> Presented | None:
    """The authentication a request carries; None only where an unsigned caller is let through."""
    presented = parse(
        request.method,
        request.path,
        request.query,
        request.headers,
        request.repeated,
        dialect=service.dialect,
    )
    if presented is None and not (service.anonymous or _has_unsigned_operations(service)):
        raise Refusal(Reason.MISSING_AUTHENTICATION)
    return presented


def _has_unsigned_operations(service: Service) -> bool:
    return any(operation.unsigned for operation in service.operations.values())


def _body_limit(
    gateway: Gateway, service: Service, presented: Presented | None, length: int | None, now: float
) -> int:
    """Bytes to read before the signature can be checked. Strangers are read little of."""
    if presented is None:
        return _UNSIGNED_BODY
    if length is not None and length <= _STRANGERS_BODY:
        return service.body_limit
    if gateway.holders.find(gateway.node, presented, now) is None:
        return min(service.body_limit, _STRANGERS_BODY)
    return service.body_limit


def _operation(service: Service, name: str) -> Operation:
    operation = service.operations.get(name)
    if operation is None:
        raise service.codec.unsupported(name)
    return operation


def _unsigned_operation(service: Service, request: Request, path: str, body: bytes) -> Operation:
    """The operation of a request without a signature: one whose input proves the caller."""
    try:
        operation = service.operations.get(service.codec.route(request, path, body))
    except ServiceError:
        operation = None
    # INVARIANT: that some operations need no signature relaxes nothing for any other.
    if operation is None or not operation.unsigned:
        raise Refusal(Reason.MISSING_AUTHENTICATION)
    return operation


async def _prove_unsigned(call: Call) -> Caller:
    """The caller whom a token in the input proves. Raises `ServiceError`, and after many in a row
    that prove nothing `LimitExceededError`."""
    operation, limits, address = call.operation, call.node.limits, call.request.client
    assert operation.prove is not None
    limits.refuse_locked_out(address, operation.name)
    try:
        caller = await operation.prove(call)
    except ServiceError as error:
        if error.code in _TOKEN_PROVES_NOTHING:
            limits.failed(address, operation.name)
        raise
    limits.succeeded(address, operation.name)
    return caller


def _expiring(node: Node, now: float, principal: str) -> Expiring:
    return count_expiring(node.store.reader, principal, now)


def _authenticate_stream(
    gateway: Gateway,
    request: Request,
    presented: Presented | None,
    service: Service,
    now: float,
) -> tuple[Caller, Body]:
    caller = ANONYMOUS
    verified: Verified | None = None
    if presented is not None:
        caller = authenticate(gateway.node, gateway.holders, presented, service.name, None, now)
        verified = caller.signature
    verifier = body_verifier(verified, request.headers)
    return caller, _verified_body(request.body, verifier)


def _refuse_chunks(signature: Verified | None) -> None:
    # S3 takes chunks for uploads alone: what is not signed of a body must not be a command.
    if signature is not None and signature.payload.streaming:
        raise Refusal(
            Reason.PAYLOAD_MODE_NOT_ALLOWED,
            f"{signature.payload.declared} is for uploads; this operation takes no stream.",
        )


def _verified_body(body: Body, verifier: BodyVerifier) -> Body:
    """The body as what was signed says it is: no piece of it is given out unless it was checked.

    Where one hash covers the whole, the end is given out only after it was found right.
    """
    ready: deque[bytes] = deque()
    ended = False

    async def next_piece() -> bytes:
        nonlocal ended
        while not ready:
            if ended:
                return b""
            piece = await body.next_piece()
            if piece:
                ready.extend(verifier.feed(piece))
            else:
                verified.trailers = verifier.finish()
                ended = True
        return ready.popleft()

    length = verifier.decoded_length
    verified = Body(next_piece, body.length if length is None else length)
    return verified


def _authorize(call: Call, permissions: Sequence[Permission]) -> None:
    for permission in permissions:
        decision = call.decide(permission)
        if not decision.allowed:
            raise DeniedError(decision)


def _refused(refusal: Refusal, service: Service) -> ServiceError:
    error = refusal.error(service.dialect)
    return ServiceError(error.code, error.message, error.status, fields=error.fields)


def _denied(decision: Decision, service: Service) -> ServiceError:
    return ServiceError(service.denied, decision.message(), 403)


def _unrecorded() -> ServiceError:
    # The trail itself tells the operator why.
    return ServiceError(
        "ServiceUnavailable",
        "The request has failed due to a temporary failure of the server.",
        503,
    )


def _throttled(service: Service, message: str) -> ServiceError:
    if service.dialect is Dialect.S3:
        return ServiceError("SlowDown", message, 503)
    if service.dialect is Dialect.JSON:
        return ServiceError("TooManyRequestsException", message, 429)
    return ServiceError("Throttling", message, 400)


def _too_large(service: Service, limit: int) -> ServiceError:
    message = f"Request must be smaller than {limit} bytes."
    if service.dialect is Dialect.S3:
        return ServiceError("EntityTooLarge", message, 400)
    if service.dialect is Dialect.JSON:
        return ServiceError("RequestTooLargeException", message, 413)
    return ServiceError("RequestEntityTooLarge", message, 413)


def _name_request(response: Response, request_id: str, service: Service) -> None:
    if service.dialect is Dialect.S3:
        response.headers += [("x-amz-request-id", request_id), ("x-amz-id-2", request_id)]
    else:
        response.headers.append(("x-amzn-requestid", request_id))


def _refusal(
    node: Node,
    request: Request,
    target: Target,
    attempt: Attempt,
    request_id: str,
    refused: ServiceError,
) -> dict[str, Any]:
    """What is kept of a refusal. Nothing of a signature, a token or a query is in it."""
    call = attempt.call
    return {
        "RequestId": request_id,
        "Time": int(node.clock()),
        "Service": target.service.name,
        "Operation": call.operation.name if call else "",
        "Method": request.method,
        "Path": quote(target.path, "/%"),
        "Client": request.client,
        "Principal": call.caller.principal.arn if call else "",
        "AccessKeyId": attempt.claims,
        "Status": refused.status,
        "Code": refused.code,
        "Message": refused.message,
    }


def _log_refusal(
    request: Request, target: Target, request_id: str, refused: ServiceError, explanation: str
) -> None:
    """One line for the operator. Nothing of a signature, a token or a query is in it."""
    _log.info(
        "%s %s %s %s %s %s: %s",
        request_id,
        request.client,
        target.service.name,
        request.method,
        quote(target.path, "/%"),
        refused.code,
        explanation or refused.message,
    )
