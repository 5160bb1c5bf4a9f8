"""Asking a Daypass server for what AWS has no operation for."""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import httpx

from daypass.cli.failure import Failure
from daypass.cli.options import Connection
from daypass.cli.present import printable
from daypass.client import Auth


def _endpoint(given: str | None) -> str:
    endpoint = given or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        raise Failure(
            "No server is named.",
            "AWS itself has no such operation.",
            'Pass --endpoint-url, or eval "$(daypass env --data DIR)" first.',
        )
    return endpoint.rstrip("/")


def ask(
    connection: Connection,
    path: str,
    failed: str,
    *,
    under: str = "/sessions",
    query: Mapping[str, str | int] | None = None,
    body: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """The server's answer. failed: the sentence for a refusal. Raises `Failure`."""
    url = f"{_endpoint(connection.endpoint_url)}/_daypass{under}{path}"
    auth = Auth(service="daypass", region=connection.region, profile=connection.profile)
    if body is None:
        answer = httpx.get(url, params=query, auth=auth)
    else:
        answer = httpx.post(url, json=body, auth=auth)
    try:
        content: dict[str, Any] = answer.json()
    except ValueError:
        content = {}
    if answer.is_error:
        code = answer.headers.get("x-amzn-errortype", str(answer.status_code)).partition(":")[0]
        message = content.get("message") or content.get("Message") or answer.reason_phrase
        why = unquote(answer.headers.get("x-daypass-explanation", "")) or message
        raise Failure(failed, printable(f"{code}: {why}"), code=code)
    return content
