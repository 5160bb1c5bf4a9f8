"""AWS's names, and the answers of a name server that knows no others."""

import ipaddress
import struct
from dataclasses import dataclass
from typing import Final

# What AWS's own endpoints, buckets and Function URLs are called.
DOMAINS: Final = ("amazonaws.com", "on.aws", "api.aws")
# Where they lead. TEST-NET-2 (RFC 5737) is nobody's, so nothing of the outside is covered up; and
# programs that take addresses of loopback for no network at all (AI_ADDRCONFIG) see one.
ADDRESS: Final = "198.51.100.1"
LOOPBACK: Final = "127.0.0.1"

# RFC 1035, sections 3.2 and 4.1.1
_HEADER: Final = struct.Struct(">HHHHHH")
_QUESTION: Final = struct.Struct(">HH")
_ANSWER: Final = struct.Struct(">HHHIH")
_A: Final = 1
_AAAA: Final = 28
_INTERNET: Final = 1
_RESPONSE: Final = 0x8000
_OPCODE: Final = 0x7800
_AUTHORITATIVE: Final = 0x0400
_RECURSION_DESIRED: Final = 0x0100
_RECURSION_AVAILABLE: Final = 0x0080
_NO_ERROR: Final = 0
_FORMAT_ERROR: Final = 1
_NO_SUCH_NAME: Final = 3
_NOT_IMPLEMENTED: Final = 4
_POINTER_TO_QUESTION: Final = 0xC00C
_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. name: lower-case, without the last dot. end: where it ends in the query."""

    name: str
    kind: int
    end: int


def is_aws(name: str) -> bool:
    """Whether a host name is one of AWS's."""
    return any(name == domain or name.endswith(f".{domain}") for domain in DOMAINS)


def address_of(name: str) -> str | None:
    """The IPv4 address a name leads to here; None for a name of the world outside."""
    if is_aws(name):
        return ADDRESS
    # RFC 6761, section 6.3: such names always mean loopback.
    return LOOPBACK if name == "localhost" or name.endswith(".localhost") else None


def question_of(query: bytes) -> Question | None:
    """The question of a DNS query; None for what is none, or holds more than one."""
    if len(query) < _HEADER.size:
        return None
    _, flags, questions, *_ = _HEADER.unpack_from(query)
    if flags & (_RESPONSE | _OPCODE) or questions != 1:
        return None
    labels: list[str] = []
    at = _HEADER.size
    while at < len(query) and (length := query[at]):
        label = query[at + 1 : at + 1 + length]
        if length > 63 or len(label) < length:
            return None
        labels.append(label.decode("latin-1").lower())
        at += 1 + length
    if len(query) < at + 1 + _QUESTION.size:
        return None
    kind, family = _QUESTION.unpack_from(query, at + 1)
    if family != _INTERNET:
        return None
    return Question(".".join(labels), kind, at + 1 + _QUESTION.size)


def answer(query: bytes) -> bytes | None:
    """The answer to a DNS query: addresses for names that lead somewhere here, and for all others
    that they do not exist. None for what deserves no answer, because it is none of a client's."""
    if len(query) < _HEADER.size:
        return None
    identifier, flags, *_ = _HEADER.unpack_from(query)
    if flags & _RESPONSE:
        return None
    question = question_of(query)
    if question is None:
        code = _NOT_IMPLEMENTED if flags & _OPCODE else _FORMAT_ERROR
        return _head(identifier, flags, code, 0, 0)
    address = address_of(question.name)
    asked = query[_HEADER.size : question.end]
    if address is None:
        return _head(identifier, flags, _NO_SUCH_NAME, 1, 0) + asked
    if question.kind == _A:
        data = ipaddress.IPv4Address(address).packed
    elif question.kind == _AAAA and address == LOOPBACK:
        data = ipaddress.IPv6Address("::1").packed
    else:
        return _head(identifier, flags, _NO_ERROR, 1, 0) + asked
    record = _ANSWER.pack(_POINTER_TO_QUESTION, question.kind, _INTERNET, _SECONDS, len(data))
    return _head(identifier, flags, _NO_ERROR, 1, 1) + asked + record + data


def _head(identifier: int, flags: int, code: int, questions: int, answers: int) -> bytes:
    kept = flags & (_OPCODE | _RECURSION_DESIRED)
    said = _RESPONSE | _AUTHORITATIVE | _RECURSION_AVAILABLE | kept | code
    return _HEADER.pack(identifier, said, questions, answers, 0, 0)
