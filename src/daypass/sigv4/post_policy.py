"""S3's POST forms: what a browser may upload, signed as a policy beside the other fields.

    signature = HMAC(signing key, base64 policy text as sent)

Amazon S3 API reference, "Creating a POST policy".
"""

import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from daypass.sigv4.envelope import Envelope
from daypass.sigv4.keys import ALGORITHM, SigningKey, mac_key
from daypass.sigv4.payload import UNSIGNED_PAYLOAD
from daypass.sigv4.presented import Presented
from daypass.sigv4.refusal import Reason, Refusal
from daypass.sigv4.timestamps import seconds_of, timestamp_of
from daypass.sigv4.types import Credentials, Dialect
from daypass.sigv4.verified import (
    SKEW,
    SignatureMismatchError,
    Verified,
    authenticate,
    check_scope,
)

# A signing key is good for seven days, and so is what it signed.
_LONGEST_AGE: Final = 604800
_LONGEST_POLICY: Final = 64 * 1024
_REQUIRED: Final = (
    "policy",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-signature",
)
# Any of these is authentication, whole or not: those of Signature Version 2 too.
_AUTHENTICATING: Final = (*_REQUIRED, "x-amz-security-token", "awsaccesskeyid", "signature")
# Fields that a policy need not name.
_EXEMPT: Final = frozenset({"policy", "x-amz-signature", "file"})

Condition = Mapping[str, str] | Sequence[str | int]


def sign_post_policy(
    policy: str, credentials: Credentials, key: SigningKey, stamp: str
) -> dict[str, str]:
    """The fields that authenticate a form. policy: the JSON document, sent as it stands."""
    encoded = base64.b64encode(policy.encode()).decode()
    fields = {
        "policy": encoded,
        "x-amz-algorithm": key.algorithm,
        "x-amz-credential": f"{credentials.access_key_id}/{key.scope}",
        "x-amz-date": stamp,
    }
    if credentials.session_token is not None:
        fields["x-amz-security-token"] = credentials.session_token
    return {**fields, "x-amz-signature": key.sign(encoded.encode())}


def post_form(
    credentials: Credentials,
    *,
    bucket: str,
    key: str,
    region: str,
    expires: int = 3600,
    fields: Mapping[str, str] | None = None,
    conditions: Sequence[Condition] = (),
    now: float | None = None,
) -> dict[str, str]:
    """The fields of a form that uploads to `key`, which may end in "${filename}".

    fields: sent with the form, each bound to its value. conditions: further ones, such as
    ["content-length-range", 1, 1048576] or ["starts-with", "$Content-Type", "image/"]. expires:
    seconds.
    """
    seconds = time.time() if now is None else now
    stamp = timestamp_of(int(seconds))
    signing = mac_key(credentials.secret_access_key, stamp[:8], region, "s3")
    given = dict(fields or {})
    prefix = key.removesuffix("${filename}")
    end = datetime.fromtimestamp(seconds + expires, UTC)
    authentication = sign_post_policy("", credentials, signing, stamp)
    document = {
        "expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conditions": [
            {"bucket": bucket},
            {"key": key} if prefix == key else ["starts-with", "$key", prefix],
            *({name: value} for name, value in given.items()),
            *conditions,
            *({n: v} for n, v in authentication.items() if n not in _EXEMPT),
        ],
    }
    signed = sign_post_policy(json.dumps(document), credentials, signing, stamp)
    return {"key": key, **given, **signed}


@dataclass(frozen=True, slots=True)
class PostForm:
    """A form whose policy is verified. fields: by lower-case name. lengths: of the file, bytes."""

    verified: Verified
    fields: Mapping[str, str]
    lengths: tuple[int, int] | None

    def check_length(self, length: int) -> None:
        """Raises `Refusal` if the policy does not allow a file of so many bytes."""
        if self.lengths is not None:
            least, most = self.lengths
            if length < least:
                raise Refusal(Reason.ENTITY_TOO_SMALL, f"{length} bytes, at least {least}.")
            if length > most:
                raise Refusal(Reason.ENTITY_TOO_LARGE, f"{length} bytes, at most {most}.")


class _Policy(NamedTuple):
    expiration: float
    exact: list[tuple[str, str]]
    prefixes: list[tuple[str, str]]
    lengths: tuple[int, int] | None


def verify_post_form(
    form: Sequence[tuple[str, str]],
    lookup: Callable[[Presented], str | None],
    *,
    bucket: str,
    region: str,
    now: float,
) -> PostForm | None:
    """Check the fields that came before the file against their policy and its signature.

    None if the form carries no authentication: it is an anonymous upload. bucket: the one posted
    to. The policy is checked against the fields as sent, "${filename}" still in them. Raises
    `Refusal`.
    """
    fields = _fields_once(form)
    if not any(name in fields for name in _AUTHENTICATING):
        return None
    for name in ("key", *_REQUIRED):
        if not fields.get(name):
            raise Refusal(Reason.MISSING_FORM_FIELD, name)
    presented = _present(fields)
    age = now - presented.timestamp
    if age < -SKEW:
        raise Refusal(Reason.URL_NOT_YET_VALID, presented.stamp)
    if age > _LONGEST_AGE:
        raise Refusal(Reason.POLICY_EXPIRED, presented.stamp)
    check_scope(presented, "s3", region)
    encoded = fields["policy"]
    try:
        verified = authenticate(presented, [encoded.encode("utf-8", "surrogatepass")], lookup)
    except SignatureMismatchError:
        raise Refusal(
            Reason.SIGNATURE_MISMATCH,
            fields={
                "AWSAccessKeyId": presented.access_key_id,
                "StringToSign": encoded[:_LONGEST_POLICY],
                "SignatureProvided": presented.signature[:256],
            },
        ) from None
    policy = _parse_policy(encoded)
    if now > policy.expiration:
        raise Refusal(Reason.POLICY_EXPIRED)
    if fields.setdefault("bucket", bucket) != bucket:
        raise _violated(f'["eq", "$bucket", "{bucket}"]')
    _check_conditions(policy, fields)
    return PostForm(verified, fields, policy.lengths)


