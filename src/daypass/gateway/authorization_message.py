"""Encoded authorization messages: why a request was denied, for those who may know.

Who was denied gets the message sealed, with every denial; `sts:DecodeAuthorizationMessage` opens
it. Its form is the one of AWS's decoded messages, with one member more: the explanation.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from daypass.gateway.node import Node
from daypass.policy import (
    AuthorizationRequest,
    Explanation,
    Outcome,
    PrincipalKind,
    Statement,
)
from daypass.tokens import LONGEST_SESSION, KeyRing, TokenError

_PURPOSE: Final = "authorization-message"
_ISSUED: Final = struct.Struct(">d")
# Characters: what every client takes as one header line.
_LONGEST: Final = 4096
# Bytes of a message that is opened.
_LARGEST: Final = 1024 * 1024
_MOST_STATEMENTS: Final = 20


def encode_authorization_message(node: Node, explanation: Explanation) -> str:
    """The message for a denial, "" where nobody is denied anything: of anonymous callers.

    One that would be too long leaves out the context's conditions, then the statements.
    """
    decision = explanation.decision
    request = decision.request
    if request.principal.kind is PrincipalKind.ANONYMOUS:
        return ""
    matched = [
        _statement(each.statement, request)
        for answer in explanation.answers
        for each in answer.statements
        if each.mismatch is None
    ][:_MOST_STATEMENTS]
    conditions = [_condition(key, found) for key, found in sorted(request.context.items())]
    message: dict[str, Any] = {
        "allowed": decision.allowed,
        "explicitDeny": decision.outcome is Outcome.EXPLICIT_DENY,
        "matchedStatements": _items(matched),
        "failures": _items(()),
        "context": {
            "principal": _principal(request),
            "action": request.action,
            "resource": request.resource,
            "conditions": _items(conditions),
        },
        "explanation": explanation.short(),
    }
    encoded = _seal(node, message)
    if len(encoded) > _LONGEST:
        message["context"]["conditions"] = _items(())
        encoded = _seal(node, message)
    if len(encoded) > _LONGEST:
        message["matchedStatements"] = _items(())
        encoded = _seal(node, message)
    return encoded if len(encoded) <= _LONGEST else ""


def decode_authorization_message(keys: KeyRing, encoded: str, now: float) -> str:
    """The message as JSON. Raises `TokenError` for one that is not ours, or has expired."""
    opened = keys.open_message(_PURPOSE, encoded)
    (issued,) = _ISSUED.unpack_from(opened)
    if now >= issued + LONGEST_SESSION:
        raise TokenError("The message has expired.")
    return zlib.decompressobj().decompress(opened[_ISSUED.size :], _LARGEST).decode()


def _seal(node: Node, message: Mapping[str, Any]) -> str:
    text = json.dumps(message, separators=(",", ":")).encode()
    return node.keys.seal_message(_PURPOSE, _ISSUED.pack(node.clock()) + zlib.compress(text, 6))


def _principal(request: AuthorizationRequest) -> dict[str, str]:
    principal = request.principal
    described = {"id": _text(request.context.get("aws:userid", principal.unique_id))}
    name = request.context.get("aws:username")
    if name is not None:
        described["name"] = _text(name)
    described["arn"] = principal.arn
    return described


def _statement(statement: Statement, request: AuthorizationRequest) -> dict[str, Any]:
    described: dict[str, Any] = {
        "statementId": statement.sid,
        "effect": statement.effect.upper(),
        "policy": statement.label,
        "principals": _values(_principals(statement) or [_principal(request)["id"]]),
        "principalGroups": _items(()),
    }
    for name, values in (
        ("actions", statement.actions),
        ("notActions", statement.not_actions),
        ("resources", statement.resources),
        ("notResources", statement.not_resources),
    ):
        if values is not None:
            described[name] = _values(values)
    described["conditions"] = _items(
        [_condition(condition.key, condition.values) for condition in statement.conditions]
    )
    return described


def _principals(statement: Statement) -> list[str]:
    named = statement.principal
    if named is None or isinstance(named, str):
        return [named] if named else []
    return [value for values in named.values() for value in values]


def _condition(key: str, found: str | Sequence[str]) -> dict[str, Any]:
    return {"key": key, "values": _values([found] if isinstance(found, str) else found)}


def _values(values: Iterable[str]) -> dict[str, Any]:
    return _items([{"value": value} for value in values])


def _items(items: Iterable[Any]) -> dict[str, Any]:
    return {"items": list(items)}


def _text(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ",".join(value)
