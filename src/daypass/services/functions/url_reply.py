"""What a function returned, as the HTTP response of its URL.

Lambda developer guide, "Response payload format"; what is said there of a bare string is not what
Lambda does, which sends it without its quotes.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from daypass.protocol.message import Response

_JSON: Final = "application/json"
# RFC 9110, section 5.6.2 and 5.5: what a field's name and value may be.
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# RFC 9110, section 6.4.1: these have no content.
_BODILESS: Final = frozenset({204, 304})
# Of the connection, not of the answer; set by the server itself.
_CONNECTION_HEADERS: Final = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What only the platform says.
_PLATFORM_PREFIXES: Final = ("x-amzn-requestid", "x-amzn-trace-id", "x-daypass-")


class BadReplyError(Exception):
    """The function returned what is no response."""


def build_response(payload: bytes) -> Response:
    """The response. Raises `BadReplyError`."""
    try:
        reply = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadReplyError("The reply is not JSON.") from error
    if isinstance(reply, dict) and "statusCode" in reply:
        return _structured(reply)
    if isinstance(reply, str):
        return Response(200, [("content-type", _JSON)], _encode(reply))
    return Response(200, [("content-type", _JSON)], _encode(_compact(reply)))


def build_head(reply: Mapping[str, Any], *, content_type: str = _JSON) -> Response:
    """Status, headers and cookies of a reply. content_type: unless it says another. Raises
    `BadReplyError`."""
    headers = _headers(reply.get("headers"))
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", content_type))
    cookies = reply.get("cookies") or []
    if not isinstance(cookies, list):
        raise BadReplyError("The cookies are no list.")
    headers += [("set-cookie", _value(cookie)) for cookie in cookies]
    return Response(_status(reply["statusCode"]), headers)


def _structured(reply: Mapping[str, Any]) -> Response:
    response = build_head(reply)
    body = _body(reply.get("body"), encoded=reply.get("isBase64Encoded") is True)
    if response.status not in _BODILESS:
        response.body = body
    return response


def _status(given: object) -> int:
    """An HTTP status: a number, or text that is one."""
    if isinstance(given, str) and given.isascii() and given.isdigit():
        given = int(given[:4])
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool) or not 200 <= given <= 599:
        raise BadReplyError("The statusCode is no HTTP status.")
    return given


def _headers(given: object) -> list[tuple[str, str]]:
    if given is None:
        return []
    if not isinstance(given, dict):
        raise BadReplyError("The headers are no object.")
    headers = []
    for name, value in given.items():
        lowered = name.lower()
        if _TOKEN.fullmatch(name) is None:
            raise BadReplyError("A header's name is none.")
        if lowered not in _CONNECTION_HEADERS and not lowered.startswith(_PLATFORM_PREFIXES):
            headers.append((lowered, _value(value)))
    return headers


def _value(given: object) -> str:
    """A header's value, with no way to begin another header in it."""
    if isinstance(given, bool):
        given = "true" if given else "false"
    if isinstance(given, int | float):
        given = str(given)
    if not isinstance(given, str):
        raise BadReplyError("A header's value is no text.")
    try:
        value = given.encode().decode("latin-1").strip(" \t")
    except UnicodeEncodeError as error:
        raise BadReplyError("A header's value is no text.") from error
    if _VALUE.fullmatch(value) is None:
        raise BadReplyError("A header's value holds a line break or a control character.")
    return value


def _body(given: object, *, encoded: bool) -> bytes:
    if given is None:
        return b""
    if not isinstance(given, str):
        return _encode(_compact(given))
    if not encoded:
        return _encode(given)
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadReplyError("The body is not base64.") from error


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _encode(text: str) -> bytes:
    # A lone surrogate, which JSON can hold and UTF-8 cannot.
    return text.encode(errors="replace")
