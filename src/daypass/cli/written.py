"""A signed request in writing: as it goes over the wire, or as a command for curl."""

import shlex
from collections.abc import Sequence
from typing import Final

from daypass.cli.failure import Failure
from daypass.client.call.asked import headers_of
from daypass.client.call.body import Body
from daypass.client.signed import Signed
from daypass.sigv4.signing import split_url

ABOUT_TOKENS: Final = (
    "It carries the session token, as it must. Whoever has it can send this very request for some "
    "15 minutes, and no other."
)
_SHOWN: Final = 4096  # bytes of a body
_SECRETS: Final = frozenset({"x-amz-security-token", "cookie", "proxy-authorization"})
_SECRET_PARAMETERS: Final = frozenset({"x-amz-security-token", "x-amz-signature"})

Headers = Sequence[tuple[str, str]]


def as_http(signed: Signed, body: Body | None) -> str:
    """The request's head, and its body if that is short text."""
    _, path, query = split_url(signed.request.url)
    target = f"{path}?{query}" if query else path
    lines = [f"{signed.request.method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers_of(signed)]
    if body is None:
        return "\n".join([*lines, ""])
    return "\n".join([*lines, f"Content-Length: {body.length}", "", _shown(body)])


def _shown(body: Body) -> str:
    if body.length > _SHOWN:
        return f"[a body of {body.length} bytes]"
    try:
        text = b"".join(body).decode()
    except UnicodeDecodeError:
        return f"[a body of {body.length} bytes, no text]"
    return text if text.replace("\n", "").isprintable() else f"[a body of {body.length} bytes]"


def as_curl(signed: Signed, body: Body | None, files: Sequence[str]) -> str:
    """A command that sends it with curl. Raises `Failure` for a body that curl cannot be told."""
    parts = ["curl", "--globoff", "--path-as-is"]
    method = signed.request.method
    if method == "HEAD":
        parts.append("--head")
    elif method != ("GET" if body is None else "POST"):
        parts += ["--request", method]
    for name, value in headers_of(signed):
        parts += ["--header", f"{name}: {value}"]
    if body is not None:
        if not any(name.lower() == "content-type" for name, _ in headers_of(signed)):
            parts += ["--header", "Content-Type:"]  # curl would send one of its own
        parts += ["--data-binary", _as_data(body, files)]
    return " ".join(shlex.quote(part) for part in [*parts, signed.request.url])


def _as_data(body: Body, files: Sequence[str]) -> str:
    if len(body.segments) == len(files) == 1:
        if files[0] != "-":
            return f"@{files[0]}"
    elif not files:
        text = b"".join(body).decode()
        if not text.startswith("@") and text.replace("\n", "").isprintable():
            return text
    raise Failure(
        "There is no command for it.",
        "curl cannot be told this body as it was signed.",
        "Put the whole body into one file, and give it as -d @FILE.",
    )


def redacted(name: str, value: str) -> str:
    """A header's value without what speaks for the caller."""
    if name.lower() in _SECRETS:
        return f"[{len(value)} characters]"
    if name.lower() == "authorization":
        shown, found, _ = value.partition("Signature=")
        return f"{shown}Signature=[…]" if found else f"[{len(value)} characters]"
    return value


def redacted_url(url: str) -> str:
    """A URL whose query lacks a presigned URL's secrets."""
    plain, mark, query = url.partition("?")
    kept = [
        f"{pair.partition('=')[0]}=[…]"
        if pair.partition("=")[0].lower() in _SECRET_PARAMETERS
        else pair
        for pair in query.split("&")
    ]
    return plain + mark + "&".join(kept)
