"""Why a service did not accept a signature, in words: its own, and what is found here."""

from itertools import zip_longest
from typing import Final
from urllib.parse import urlsplit

from daypass.client.errors import SignatureRefusedError
from daypass.client.refusals import Answer, Kind, Refused
from daypass.client.signed import Signed
from daypass.sigv4 import Refusal, diagnose

_NEW_CREDENTIALS: Final = "Get new credentials."
_UNKNOWN_KEY: Final = (
    "The access key does not exist there, is inactive, or lacks its session token. Is the endpoint "
    "the one it belongs to?"
)
_UNSIGNED: Final = (
    "A signature was sent. An API Gateway answers so where it has no such path or method; else "
    "something on the way drops the Authorization header."
)
_REMEDIES: Final = {
    "ExpiredToken": _NEW_CREDENTIALS,
    "ExpiredTokenException": _NEW_CREDENTIALS,
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "InvalidToken": _NEW_CREDENTIALS,
    "MissingAuthenticationToken": _UNSIGNED,
    "MissingAuthenticationTokenException": _UNSIGNED,
    "TokenRefreshRequired": _NEW_CREDENTIALS,
    "UnrecognizedClientException": _UNKNOWN_KEY,
    "XAmzContentSHA256Mismatch": "The body that arrived is not the one that was hashed: a file "
    "was changed while it was sent, or something on the way changes it.",
}
_TOKEN: Final = "x-amz-security-token:"


def refused(signed: Signed, refusal: Refused, answer: Answer) -> SignatureRefusedError:
    """The error whose text is the diagnosis. No secret and no session token is in it."""
    host = urlsplit(answer.url).netloc.rpartition("@")[2]
    because = [_sentence(f"It answered {refusal.code}: {refusal.message}")]
    because.append(_sentence(refusal.explanation))
    if answer.url != signed.request.url:
        because.append(
            f"The request was redirected there; it was signed for {_plain(signed.request.url)}."
        )
    else:
        because.append(_found_here(signed, refusal))
    return SignatureRefusedError(
        f"{host} did not accept the signature.",
        " ".join(text for text in because if text),
        _REMEDIES.get(refusal.code, ""),
        code=refusal.code,
        status=answer.status,
        response=answer.response,
    )


def _found_here(signed: Signed, refusal: Refused) -> str:
    try:
        diagnosis = diagnose(
            signed.request,
            signed.credentials.secret_access_key,
            region=refusal.region,
            now=refusal.server_time,
        )
    except Refusal:
        return ""
    if diagnosis.findings:
        return diagnosis.sentence()
    if refusal.kind is not Kind.SIGNATURE:
        return ""
    if refusal.canonical_request and refusal.canonical_request != diagnosis.expected:
        return (
            "The service saw another request than was sent, so something on the way changes it:\n"
            + _differences(diagnosis.expected, refusal.canonical_request)
        )
    if refusal.canonical_request:
        return (
            "The service saw the request as it was sent, so the secret access key is not the one "
            f"of {signed.credentials.access_key_id}."
        )
    if refusal.explanation:
        return ""
    return (
        "What was sent is signed as it should be. Either the secret access key is not the one of "
        f"{signed.credentials.access_key_id}, or something on the way (a proxy) changes the "
        "method, the path, the host or another header that is signed."
    )


def _differences(sent: str, seen: str) -> str:
    lines = []
    for ours, theirs in zip_longest(sent.split("\n"), seen.split("\n"), fillvalue=""):
        if ours != theirs:
            lines += [f"- {_masked(ours)}", f"+ {_masked(theirs)}"]
    return "\n".join(lines)


def _masked(line: str) -> str:
    return f"{_TOKEN}…" if line.startswith(_TOKEN) else line[:200]


def _sentence(text: str) -> str:
    return f"{text}." if text and text[-1] not in ".!?" else text


def _plain(url: str) -> str:
    return url.partition("?")[0]
