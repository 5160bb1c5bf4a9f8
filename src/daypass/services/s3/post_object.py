"""PostObject: what a browser uploads with a form, as far as the form's signed policy lets it.

The form's fields are to it what headers are to PutObject, and become them; all else is the same.
Amazon S3 API reference, "POST Object" and "Creating a POST policy".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from xml.sax.saxutils import escape

from daypass.gateway.authenticate import authenticate_form
from daypass.gateway.caller import Caller
from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.protocol.message import Body, Request, Response
from daypass.services.s3.content import receive_of_any_length
from daypass.services.s3.errors import invalid_argument
from daypass.services.s3.forms import read_form
from daypass.services.s3.objects import needs_put, put
from daypass.sigv4 import PostForm, Reason, Refusal

NAME: Final = "PostObject"
Decode = Callable[[str, Request, str, Body], dict[str, Any]]

_FILE_NAME: Final = "${filename}"
# Fields that say how the form is authenticated, or would say so of a header's request.
_NOT_HEADERS: Final = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-content-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-signature",
    }
)
_HEADERS: Final = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-md5",
        "content-type",
        "expires",
    }
)
_RENAMED: Final = {"acl": "x-amz-acl", "tagging": "x-amz-tagging"}
_STATUSES: Final = frozenset({"200", "201", "204"})


def operation(decode: Decode) -> Operation:
    """The operation. decode: reads the input of a PutObject."""

    async def prove(call: Call) -> Caller:
        return await _prove(call, decode)

    return Operation(NAME, _needs, _post, prove=prove, effect=Effect.DATA_CHANGE)


async def _prove(call: Call, decode: Decode) -> Caller:
    """Who signed the form, which the call's input is made of."""
    if not call.caller.anonymous:
        raise Refusal(
            Reason.MULTIPLE_MECHANISMS,
            "A form authenticates by its fields, and this request in its headers or query too.",
        )
    bucket = call.input["Bucket"]
    form = await read_form(call.request.headers.get("content-type", ""), call.input["Body"])
    authenticated = authenticate_form(call.node, form.fields, bucket, call.now)
    caller, policy = authenticated or (call.caller, None)
    fields = _fields_once(form.fields)
    if not fields.get("key"):
        raise Refusal(Reason.MISSING_FORM_FIELD, "key")
    key = fields["key"].replace(_FILE_NAME, _base_name(form.file_name))
    origin = f"{call.request.scheme}://{call.request.headers.get('host', '')}"
    call.request = replace(
        call.request, method="PUT", query="", headers=_headers(fields), body=form.file
    )
    path = f"/{bucket}/{quote(key, safe='/')}"
    call.input = decode("PutObject", call.request, path, _measured(form.file, policy))
    call.input["Origin"] = origin
    call.input["SuccessStatus"] = fields.get("success_action_status", "")
    call.input["SuccessRedirect"] = fields.get("success_action_redirect", "")
    return caller


def _fields_once(fields: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The fields by lower-case name, each once: what was checked is what is used."""
    found: dict[str, str] = {}
    for name, value in fields:
        lower = name.lower()
        if lower in found:
            raise invalid_argument("A field of the form comes twice.", name[:128], "")
        found[lower] = value
    return found


def _base_name(file_name: str) -> str:
    """What browsers give may be a whole path of the user's machine."""
    return file_name.replace("\\", "/").rpartition("/")[2]


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields that PutObject has as headers, as the wire would have them."""
    headers: dict[str, str] = {}
    for name, value in fields.items():
        header = _RENAMED.get(name, name)
        if header in _NOT_HEADERS or not (header in _HEADERS or header.startswith("x-amz-")):
            continue
        # UTF-8, seen as latin-1: how a header with such bytes is read.
        headers[header] = value.encode().decode("latin-1")
    return headers


def _measured(file: Body, policy: PostForm | None) -> Body:
    """The file, whose end is given out only if its length is what the policy allows."""
    size = 0

    async def next_piece() -> bytes:
        nonlocal size
        piece = await file.next_piece()
        size += len(piece)
        if policy is not None and policy.lengths is not None:
            # Beyond the most before the end, below the least at it.
            policy.check_length(size if not piece else max(size, policy.lengths[0]))
        return piece

    return Body(next_piece)


def _needs(call: Call) -> Sequence[Permission]:
    return needs_put(call)


async def _post(call: Call) -> Mapping[str, Any]:
    members = call.input
    stored = await put(call, receive_of_any_length)
    bucket, key = members["Bucket"], members["Key"]
    return {
        "Bucket": bucket,
        "Key": key,
        "ETag": stored["ETag"],
        "Location": f"{members['Origin']}/{bucket}/{quote(key, safe='/')}",
        "Status": members["SuccessStatus"],
        "Redirect": members["SuccessRedirect"],
    }


def encode_post(output: Mapping[str, Any]) -> Response:
    """The answer: nothing, an XML document, or the way to another page, as the form wants it."""
    headers = [("etag", output["ETag"]), ("location", output["Location"])]
    redirect = _redirect(output)
    if redirect is not None:
        return Response(303, [("etag", output["ETag"]), ("location", redirect)])
    status = output["Status"] if output["Status"] in _STATUSES else "204"
    if status != "201":
        return Response(int(status), headers)
    members = "".join(
        f"<{name}>{escape(output[name])}</{name}>" for name in ("Location", "Bucket", "Key", "ETag")
    )
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{members}</PostResponse>'
    return Response(201, [*headers, ("content-type", "application/xml")], body.encode())


def _redirect(output: Mapping[str, Any]) -> str | None:
    """Where the browser is sent, None where that is no URL (which S3 takes for none)."""
    url: str = output["Redirect"]
    if not url or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    query = urlencode({"bucket": output["Bucket"], "key": output["Key"], "etag": output["ETag"]})
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))
