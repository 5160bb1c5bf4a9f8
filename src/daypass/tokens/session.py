"""What a session token says, and its packed form inside the seal."""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgpack

from daypass.tokens.ids import ACCESSOR_PREFIX

_RAW: Final = 0
_DEFLATED: Final = 1
# Shorter ones stay as they are: deflating takes 12 µs, four times the rest of sealing.
_DEFLATE_FROM: Final = 700
_UNPACKED_LIMIT: Final = 256 * 1024
_FIELDS: Final = 19
_HEAD: Final = struct.Struct(">BI")
_FAR_FUTURE: Final = 1 << 40
# Kept: a new one begins with a buffer of 256 KB.
_PACKER: Final = msgpack.Packer()


class SessionKind(StrEnum):
    """How a session came about, and so whose permissions it has."""

    ASSUMED_ROLE = "assumed-role"
    SESSION_TOKEN = "session-token"
    FEDERATED_USER = "federated-user"
    ASSUMED_ROOT = "assumed-root"


@dataclass(frozen=True, slots=True)
class SessionPolicies:
    """What narrows a session: an inline document, and ARNs of managed policies."""

    inline: str | None = None
    arns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.inline is not None or bool(self.arns)


# Final and not frozen: see docs/decisions/final-fields.md.
@dataclass(slots=True)
class Ancestor:
    """A session, or long-term access key, that another session was issued to.

    What is needed to revoke the descendant with it. accessor: the session's; of a long-term key
    what `ids.accessor_prefix` gives. subject_id: of the role or user. issued: Unix seconds.
    """

    accessor: Final[str]
    subject_id: Final[str]
    issued: Final[float]


# Final and not frozen: see docs/decisions/final-fields.md.
@dataclass(slots=True)
class Session:
    """One issued session, as its token says it.

    accessor: its non-secret name. subject_id: the role's or user's unique id, the account id for
    root. subject_name: the role's or user's name, "" for root. session_name: RoleSessionName, or
    the name of a federated user. issued, expires: Unix seconds, the former with its fraction, so
    that what came before a revocation and what came after differ. source_identity: "" if none.
    tags: session tags; transitive_tags: the keys of those that chained sessions inherit.
    parents: the sessions this one descends from, nearest first, and last the long-term key it all
    began with. key_id: the key of the ring its token is sealed with, "" for the active one.
    provider: the identity provider that vouched for it, "" if none; claims: the condition keys
    its token or assertion gave, which the session keeps. scopes: the policy documents it was
    narrowed by since it was issued, each of which must allow.
    """

    accessor: Final[str]
    access_key_id: Final[str]
    account: Final[str]
    kind: Final[SessionKind]
    subject_id: Final[str]
    subject_name: Final[str]
    session_name: Final[str]
    issued: Final[float]
    expires: Final[int]
    session_policies: Final[SessionPolicies] = SessionPolicies()
    mfa: Final[bool] = False
    source_identity: Final[str] = ""
    tags: Final[Mapping[str, str]] = field(default_factory=dict)
    transitive_tags: Final[tuple[str, ...]] = ()
    parents: Final[tuple[Ancestor, ...]] = ()
    key_id: Final[str] = ""
    provider: Final[str] = ""
    claims: Final[Mapping[str, str | tuple[str, ...]]] = field(default_factory=dict)
    scopes: Final[tuple[str, ...]] = ()


def of_a_function(session: Session) -> bool:
    """Whether a session began with one that the server took for a function, which was issued to
    nobody."""
    return not session.parents or len(session.parents[-1].accessor) > ACCESSOR_PREFIX


def pack(session: Session, smallest: int = 0) -> bytes:
    """The session in bytes, at least `smallest` of them: what is inside the seal."""
    packed: bytes = _PACKER.pack(
        (
            session.accessor,
            session.access_key_id,
            session.account,
            session.kind,
            session.subject_id,
            session.subject_name,
            session.session_name,
            session.issued,
            session.expires,
            session.session_policies.inline,
            session.session_policies.arns,
            session.mfa,
            session.source_identity,
            session.tags,
            session.transitive_tags,
            [(parent.accessor, parent.subject_id, parent.issued) for parent in session.parents],
            session.provider,
            session.claims,
            session.scopes,
        )
    )
    form = _RAW
    if len(packed) >= _DEFLATE_FROM:
        deflated = zlib.compress(packed, 6)
        if len(deflated) < len(packed):
            form, packed = _DEFLATED, deflated
    return (_HEAD.pack(form, len(packed)) + packed).ljust(smallest, b"\x00")


def unpack(payload: bytes, key_id: str) -> Session:
    """The session that `pack` made these bytes of. Raises `ValueError` for any others."""
    if len(payload) < _HEAD.size:
        raise ValueError("a payload without a head")
    form, length = _HEAD.unpack_from(payload)
    packed = payload[_HEAD.size : _HEAD.size + length]
    if form == _DEFLATED:
        packed = _inflate(packed)
    elif form != _RAW:
        raise ValueError("an unknown form of payload")
    try:
        values: Any = msgpack.unpackb(packed, use_list=False)
    except (msgpack.UnpackException, ValueError) as error:
        raise ValueError("a payload that is not msgpack") from error
    if type(values) is not tuple or len(values) != _FIELDS:
        raise ValueError("a payload of other fields")
    issued, expires = values[7], values[8]
    # Only numbers live here, so that no comparison with a clock can fail or be always true.
    if type(issued) not in (int, float) or type(expires) is not int:
        raise ValueError("a payload whose times are not numbers")
    if not 0 < issued < expires < _FAR_FUTURE:
        raise ValueError("a payload whose times are out of range")
    return Session(
        accessor=values[0],
        access_key_id=values[1],
        account=values[2],
        kind=SessionKind(values[3]),
        subject_id=values[4],
        subject_name=values[5],
        session_name=values[6],
        issued=issued,
        expires=expires,
        session_policies=SessionPolicies(values[9], values[10]),
        mfa=values[11],
        source_identity=values[12],
        tags=values[13],
        transitive_tags=values[14],
        parents=tuple(Ancestor(*parent) for parent in values[15]),
        key_id=key_id,
        provider=values[16],
        claims=values[17],
        scopes=values[18],
    )


def _inflate(deflated: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        packed = inflater.decompress(deflated, _UNPACKED_LIMIT)
    except zlib.error as error:
        raise ValueError("a payload that does not inflate") from error
    if not inflater.eof or inflater.unused_data:
        raise ValueError("a payload that does not end where it says")
    return packed
