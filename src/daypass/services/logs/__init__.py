"""Amazon CloudWatch Logs: the groups and streams that functions write to, read and tailed."""

from typing import Final

from daypass.gateway.operation import Service
from daypass.protocol import load_model
from daypass.services.logs import events, groups, streams
from daypass.services.logs.upkeep import keep_house
from daypass.sigv4 import Dialect

__all__ = ["SERVICE", "keep_house"]

# Bytes of a PutLogEvents request: a batch of 1 MiB, escaped in JSON.
_BODY_LIMIT: Final = 6 * 1024 * 1024

SERVICE: Final = Service(
    name="logs",
    codec=load_model("logs"),
    operations={
        operation.name: operation
        for operation in (*groups.OPERATIONS, *streams.OPERATIONS, *events.OPERATIONS)
    },
    dialect=Dialect.JSON,
    denied="AccessDeniedException",
    body_limit=_BODY_LIMIT,
)
