"""Where the SDKs in an environment renew its credentials: the container credential provider.

AWS SDKs and Tools Reference Guide, "Container credential provider". Lambda itself answers so, at
this path, where environments outlive credentials (SnapStart). One listener an environment, and a
token that only it knows.
"""

import asyncio
import datetime
import hmac
import json
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from daypass.workers.function import Credentials
from daypass.workers.runtime_api import Address

PATH: Final = "/2021-04-23/credentials"
_HEAD_LIMIT: Final = 16 * 1024
_SECONDS: Final = 10.0
_REASONS: Final = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"} | {
    500: "Internal Server Error"
}

_log = logging.getLogger("daypass.functions")

Answer = tuple[int, Mapping[str, str]]


class CredentialEndpoint:
    """The credentials of one environment, renewed when half of their life is over.

    issue: makes new ones. admits: whether who connects, from an address to an address, is of the
    environment.
    """

    def __init__(
        self,
        credentials: Credentials,
        issue: Callable[[], Awaitable[Credentials]],
        admits: Callable[[Address, Address], Awaitable[bool]],
    ) -> None:
        self.token = secrets.token_urlsafe(32)
        self.address = ""
        self._credentials = credentials
        self._issue = issue
        self._admits = admits
        self._renewal = asyncio.Lock()
        self._server: asyncio.Server | None = None

    async def listen(self, own: socket.socket | None = None) -> None:
        """Answer on a port of loopback, or on this listening socket."""
        if own is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        else:
            self._server = await asyncio.start_server(self._serve, sock=own)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def usable(self) -> bool:
        """Whether what was given out last still counts, its end in time aside."""
        return self._credentials.standing()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                peer, own = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
                if await self._admits(peer, own):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(_format(*await self._answer(head)))
                    await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes) -> Answer:
        if len(head) > _HEAD_LIMIT:
            return _refuse(400, "InvalidRequest", "The request is too large.")
        line, *fields = head.decode("latin-1").split("\r\n")
        method, _, target = line.partition(" ")
        if method != "GET" or target.partition(" ")[0] != PATH:
            return _refuse(404, "NotFound", "There is nothing but credentials here.")
        given = ""
        for field in fields:
            name, _, value = field.partition(":")
            if name.lower() == "authorization":
                given = value.strip()
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return _refuse(403, "AccessDenied", "The authorization token is missing or wrong.")
        try:
            return 200, _show(await self._current())
        except Exception:
            _log.exception("An environment's credentials could not be renewed.")
            return _refuse(500, "InternalError", "The execution role cannot be assumed now.")

    async def _current(self) -> Credentials:
        async with self._renewal:
            if not self._credentials.fresh():
                self._credentials = await self._issue()
        return self._credentials


def _show(credentials: Credentials) -> Mapping[str, str]:
    expiration = datetime.datetime.fromtimestamp(credentials.expiration, datetime.UTC)
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token,
        "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _refuse(status: int, code: str, message: str) -> Answer:
    return status, {"code": code, "message": message}


def _format(status: int, body: Mapping[str, str]) -> bytes:
    text = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + text
