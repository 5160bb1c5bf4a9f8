"""A refusal that was pasted: its code, and what the services mean by it."""

import re
from collections.abc import Mapping
from typing import Final

from daypass.client.explain.denials import explain_denial
from daypass.client.explain.told import Told
from daypass.client.refusals import Answer, error_fields, read_refusal
from daypass.sigv4 import Credentials, signature, signing_key

# "An error occurred (ExpiredToken) when calling the ListBuckets operation: The provided token …"
_SDK: Final = re.compile(
    r"\((?P<code>[A-Za-z0-9.]+)\)(?: when calling the (?P<operation>\w+) operation)?[^:]*: "
    r"(?P<message>.*)",
    re.DOTALL,
).search
# "ExpiredTokenException: The security token …", "api error SignatureDoesNotMatch: …"
_NAMED: Final = re.compile(r"\b(?P<code>[A-Z][A-Za-z0-9]{4,}): (?P<message>[^\n]*)")
_OUT_OF_TIME: Final = re.compile(r"Signature (expired|not yet current): ").match
_XML: Final = re.compile(r"<(ErrorResponse|Error|Response)\b.*</\1>", re.DOTALL).search
_JSON: Final = re.compile(r"\{.*\}", re.DOTALL).search
_ERROR_HEADER: Final = re.compile(r"(?im)^[<\s]*x-amzn-errortype:\s*(\S+)").search
_EXPLAINED: Final = re.compile(r"(?im)^[<\s]*x-daypass-explanation:\s*(.+)$").search
_TOKEN_LINE: Final = re.compile(r"(?m)^(x-amz-security-token:).*$")

_NEW: Final = "Get new ones; SDKs do it by themselves with `daypass exec --server container`."
_MEANINGS: Final[Mapping[str, tuple[str, str]]] = {
    "ExpiredToken": ("The session is over: its credentials were good until then.", _NEW),
    "TokenRefreshRequired": ("The session must be renewed.", _NEW),
    "InvalidToken": (
        "The session token is not one of this service, is cut off, or belongs to another key.",
        "Use access key, secret and token of one session, at the endpoint that gave them.",
    ),
    "InvalidClientTokenId": (
        "The access key does not exist there, is inactive, or its session token is missing.",
        "Is the endpoint the one the key belongs to? A key that begins with ASIA needs its token.",
    ),
    "SignatureDoesNotMatch": (
        "The service computes another signature than was sent: the secret is another, or the "
        "request was changed between signing and arriving, or is put together otherwise.",
        "Send it with `daypass call`, which finds the known mistakes; or give a HAR file with the "
        "request here, with the credentials at hand.",
    ),
    "RequestTimeTooSkewed": (
        "The time in the signature is more than 15 minutes off the service's clock.",
        "Set this machine's clock (NTP); `date -u` shows it.",
    ),
    "RequestExpired": (
        "The request was signed more than 15 minutes ago, or a presigned URL has expired.",
        "Sign it anew, and see that this machine's clock is right.",
    ),
    "AuthorizationHeaderMalformed": (
        "The Authorization header cannot be used as it is; often the region is not the bucket's.",
        "Sign for the region that the message names.",
    ),
    "IncompleteSignature": (
        "A part of the signature is missing or is not in AWS's form.",
        "Sign it with an SDK or with `daypass sign`; a copied header may have lost a part.",
    ),
    "MissingAuthenticationToken": (
        "No signature arrived. API Gateway answers so, too, where it has no such path or method.",
        "Sign the request, check the path, and see that no proxy drops the Authorization header.",
    ),
    "OptInRequired": (
        "The account does not use this service or region.",
        "Enable it in the account's settings.",
    ),
    "XAmzContentSHA256Mismatch": (
        "The body that arrived is not the one whose hash was signed.",
        "Do not change a file while it is sent; something on the way may change the body.",
    ),
    "AccessDenied": (
        "The caller is known, and may not do this.",
        "The service says no more. Try `daypass explain` with the request's id, if the server is a "
        "Daypass server, or see the policies of caller and resource.",
    ),
    "ThrottlingException": ("There were too many requests.", "Wait, and send fewer at a time."),
}
_SAME: Final = {
    "AccessDeniedException": "AccessDenied",
    "AuthFailure": "InvalidClientTokenId",
    "AuthorizationQueryParametersError": "IncompleteSignature",
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidAccessKeyId": "InvalidClientTokenId",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "RequestInTheFuture": "RequestTimeTooSkewed",
    "SignatureDoesNotMatchException": "SignatureDoesNotMatch",
    "Throttling": "ThrottlingException",
    "TooManyRequestsException": "ThrottlingException",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "UnauthorizedOperation": "AccessDenied",
}


