"""Daypass's own API for sessions: what AWS has no operation for."""

from pathlib import Path

from daypass.gateway.operation import Service
from daypass.protocol import load_model_file
from daypass.services.sessions import revoke_sessions
from daypass.sigv4 import Dialect

__all__ = ["SERVICE"]

SERVICE = Service(
    name="daypass",
    codec=load_model_file(Path(__file__).parent / "service-2.json"),
    operations={revoke_sessions.OPERATION.name: revoke_sessions.OPERATION},
    dialect=Dialect.JSON,
    denied="AccessDeniedException",
)
