"""An HTTP request as the event of a Function URL, payload format version 2.0.

Lambda developer guide, "Invoking Lambda function URLs: request and response payloads".
"""

import base64
import datetime
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from daypass.gateway.caller import Caller
from daypass.gateway.operation import Call

_STAGE: Final = "$default"
# Bodies of these types come as text, all others as base64.
_TEXT_TYPES: Final = frozenset({"application/json", "application/javascript", "application/xml"})
# Not for the function: `connection` concerns this hop alone, `cookie` comes apart as `cookies`.
_DROPPED_HEADERS: Final = frozenset({"connection", "cookie"})
# Neither is what proved who the caller is; who that is, `requestContext` says.
_PROOF_HEADERS: Final = frozenset({"authorization", "x-amz-security-token"})
# What only the platform says: whatever a client sent under these names is not passed on.
_PLATFORM_PREFIXES: Final = ("x-amzn-", "x-daypass-", "x-forwarded-")
# Fields of a query that are read; a URL has no room for more.
_QUERY_FIELDS: Final = 10_000


def build_event(
    call: Call, url_id: str, raw_path: str, body: bytes, trace_id: str
) -> dict[str, Any]:
    """The event. raw_path: as sent, without the id of the URL."""
    request = call.request
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": _STAGE,
        "rawPath": raw_path,
        "rawQueryString": request.query,
    }
    cookies = _cookies(request.headers.get("cookie", ""))
    if cookies:
        event["cookies"] = cookies
    event["headers"] = _headers(call, trace_id)
    parameters = _query_parameters(request.query)
    if parameters:
        event["queryStringParameters"] = parameters
    event["requestContext"] = _request_context(call, url_id, raw_path)
    text = _as_text(request.headers.get("content-type", ""), body)
    if text is None:
        event["body"] = base64.b64encode(body).decode()
    elif body:
        event["body"] = text
    event["isBase64Encoded"] = text is None
    return event


def encode_event(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode(
        errors="surrogatepass"
    )


def _headers(call: Call, trace_id: str) -> dict[str, str]:
    request = call.request
    signed = not call.caller.anonymous
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in _DROPPED_HEADERS
        and not name.startswith(_PLATFORM_PREFIXES)
        and not (signed and name in _PROOF_HEADERS)
    }
    _, _, port = request.headers.get("host", "").rpartition(":")
    default_port = "443" if request.scheme == "https" else "80"
    if request.tls is not None:
        headers["x-amzn-tls-version"], headers["x-amzn-tls-cipher-suite"] = request.tls
    headers["x-amzn-trace-id"] = trace_id
    headers["x-forwarded-for"] = request.client
    headers["x-forwarded-port"] = port if port.isdigit() else default_port
    headers["x-forwarded-proto"] = request.scheme
    return headers


def _request_context(call: Call, url_id: str, raw_path: str) -> dict[str, Any]:
    node, request = call.node, call.request
    moment = datetime.datetime.fromtimestamp(call.now, datetime.UTC)
    context: dict[str, Any] = {
        "accountId": "anonymous" if call.caller.anonymous else node.account_id,
        "apiId": url_id,
    }
    if not call.caller.anonymous:
        context["authorizer"] = {"iam": describe_caller(call.caller)}
    context |= {
        "domainName": f"{url_id}.lambda-url.{node.region}.on.aws",
        "domainPrefix": url_id,
        "http": {
            "method": request.method,
            "path": raw_path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.client,
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": call.request_id,
        "routeKey": _STAGE,
        "stage": _STAGE,
        "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(call.now * 1000),
    }
    return context


def describe_caller(caller: Caller) -> dict[str, Any]:
    """`authorizer.iam`, from the verified caller alone."""
    user_id = caller.context.get("aws:userid", caller.principal.unique_id)
    return {
        "accessKey": caller.access_key_id,
        "accountId": caller.principal.account,
        "callerId": user_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": caller.principal.arn,
        "userId": user_id,
    }


def _cookies(header: str) -> list[str]:
    return [cookie for part in header.split(";") if (cookie := part.strip())]


def _query_parameters(query: str) -> dict[str, str]:
    """Decoded, the values of a repeated name joined with commas."""
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=_QUERY_FIELDS):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _as_text(content_type: str, body: bytes) -> str | None:
    """A body of a text type as text; None if it goes as base64."""
    media_type = content_type.partition(";")[0].strip().lower()
    if not body:
        return ""
    if not media_type.startswith("text/") and media_type not in _TEXT_TYPES:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
