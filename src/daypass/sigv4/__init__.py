"""AWS Signature Version 4: sign and presign requests, verify them, and say what is wrong."""

from daypass.sigv4.body import BodyVerifier, body_verifier
from daypass.sigv4.canonical import BrokenEscapeError, LineBreakError, canonical_request
from daypass.sigv4.chain import ChunkChain, trailer_block
from daypass.sigv4.chunked import SignedStream, sign_stream
from daypass.sigv4.keys import MacKey, signature, signing_key, string_to_sign
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
    "ChunkChain",
    "Credentials",
    "Dialect",
    "HttpRequest",
    "LineBreakError",
    "MacKey",
    "Payload",
    "PayloadMode",
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
    "parse",
    "presign",
    "sign",
    "sign_stream",
    "signature",
    "signing_key",
    "string_to_sign",
    "trailer_block",
    "verify",
]
