"""Daypass's own API for sessions: what AWS has no operation for."""

from pathlib import Path

from daypass.gateway.operation import Service
from daypass.protocol import load_model_file
from daypass.services.sessions import explain_request, get_limits, list_sessions, revoke_sessions
from daypass.services.sessions.upkeep import follow_trail, keep_house
from daypass.sigv4 import Dialect

__all__ = ["SERVICE", "follow_trail", "keep_house"]

_OPERATIONS = (
    *list_sessions.OPERATIONS,
    revoke_sessions.OPERATION,
    get_limits.OPERATION,
    explain_request.OPERATION,
)

SERVICE = Service(
    name="daypass",
    codec=load_model_file(Path(__file__).parent / "service-2.json"),
    operations={operation.name: operation for operation in _OPERATIONS},
    dialect=Dialect.JSON,
    denied="AccessDeniedException",
)
