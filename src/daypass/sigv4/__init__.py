"""AWS Signature Version 4: sign and presign requests, verify them, and say what is wrong."""

from importlib import import_module
from typing import TYPE_CHECKING

from daypass.sigv4.types import Credentials, Dialect, HttpRequest, SigningError

if TYPE_CHECKING:
    from daypass.sigv4.body import BodyVerifier, body_verifier
    from daypass.sigv4.canonical import BrokenEscapeError, LineBreakError, canonical_request
    from daypass.sigv4.chunked import SignedStream, sign_stream
    from daypass.sigv4.diagnosis import Diagnosis, Finding, diagnose
    from daypass.sigv4.fields import combine_headers
    from daypass.sigv4.keys import signature, signing_key, string_to_sign
    from daypass.sigv4.payload import EMPTY_SHA256, UNSIGNED_PAYLOAD, Payload, PayloadMode
    from daypass.sigv4.post_policy import PostForm, post_form, sign_post_policy, verify_post_form
    from daypass.sigv4.presented import Presented, parse
    from daypass.sigv4.refusal import Reason, Refusal, RefusalError
    from daypass.sigv4.signing import SessionEndsFirstWarning, presign, sign
    from daypass.sigv4.verified import SKEW, Verified, verify

__all__ = [
    "EMPTY_SHA256",
    "SKEW",
    "UNSIGNED_PAYLOAD",
    "BodyVerifier",
    "BrokenEscapeError",
    "Credentials",
    "Diagnosis",
    "Dialect",
    "Finding",
    "HttpRequest",
    "LineBreakError",
    "Payload",
    "PayloadMode",
    "PostForm",
    "Presented",
    "Reason",
    "Refusal",
    "RefusalError",
    "SessionEndsFirstWarning",
    "SignedStream",
    "SigningError",
    "Verified",
    "body_verifier",
    "canonical_request",
    "combine_headers",
    "diagnose",
    "parse",
    "post_form",
    "presign",
    "sign",
    "sign_post_policy",
    "sign_stream",
    "signature",
    "signing_key",
    "string_to_sign",
    "verify",
    "verify_post_form",
]

# Imported when first asked for: who only has credentials, signs or verifies does not wait for the
# rest.
_LATER = {
    "BrokenEscapeError": "canonical",
    "LineBreakError": "canonical",
    "canonical_request": "canonical",
    "combine_headers": "fields",
    "signature": "keys",
    "signing_key": "keys",
    "string_to_sign": "keys",
    "EMPTY_SHA256": "payload",
    "UNSIGNED_PAYLOAD": "payload",
    "Payload": "payload",
    "PayloadMode": "payload",
    "Presented": "presented",
    "parse": "presented",
    "Reason": "refusal",
    "Refusal": "refusal",
    "RefusalError": "refusal",
    "SessionEndsFirstWarning": "signing",
    "presign": "signing",
    "sign": "signing",
    "SKEW": "verified",
    "Verified": "verified",
    "verify": "verified",
    "BodyVerifier": "body",
    "body_verifier": "body",
    "SignedStream": "chunked",
    "sign_stream": "chunked",
    "Diagnosis": "diagnosis",
    "Finding": "diagnosis",
    "diagnose": "diagnosis",
    "PostForm": "post_policy",
    "post_form": "post_policy",
    "sign_post_policy": "post_policy",
    "verify_post_form": "post_policy",
}


def __getattr__(name: str) -> object:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
