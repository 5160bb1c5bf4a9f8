"""The Python runtime: AWS's own `awslambdaric.bootstrap`, talking frames instead of HTTP.

Marshalling, logging and the shapes of errors are therefore AWS's. Its native HTTP client is left
out, which saves its start-up time and lets everything else be loaded before the fork.
"""

import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

from daypass.runtime import frames
from daypass.runtime.frames import Kind

if TYPE_CHECKING:
    from awslambdaric.lambda_runtime_client import InvocationRequest


# What awslambdaric.bootstrap reads when it is loaded, before there is a function's environment.
_READ_WHEN_LOADED: Final = {"AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL"}


class ChannelClosedError(Exception):
    """The server closed the channel: this environment is not needed any more."""


def run(handler: str, connection: socket.socket) -> int:
    """Serve invocations of `handler` until the channel closes; the exit status of the process."""
    # awslambdaric takes an absent native client as it is and never calls it.
    sys.modules["runtime_client"] = cast("ModuleType", None)
    if _READ_WHEN_LOADED & os.environ.keys():
        _forget_bootstrap()
    from awslambdaric import bootstrap  # noqa: PLC0415 - may be the function's own

    with contextlib.suppress(ChannelClosedError):
        bootstrap.run(handler, FrameClient(connection))
    return 0


def _forget_bootstrap() -> None:
    """Have it loaded again, if it was loaded before the fork."""
    if sys.modules.pop("awslambdaric.bootstrap", None) is not None:
        del vars(sys.modules["awslambdaric"])["bootstrap"]


class FrameClient:
    """The runtime client that `awslambdaric.bootstrap` expects."""

    def __init__(self, connection: socket.socket) -> None:
        # After the fork, for the reason above; `run` has loaded them.
        from awslambdaric.lambda_runtime_client import InvocationRequest  # noqa: PLC0415
        from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller  # noqa: PLC0415

        self.marshaller = LambdaMarshaller()
        self._request = InvocationRequest
        self._connection = connection
        self._ready = False

    def wait_next_invocation(self) -> "InvocationRequest":
        if not self._ready:
            self._send(Kind.READY, {}, b"")
            self._ready = True
        try:
            frame = frames.receive(self._connection)
        except ConnectionResetError as error:
            raise ChannelClosedError from error
        if frame is None:
            raise ChannelClosedError
        _, head, body = frame
        return self._request(
            invoke_id=head["id"],
            x_amzn_trace_id=head["trace_id"],
            invoked_function_arn=head["arn"],
            deadline_time_in_ms=head["deadline_ms"],
            client_context=head["client_context"],
            cognito_identity=None,
            tenant_id=None,
            content_type="application/json",
            event_body=body,
            invocation_id=None,
        )

    def post_invocation_result(
        self,
        invoke_id: str,
        result_data: str | bytes,
        content_type: str = "application/json",
        invocation_id: str | None = None,  # noqa: ARG002 - of the interface
    ) -> None:
        body = result_data if isinstance(result_data, bytes) else result_data.encode()
        self._send(Kind.RESPONSE, {"id": invoke_id, "content_type": content_type}, body)

    def post_invocation_error(
        self,
        invoke_id: str,
        error_response_data: str,
        xray_fault: str,  # noqa: ARG002 - of the interface
        invocation_id: str | None = None,  # noqa: ARG002
    ) -> None:
        self._send(Kind.ERROR, {"id": invoke_id}, error_response_data.encode())

    def post_init_error(
        self,
        error_response_data: Mapping[str, Any],
        error_type_override: str | None = None,  # noqa: ARG002 - of the interface
    ) -> None:
        self._send(Kind.INIT_ERROR, {}, json.dumps(error_response_data).encode())

    def _send(self, kind: Kind, head: Mapping[str, object], body: bytes) -> None:
        try:
            frames.send(self._connection, kind, head, body)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ChannelClosedError from error