def explain_error(text: str, credentials: Credentials | None = None) -> Told | None:
    """What a refusal means, as it was pasted: XML, JSON, an SDK's or a tool's message, with what
    stands around it. credentials: tried, where the service shows what it computed. None: there is
    no refusal in it."""
    fields = _fields(text)
    denial = explain_denial(fields.get("Message") or text)
    if denial is not None:
        return denial
    code = fields.get("Code", "")
    out_of_time = _OUT_OF_TIME(fields.get("Message", ""))
    meaning = _MEANINGS.get("RequestTimeTooSkewed" if out_of_time else _SAME.get(code, code))
    if meaning is None and not fields.get("CanonicalRequest"):
        return None if not code else _unknown(code, fields)
    why, do = meaning or _MEANINGS["SignatureDoesNotMatch"]
    whys, dos = [why], [do]
    said = _EXPLAINED(text)
    if said:
        whys.insert(0, said[1].strip())
    if fields.get("StringToSign") or fields.get("CanonicalRequest"):
        whys += _about_canonical(fields, credentials)
    facts = {
        "Code": code,
        "Message": fields.get("Message", "").partition("\n")[0],
        "Operation": fields.get("Operation", ""),
        "Access key": fields.get("AWSAccessKeyId", ""),
        "Region wanted": fields.get("Region", ""),
        "Server time": fields.get("ServerTime", ""),
        "Request id": fields.get("RequestId", ""),
    }
    return Told(
        f"It was refused with {code or 'SignatureDoesNotMatch'}.",
        tuple(whys),
        tuple(dos),
        {label: value for label, value in facts.items() if value},
        _shown(fields.get("CanonicalRequest", "")),
    )


def _unknown(code: str, fields: Mapping[str, str]) -> Told:
    message = fields.get("Message", "").partition("\n")[0]
    return Told(
        f"It failed with {code}.",
        (message,) if message else (),
        ("The code is none of signatures, sessions and permissions: see the service's reference.",),
        {"Code": code},
    )


def _fields(text: str) -> dict[str, str]:
    for found, kind in ((_XML(text), "application/xml"), (_JSON(text), "application/json")):
        if found is None:
            continue
        header = _ERROR_HEADER(text)
        headers = {"content-type": kind} | ({"x-amzn-errortype": header[1]} if header else {})
        answer = Answer(403, "", headers, found[0].encode(), None)
        fields = dict(error_fields(answer))
        if fields.get("Code") or fields.get("Message"):
            refusal = read_refusal(answer)
            if refusal is not None and refusal.canonical_request:
                fields.setdefault("CanonicalRequest", refusal.canonical_request)
            return fields
    found = _SDK(text)
    if found is not None:
        return {
            "Code": found["code"],
            "Operation": found["operation"] or "",
            "Message": found["message"].strip(),
        }
    at = 0
    while named := _NAMED.search(text, at):
        if _SAME.get(named["code"], named["code"]) in _MEANINGS:
            return {"Code": named["code"], "Message": named["message"].strip()}
        at = named.start("message")
    return {}


def _about_canonical(fields: Mapping[str, str], credentials: Credentials | None) -> list[str]:
    """What the service's own computation shows."""
    said = []
    if fields.get("CanonicalRequest"):
        said.append(
            "The service shows the request as it saw it (below). Where it differs from what the "
            "client signed, there is the fault: look at the path's and the query's encoding, the "
            "host's port, and the last line, the hash of the body."
        )
    to_sign, sent = fields.get("StringToSign", ""), fields.get("SignatureProvided", "")
    key = fields.get("AWSAccessKeyId", "")
    if credentials is None or not to_sign or not sent or credentials.access_key_id != key:
        return said
    scope = to_sign.split("\n")[2].split("/") if to_sign.count("\n") >= 3 else []
    if len(scope) != 4:
        return said
    computed = signature(
        signing_key(credentials.secret_access_key, scope[0], scope[1], scope[2]), to_sign
    )
    if computed == sent:
        said.append(
            f"With the secret at hand for {key}, what the service saw has the very signature that "
            "was sent: the service holds another secret for this access key."
        )
    else:
        said.append(
            f"With the secret at hand for {key}, what the service saw has another signature than "
            "was sent: the client signed another request, or with another secret."
        )
    return said


def _shown(canonical_request: str) -> str:
    return _TOKEN_LINE.sub(r"\1…", canonical_request)
