"""AWS Signature Version 4: sign and presign requests, verify them, and say what is wrong."""

from daypass.sigv4.body import BodyVerifier, body_verifier
from daypass.sigv4.canonical import BrokenEscapeError, canonical_request
from daypass.sigv4.keys import signature, signing_key, string_to_sign
from daypass.sigv4.payload import EMPTY_SHA256, UNSIGNED_PAYLOAD, Payload, PayloadMode
from daypass.sigv4.presented import Presented, parse
from daypass.sigv4.refusal import Reason, Refusal, RefusalError
from daypass.sigv4.signing import SessionEndsFirstWarning, presign, sign
from daypass.sigv4.types import Credentials, Dialect, HttpRequest, SigningError
from daypass.sigv4.verified import SKEW, Verified, verify

__all__ = [
    "EMPTY_SHA256",
    "SKEW",
    "UNSIGNED_PAYLOAD",
    "BodyVerifier",
    "BrokenEscapeError",
    "Credentials",
    "Dialect",
    "HttpRequest",
    "Payload",
    "PayloadMode",
    "Presented",
    "Reason",
    "Refusal",
    "RefusalError",
    "SessionEndsFirstWarning",
    "SigningError",
    "Verified",
    "body_verifier",
    "canonical_request",
    "parse",
    "presign",
    "sign",
    "signature",
    "signing_key",
    "string_to_sign",
    "verify",
]
