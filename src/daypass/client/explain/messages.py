"""A decoded authorization message, in sentences.

AWS STS API reference, DecodeAuthorizationMessage.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from daypass.client.explain.told import Told


def explain_message(decoded: str) -> Told:
    """What the decoded message says. Raises `ValueError` for what is no such message."""
    try:
        message = json.loads(decoded)
        context = message["context"]
        principal = context["principal"]
        action, resource = str(context["action"]), str(context["resource"])
        who = str(principal.get("arn") or principal.get("id") or "")
        conditions = _conditions(context.get("conditions"))
        matched = [_statement(one) for one in _items(message.get("matchedStatements"))]
        explicit = bool(message.get("explicitDeny"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("This is no decoded authorization message.") from error
    why = [str(message["explanation"])] if message.get("explanation") else []
    if explicit:
        why.append("A statement denies it, which beats every Allow.")
    elif not message.get("allowed"):
        why.append("No statement allows it.")
    return Told(
        f"{who} may not do {action} on {resource}.",
        tuple(why),
        (),
        {"Principal": who, "Action": action, "Resource": resource},
        "\n".join([*matched, *conditions]),
    )


def _items(members: Any) -> Sequence[Mapping[str, Any]]:
    items: Sequence[Mapping[str, Any]] = (members or {}).get("items", [])
    return items


def _statement(statement: Mapping[str, Any]) -> str:
    name = statement.get("statementId") or "a statement without Sid"
    policy = f" in {statement['policy']}" if statement.get("policy") else ""
    parts = [
        f"{label} {', '.join(str(one.get('value')) for one in _items(statement.get(member)))}"
        for member, label in (
            ("actions", "Action"),
            ("notActions", "NotAction"),
            ("resources", "Resource"),
            ("notResources", "NotResource"),
        )
        if _items(statement.get(member))
    ]
    return f"matched: {statement.get('effect')} {name}{policy}: {'; '.join(parts)}"


def _conditions(conditions: Any) -> list[str]:
    return [f"{one.get('key')} = {_values(one.get('values'))}" for one in _items(conditions)]


def _values(values: Any) -> str:
    return ", ".join(str(one.get("value")) for one in _items(values))
