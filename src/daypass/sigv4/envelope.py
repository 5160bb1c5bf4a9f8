"""How a request says who signed it: the Authorization header or the query's X-Amz- parameters.

    Authorization: AWS4-HMAC-SHA256 Credential=AKID/DATE/REGION/SERVICE/aws4_request,
                   SignedHeaders=host;x-amz-date, Signature=HEX

Both are parsed into an `Envelope`. What cannot be parsed is refused, never ignored.
"""

import re
from itertools import pairwise
from typing import Final, final

from daypass.sigv4.canonical import HeaderForm, header_form
from daypass.sigv4.keys import ALGORITHM, ALGORITHM_V4A, SigningKey, mac_key
from daypass.sigv4.refusal import Reason, Refusal

# Longer than any real one; what is longer is refused before it is looked at.
_LONGEST_AUTHORIZATION: Final = 8192
_LONGEST_CREDENTIAL: Final = 512
# Anyone may send any list of headers; what is remembered of them must stay small.
_LONGEST_REMEMBERED: Final = 512
_ACCESS_KEY_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}").fullmatch
_SCOPE_PART: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}").fullmatch
_SIGNED_HEADERS: Final = re.compile("[a-z0-9!#$%&'*+.^_`|~-]+(?:;[a-z0-9!#$%&'*+.^_`|~-]+)*")
_COMPONENT: Final = re.compile(r"(Credential|SignedHeaders|Signature)=([^\s,=]*)")


@final
class Envelope:
    """The part of an authentication that stays the same from request to request."""

    __slots__ = (
        "_key",
        "_secret",
        "access_key_id",
        "algorithm",
        "checked",
        "date",
        "form",
        "prefix",
        "region",
        "scope",
        "service",
        "terminator",
    )

    def __init__(
        self, algorithm: str, credential: str, signed_headers: str, *, in_query: bool
    ) -> None:
        self.algorithm = algorithm
        parts = _parse_credential(algorithm, credential, in_query=in_query)
        self.access_key_id, self.date, self.region, self.service, self.terminator = parts
        self.scope = credential.partition("/")[2]
        self.form: HeaderForm = _parse_signed_headers(signed_headers, in_query=in_query)
        # What the envelope is remembered by once a signature under it was verified.
        self.prefix = ""
        # The names of the last request's headers, all of whose x-amz-* names are signed.
        self.checked: tuple[str, ...] = ()
        self._secret = ""
        self._key: SigningKey | None = None

    def signing_key(self, secret_access_key: str) -> SigningKey:
        """The signing key of this scope, kept with the envelope for as long as it is the same."""
        if self._key is None or self._secret != secret_access_key:
            self._key = self._derive(secret_access_key)
            self._secret = secret_access_key
        return self._key

    def _derive(self, secret_access_key: str) -> SigningKey:
        if self.algorithm == ALGORITHM:
            return mac_key(secret_access_key, self.date, self.region, self.service)
        from daypass.sigv4.v4a import ecdsa_key  # noqa: PLC0415 - needs `cryptography`

        return ecdsa_key(self.access_key_id, secret_access_key, self.date, self.service)


def _parse_credential(algorithm: str, credential: str, *, in_query: bool) -> list[str]:
    parts = credential.split("/") if len(credential) <= _LONGEST_CREDENTIAL else []
    if algorithm == ALGORITHM_V4A and len(parts) == 4:
        _check_parts(parts, credential, in_query=in_query)
        return [*parts[:2], "", *parts[2:]]
    _check_parts(parts if len(parts) == 5 else [], credential, in_query=in_query)
    return parts


def _check_parts(parts: list[str], credential: str, *, in_query: bool) -> None:
    if not parts or not _ACCESS_KEY_ID(parts[0]) or not all(map(_SCOPE_PART, parts[1:])):
        shown = credential[:_LONGEST_CREDENTIAL].encode("ascii", "backslashreplace").decode()
        raise Refusal(Reason.MALFORMED_CREDENTIAL, shown, in_query=in_query)


def _parse_signed_headers(text: str, *, in_query: bool) -> HeaderForm:
    names = tuple(text.split(";"))
    if not _SIGNED_HEADERS.fullmatch(text):
        detail = "SignedHeaders must be lower-case header names separated by ';'."
    elif any(left >= right for left, right in pairwise(names)):
        detail = "SignedHeaders must be sorted and hold each name once."
    elif "host" not in names:
        raise Refusal(
            Reason.HOST_NOT_SIGNED, fields={"HeadersNotSigned": "host"}, in_query=in_query
        )
    else:
        return header_form(names) if len(text) <= _LONGEST_REMEMBERED else HeaderForm(names)
    raise Refusal(Reason.MALFORMED_SIGNED_HEADERS, detail, in_query=in_query)


_ENVELOPES_KEPT: Final = 4096
_envelopes: dict[str, Envelope] = {}


def parse_authorization(value: str) -> tuple[Envelope, str]:
    """The envelope and the signature of an Authorization header. Raises `Refusal`.

    A caller's header differs from request to request only in the signature at its end; what is
    before it is parsed once for all requests after the first that was verified.
    """
    prefix, _, given = value.rpartition("Signature=")
    envelope = _envelopes.get(prefix)
    if envelope is not None and len(given) == 64 and given.isalnum():
        return envelope, given
    algorithm, credential, signed_headers, given = _parse_components(value)
    envelope = Envelope(algorithm, credential, signed_headers, in_query=False)
    if value.endswith("Signature=" + given):
        envelope.prefix = prefix
    return envelope, given


def remember(envelope: Envelope) -> None:
    """Keep an envelope for the next request under it.

    INVARIANT: only what was verified is kept, so that no stranger can fill the memory.
    """
    if len(_envelopes) >= _ENVELOPES_KEPT:
        _envelopes.clear()
    _envelopes[envelope.prefix] = envelope
    envelope.prefix = ""


def _parse_components(value: str) -> tuple[str, str, str, str]:
    algorithm, _, rest = value[: _LONGEST_AUTHORIZATION + 1].partition(" ")
    if algorithm not in (ALGORITHM, ALGORITHM_V4A):
        shown = algorithm[:64].encode("ascii", "backslashreplace").decode()
        raise Refusal(Reason.UNSUPPORTED_ALGORITHM, shown)
    if len(value) > _LONGEST_AUTHORIZATION:
        raise Refusal(Reason.MALFORMED_AUTHORIZATION, "the Authorization header is too long.")
    found: dict[str, str] = {}
    for part in rest.split(","):
        match = _COMPONENT.fullmatch(part.strip(" \t"))
        if match is None:
            raise Refusal(
                Reason.MALFORMED_AUTHORIZATION, "an Authorization component is malformed."
            )
        name, text = match.groups()
        if name in found:
            raise Refusal(Reason.REPEATED_PARAMETER, f"Authorization holds '{name}' twice.")
        found[name] = text
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not found.get(name):
            raise Refusal(
                Reason.MISSING_COMPONENT, f"Authorization header requires '{name}' parameter."
            )
    return algorithm, found["Credential"], found["SignedHeaders"], found["Signature"]
