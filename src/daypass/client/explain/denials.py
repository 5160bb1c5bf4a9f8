"""AWS's sentence for a denial, taken apart.

IAM User Guide, "Troubleshoot access denied error messages".
"""

import re
from typing import Final

from daypass.client.explain.told import Told

_SENTENCE: Final = re.compile(
    r"(?:User: )?(?P<principal>\S+) is not authorized to perform: (?P<action>[\w-]+:[\w*]+)"
    r"(?: on resource: (?P<resource>\S+))?"
    r"(?:,? (?:because no (?P<absent>[\w -]+? policy|permissions boundary) allows"
    r"|with an explicit deny(?: in (?:an? |the )?(?P<denying>[\w ()-]+?(?:policy|boundary)))?))?"
    r"(?=[\s.:,\"'<]|$)"
).search
_ENCODED: Final = re.compile(r"Encoded authorization failure message: ([A-Za-z0-9_=-]{40,})").search
_ABSENT: Final = {
    "identity-based policy": (
        "No policy of the user or role itself, or of the user's groups, allows it.",
        "Attach a policy to {who} with Allow for {action} on {resource}.",
    ),
    "resource-based policy": (
        "The policy of the resource does not allow it. It must where the caller is of another "
        "account, and for a role's trust policy, a KMS key and a Function URL in any case.",
        "Allow {principal} to do {action} in the policy of {resource}.",
    ),
    "permissions boundary": (
        "The permissions boundary of the user or role does not allow it, so what its policies "
        "allow does not matter.",
        "Allow {action} in the permissions boundary of {who}.",
    ),
    "session policy": (
        "The session was narrowed when it was made (Policy, PolicyArns), and not to this.",
        "Ask for a session whose session policy allows {action}, or for one without.",
    ),
    "service control policy": (
        "A service control policy of the organization does not allow it in this account.",
        "Whoever administers the organization must allow {action} in every level's policies.",
    ),
    "resource control policy": (
        "A resource control policy of the organization does not allow it on this resource.",
        "Whoever administers the organization must allow {action} there.",
    ),
    "VPC endpoint policy": (
        "The policy of the VPC endpoint that the request went through does not allow it.",
        "Allow {action} in the VPC endpoint's policy, or go another way.",
    ),
}
_DENIED: Final = "A Deny beats every Allow: find the statement that covers {action}, and narrow it."


def encoded_message(text: str) -> str:
    """The encoded authorization message in an error's text, "" if there is none."""
    found = _ENCODED(text)
    return found[1] if found else ""


def explain_denial(text: str) -> Told | None:
    """What a denial's sentence says; None if there is none in the text."""
    found = _SENTENCE(text)
    if found is None:
        return None
    principal, action = found["principal"], found["action"]
    resource = (found["resource"] or "*").rstrip(".,;:\"'<>")
    said = {
        "principal": principal,
        "who": _who(principal),
        "action": action,
        "resource": resource,
    }
    layer, why, do = _reason(found["absent"], found["denying"], "explicit deny" in found[0])
    return Told(
        f"{_who(principal)} may not do {action} on {resource}.",
        (why,),
        tuple(one.format(**said) for one in (*do, *_also(principal, action))),
        {"Principal": principal, "Action": action, "Resource": resource, "Policy": layer},
    )


def _reason(absent: str | None, denying: str | None, denied: bool) -> tuple[str, str, list[str]]:
    if absent in _ABSENT:
        why, do = _ABSENT[absent]
        return f"no {absent} allows it", why, [do]
    if denied:
        where = denying or "policy"
        kind = where.replace("an ", "")
        return f"explicit deny in {where}", f"A statement of a {kind} denies it.", [_DENIED]
    return (
        "not said",
        "The service does not say which policy decided.",
        ["See whether a policy of {who} allows {action} on {resource}, and none denies it."],
    )


def _also(principal: str, action: str) -> list[str]:
    if action == "sts:AssumeRole":
        return [
            "To assume a role, its trust policy must name {principal} or the account, with the "
            "conditions it sets (ExternalId, MFA, RoleSessionName, tags) met."
        ]
    if action == "lambda:InvokeFunctionUrl":
        return ["Function URLs made since October 2025 also need lambda:InvokeFunction."]
    del principal
    return []


def _who(principal: str) -> str:
    """The user or role behind a principal's ARN, in words."""
    kind, _, name = principal.rpartition(":")[2].partition("/")
    if kind == "assumed-role" and name:
        role, _, session = name.rpartition("/")
        return f"the role {role} (session {session})"
    if kind == "user" and name:
        return f"the user {name.rpartition('/')[2]}"
    if kind == "federated-user":
        return f"the federated user {name}"
    return principal