def _fields_once(form: Sequence[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for raw_name, value in form:
        name = raw_name.lower()
        if name in fields:
            raise Refusal(
                Reason.REPEATED_PARAMETER, f"The form holds the field {name[:128]!r} twice."
            )
        fields[name] = value
    return fields


def _present(fields: Mapping[str, str]) -> Presented:
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise Refusal(Reason.UNSUPPORTED_ALGORITHM, ascii(fields["x-amz-algorithm"][:64]))
    envelope = Envelope(ALGORITHM, fields["x-amz-credential"], "host", in_query=False)
    stamp = fields["x-amz-date"]
    timestamp = seconds_of(stamp)
    if timestamp is None:
        raise Refusal(Reason.MALFORMED_DATE, ascii(stamp[:64]))
    token = fields.get("x-amz-security-token")
    if token == "":
        raise Refusal(Reason.INVALID_TOKEN, "The session token is empty.")
    return Presented(
        envelope,
        fields["x-amz-signature"],
        token,
        stamp,
        timestamp,
        UNSIGNED_PAYLOAD,
        None,
        Dialect.S3,
        (),
        None,
    )


def _malformed(detail: str) -> Refusal:
    return Refusal(Reason.MALFORMED_POLICY, detail)


def _parse_policy(encoded: str) -> _Policy:
    if len(encoded) > _LONGEST_POLICY:
        raise _malformed("the document is too long.")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        document = json.loads(text, object_pairs_hook=_object_once)
    except (binascii.Error, UnicodeError):
        raise _malformed("invalid Base64 encoding.") from None
    except (ValueError, RecursionError):
        raise _malformed("Invalid JSON.") from None
    if not isinstance(document, dict) or document.keys() - {"expiration", "conditions"}:
        raise _malformed("it must be an object with 'expiration' and 'conditions' alone.")
    conditions = document.get("conditions")
    if not isinstance(conditions, list):
        raise _malformed("Invalid 'conditions' value: must be a List.")
    policy = _Policy(_parse_expiration(document.get("expiration")), [], [], None)
    for condition in conditions:
        policy = _add_condition(policy, condition)
    return policy


def _object_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("A member comes twice.")
    return members


def _parse_expiration(text: object) -> float:
    if text is None:
        raise _malformed("Policy missing expiration.")
    try:
        end = datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        end = datetime.min  # noqa: DTZ901 - refused below, for it names no zone
    if end.tzinfo is None:
        raise _malformed(f"Invalid 'expiration' value: {ascii(text)[:64]}")
    return end.timestamp()


def _add_condition(policy: _Policy, condition: object) -> _Policy:
    match condition:
        case dict() if len(condition) == 1:
            ((name, value),) = condition.items()
            if not isinstance(value, str):
                raise _malformed("Invalid Simple-Condition: value must be a string.")
            policy.exact.append((name.lower(), value))
        case ["eq", str(name), str(value)] if name.startswith("$"):
            policy.exact.append((name[1:].lower(), value))
        case ["starts-with", str(name), str(value)] if name.startswith("$"):
            policy.prefixes.append((name[1:].lower(), value))
        case ["content-length-range", least, most]:
            return policy._replace(lengths=_range(policy.lengths, least, most))
        case _:
            raise _malformed("Invalid Condition.")
    return policy


def _range(before: tuple[int, int] | None, least: object, most: object) -> tuple[int, int]:
    if not (_is_length(least) and _is_length(most)):
        raise _malformed("Invalid content-length-range.")
    low, high = int(str(least)), int(str(most))
    return (low, high) if before is None else (max(low, before[0]), min(high, before[1]))


def _is_length(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    text = str(value)
    return text.isascii() and text.isdigit() and len(text) <= 16


def _check_conditions(policy: _Policy, fields: Mapping[str, str]) -> None:
    for name, value in policy.exact:
        if fields.get(name, "") != value:
            raise _violated(f'["eq", "${name}", "{value}"]')
    for name, prefix in policy.prefixes:
        given = fields.get(name, "")
        # A list of content types must match with every one of its parts.
        parts = given.split(",") if name == "content-type" else [given]
        if not all(part.strip(" ").startswith(prefix) for part in parts):
            raise _violated(f'["starts-with", "${name}", "{prefix}"]')
    named = {name for name, _ in (*policy.exact, *policy.prefixes)}
    extra = [
        name for name in fields if name not in named | _EXEMPT and not name.startswith("x-ignore-")
    ]
    if extra:
        listed = ", ".join(sorted(extra))[:256]
        raise Refusal(Reason.POLICY_VIOLATED, f"Extra input fields: {listed}")


def _violated(condition: str) -> Refusal:
    return Refusal(Reason.POLICY_VIOLATED, f"Policy Condition failed: {condition[:512]}")
