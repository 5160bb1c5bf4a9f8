"""Daypass's own API for sessions: what AWS has no operation for."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from daypass.gateway.operation import Call, Operation, Permission, Service
from daypass.protocol import load_model_file
from daypass.protocol.errors import ServiceError
from daypass.services.sessions import explain_request, get_limits, list_sessions, revoke_sessions
from daypass.services.sessions.upkeep import follow_trail, keep_house
from daypass.sigv4 import Dialect
from daypass.tokens import of_a_function

__all__ = ["SERVICE", "follow_trail", "keep_house"]

_OPERATIONS = (
    *list_sessions.OPERATIONS,
    revoke_sessions.OPERATION,
    get_limits.OPERATION,
    explain_request.OPERATION,
)


def _not_for_functions(operation: Operation) -> Operation:
    return replace(operation, needs=partial(_needs, operation))


def _needs(operation: Operation, call: Call) -> Sequence[Permission]:
    # INVARIANT: what a function got as a function does not administer the server, whatever
    # policies say, where the network does not keep it away already.
    session = call.caller.session
    if session is not None and of_a_function(session):
        raise ServiceError(
            "AccessDeniedException", "The administration of the server is not for functions.", 403
        )
    return operation.needs(call)


SERVICE = Service(
    name="daypass",
    codec=load_model_file(Path(__file__).parent / "service-2.json"),
    operations={operation.name: _not_for_functions(operation) for operation in _OPERATIONS},
    dialect=Dialect.JSON,
    denied="AccessDeniedException",
)
