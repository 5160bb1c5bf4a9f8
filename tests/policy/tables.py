"""Families of cases, written out from the tables of AWS's documentation.

Nothing here asks the evaluation what it thinks: the expected values are the tables. Run
`python -m tests.policy.tables` to write the families to `cases/`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.policy.case import ACCOUNT, CASES, OTHER_ACCOUNT

Case = dict[str, Any]
OPERATORS_PAGE = "IAM JSON policy elements: Condition operators"
SETS_PAGE = "Set operators for multivalued context keys"
LOGIC_PAGE = "Policy evaluation logic: Evaluating policies within a single account"
CROSS_PAGE = "Cross-account policy evaluation logic"

ALICE = {"kind": "user", "account": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/alice"}

# Operator: the policy's value, a further value, request values that match the first one, and
# request values that match neither.
OPERATORS: Mapping[str, tuple[str, str, list[str], list[str]]] = {
    "StringEquals": ("blue", "green", ["blue"], ["Blue", "blu", "b*"]),
    "StringEqualsIgnoreCase": ("blue", "green", ["blue", "BLUE"], ["blu"]),
    "StringLike": ("b?u*", "g*", ["blue", "blu"], ["BLUE", "bleu"]),
    "NumericEquals": ("10", "20", ["10", "10.0"], ["11", "-10", "ten"]),
    "NumericLessThan": ("10", "5", ["9", "9.99", "-1"], ["10", "11"]),
    "NumericLessThanEquals": ("10", "5", ["10", "9"], ["10.01", "11"]),
    "NumericGreaterThan": ("10", "20", ["11", "10.5"], ["10", "9"]),
    "NumericGreaterThanEquals": ("10", "20", ["10", "11"], ["9.99"]),
    "DateEquals": (
        "2026-01-01T00:00:00Z",
        "2026-02-01T00:00:00Z",
        ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "1767225600"],
        ["2026-01-01T00:00:01Z", "yesterday"],
    ),
    "DateLessThan": (
        "2026-01-01T00:00:00Z",
        "2025-01-01T00:00:00Z",
        ["2025-12-31T23:59:59Z", "1767225599"],
        ["2026-01-01T00:00:00Z"],
    ),
    "DateLessThanEquals": (
        "2026-01-01T00:00:00Z",
        "2025-01-01T00:00:00Z",
        ["2026-01-01T00:00:00Z", "2025-06-01"],
        ["2026-01-01T00:00:01Z"],
    ),
    "DateGreaterThan": (
        "2026-01-01T00:00:00Z",
        "2027-01-01T00:00:00Z",
        ["2026-01-01T00:00:01Z", "2026-06"],
        ["2026-01-01T00:00:00Z"],
    ),
    "DateGreaterThanEquals": (
        "2026-01-01T00:00:00Z",
        "2027-01-01T00:00:00Z",
        ["2026-01-01T00:00:00Z", "1767225600"],
        ["2025-12-31T23:59:59.999Z"],
    ),
    "Bool": ("true", "true", ["true"], ["false"]),
    "BinaryEquals": ("QmluYXJ5", "T3RoZXI=", ["QmluYXJ5"], ["QmluYXJ6"]),
    "IpAddress": (
        "203.0.113.0/24",
        "2001:db8:1234:5678::/64",
        ["203.0.113.7", "203.0.113.255"],
        ["203.0.114.7", "2001:db8:1234:9999::1"],
    ),
    "ArnEquals": (
        "arn:aws:sns:*:123456789012:orders-*",
        "arn:aws:sqs:*:*:*",
        ["arn:aws:sns:eu-west-1:123456789012:orders-new"],
        ["arn:aws:sns:eu-west-1:999988887777:orders-new", "orders-new"],
    ),
    "ArnLike": (
        "arn:aws:iam::123456789012:role/team/*",
        "arn:aws:iam::123456789012:user/bob",
        ["arn:aws:iam::123456789012:role/team/a/b"],
        ["arn:aws:iam::123456789012:role/other", "arn:aws:iam:x:123456789012:role/team/a"],
    ),
}
NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def with_condition(name: str, operator: str, values: Any, found: Any, holds: bool) -> Case:
    """A case whose only Allow has this condition. found: the request's value, None if absent."""
    statement = {
        "Sid": "Conditional",
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "*",
        "Condition": {operator: {"daypass:Key": values}},
    }
    case: Case = {
        "name": name,
        "policies": {"identity": {"Version": "2012-10-17", "Statement": [statement]}},
        "principal": ALICE,
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::bucket/key",
        "context": {} if found is None else {"daypass:key": found},
        "expected": "allow" if holds else "implicit_deny",
        "layer": "identity-based policy",
        "source": OPERATORS_PAGE,
    }
    return case


def operators() -> Iterator[Case]:
    """Each operator: match, no match, missing key, two values, IfExists, and as a Deny."""
    named = {name: (name, False) for name in OPERATORS}
    named |= {name: (base, True) for name, base in NEGATIONS.items()}
    for operator, (base, negated) in named.items():
        first, second, matching, others = OPERATORS[base]
        for number, value in enumerate(matching):
            yield with_condition(f"{operator} match {number}", operator, first, value, not negated)
        for number, value in enumerate(others):
            yield with_condition(f"{operator} no match {number}", operator, first, value, negated)
        one, other = matching[0], others[0]
        both = [second, first]
        yield with_condition(f"{operator} missing key", operator, first, None, negated)
        yield with_condition(f"{operator} second value", operator, both, one, not negated)
        yield with_condition(f"{operator} neither value", operator, both, other, negated)
        exists = f"{operator}IfExists"
        yield with_condition(f"{exists} missing key", exists, first, None, True)
        yield with_condition(f"{exists} match", exists, first, one, not negated)
        yield with_condition(f"{exists} no match", exists, first, other, negated)
        yield from as_deny(operator, first, one, other, negated)


def as_deny(operator: str, first: str, one: str, other: str, negated: bool) -> Iterator[Case]:
    """The same conditions on a Deny beside an Allow of everything."""
    outcomes = [
        ("match", one, not negated),
        ("no match", other, negated),
        ("missing", None, negated),
    ]
    for name, found, holds in outcomes:
        case = with_condition(f"Deny {operator} {name}", operator, first, found, holds)
        statement = case["policies"]["identity"]["Statement"][0]
        statement["Effect"] = "Deny"
        everything = {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}
        case["policies"]["identity"]["Statement"].append(everything)
        case["expected"] = "explicit_deny" if holds else "allow"
        case["sid"] = "Conditional" if holds else "All"
        yield case


# Of the request's values: all match a value of the policy, some do, none does, the key is
# missing, the key has no values. Whether the condition holds.
SET_RULES = {
    ("ForAllValues", False): {
        "all": True,
        "some": False,
        "none": False,
        "missing": True,
        "empty": True,
    },
    ("ForAllValues", True): {
        "all": False,
        "some": False,
        "none": True,
        "missing": True,
        "empty": True,
    },
    ("ForAnyValue", False): {
        "all": True,
        "some": True,
        "none": False,
        "missing": False,
        "empty": False,
    },
    ("ForAnyValue", True): {
        "all": False,
        "some": True,
        "none": True,
        "missing": False,
        "empty": False,
    },
}


def set_operators() -> Iterator[Case]:
    """Each operator with each set operator, by the table of the page on set operators."""
    named = {name: (name, False) for name in OPERATORS}
    named |= {name: (base, True) for name, base in NEGATIONS.items()}
    for operator, (base, negated) in named.items():
        first, second, matching, others = OPERATORS[base]
        if base == "Bool":
            second = first
        one, other = matching[0], others[0]
        found = {"all": [one], "some": [one, other], "none": [other], "missing": None, "empty": []}
        for set_operator in ("ForAllValues", "ForAnyValue"):
            for which, holds in SET_RULES[set_operator, negated].items():
                name = f"{set_operator}:{operator}"
                case = with_condition(f"{name} {which}", name, [first, second], found[which], holds)
                yield case | {"source": SETS_PAGE}


BUCKET_OBJECT = "arn:aws:s3:::bucket/key"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/worker"
SESSION_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/run-1"
FEDERATED_ARN = f"arn:aws:sts::{ACCOUNT}:federated-user/visitor"
USER_ID, ROLE_ID = "AIDAALICEALICEALICE00", "AROAWORKERWORKERWOR00"
CALLERS: Mapping[str, dict[str, str]] = {
    "user": {**ALICE, "unique_id": USER_ID},
    "role session": {
        "kind": "role-session",
        "account": ACCOUNT,
        "arn": SESSION_ARN,
        "role_arn": ROLE,
        "unique_id": ROLE_ID,
    },
    "federated user": {
        "kind": "federated-user",
        "account": ACCOUNT,
        "arn": FEDERATED_ARN,
        "user_arn": ALICE["arn"],
        "user_id": USER_ID,
    },
    "root user": {"kind": "root", "account": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root"},
}
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
# The table of "Resource-based policies": what the bucket policy's Principal names, by caller:
# whether identity must allow, whether a boundary limits it, whether a session policy does.
# None: the principal does not mean this caller.
BYPASS: Mapping[str, list[tuple[str, Any, tuple[bool, bool, bool]]]] = {
    "user": [
        ("anyone", "*", (False, False, False)),
        ("anyone in AWS", {"AWS": "*"}, (False, False, False)),
        ("the user", {"AWS": ALICE["arn"]}, (False, False, False)),
        ("the user's id", {"AWS": USER_ID}, (False, False, False)),
        ("the account", ROOT, (True, True, True)),
        ("the account id", {"AWS": ACCOUNT}, (True, True, True)),
        ("another user", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"}, (True, True, True)),
        ("nobody", None, (True, True, True)),
    ],
    "role session": [
        ("anyone", "*", (False, False, False)),
        ("anyone in AWS", {"AWS": "*"}, (False, False, False)),
        ("the session", {"AWS": SESSION_ARN}, (False, False, False)),
        ("the role", {"AWS": ROLE}, (False, True, True)),
        ("the role's id", {"AWS": ROLE_ID}, (False, True, True)),
        ("the account", ROOT, (True, True, True)),
        ("another session", {"AWS": f"{SESSION_ARN}2"}, (True, True, True)),
        ("another role", {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, (True, True, True)),
        ("nobody", None, (True, True, True)),
    ],
    "federated user": [
        ("anyone", "*", (False, False, False)),
        ("the federated user", {"AWS": FEDERATED_ARN}, (False, False, False)),
        ("the user behind", {"AWS": ALICE["arn"]}, (False, True, True)),
        ("the user behind by id", {"AWS": USER_ID}, (False, True, True)),
        ("the account", ROOT, (True, True, True)),
        ("another federated user", {"AWS": f"{FEDERATED_ARN}2"}, (True, True, True)),
        ("nobody", None, (True, True, True)),
    ],
}


def document(effect: str, action: str = "s3:GetObject", principal: Any = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": effect, "Effect": effect}
    if principal is not None:
        statement["Principal"] = principal
    statement |= {"Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


ALLOWS = document("Allow")
ALLOWS_OTHER = document("Allow", "s3:PutObject")


def get_object(name: str, caller: str, policies: dict[str, Any], expected: str, layer: str) -> Case:
    return {
        "name": name,
        "policies": {layer: value for layer, value in policies.items() if value is not None},
        "principal": CALLERS[caller],
        "action": "s3:GetObject",
        "resource": BUCKET_OBJECT,
        "expected": expected,
        "layer": layer,
        "source": LOGIC_PAGE,
    }


def bypass() -> Iterator[Case]:
    """Every row of the table with identity, boundary and session policy each in the way."""
    for caller, rows in BYPASS.items():
        for named, principal, (identity, boundary, session) in rows:
            resource = None if principal is None else document("Allow", principal=principal)
            base = f"{caller}, bucket policy names {named}"
            granted = "identity-based policy" if identity else "resource-based policy"
            for limit, has, limits in (
                ("nothing else", {}, identity),
                ("identity allows", {"identity": ALLOWS}, False),
                ("boundary silent", {"identity": ALLOWS, "boundary": ALLOWS_OTHER}, boundary),
                ("session silent", {"identity": ALLOWS, "session": ALLOWS_OTHER}, session),
                (
                    "boundary and session allow",
                    {"identity": ALLOWS, "boundary": ALLOWS, "session": ALLOWS},
                    False,
                ),
            ):
                if caller == "user" and "session" in has:
                    # An IAM user has no session policy.
                    continue
                refusing = {
                    "nothing else": "identity-based policy",
                    "boundary silent": "permissions boundary",
                    "session silent": "session policy",
                }
                yield get_object(
                    f"{base}; {limit}",
                    caller,
                    {"resource": resource, **has},
                    "implicit_deny" if limits else "allow",
                    refusing[limit] if limits else granted,
                )


EXPLICIT = [
    ("identity", "identity-based policy"),
    ("boundary", "permissions boundary"),
    ("session", "session policy"),
    ("resource", "resource-based policy"),
    ("scp", "service control policy"),
    ("rcp", "resource control policy"),
    ("vpce", "VPC endpoint policy"),
]


def explicit_denies() -> Iterator[Case]:
    """An explicit deny in each layer ends it, however far a bucket policy's grant reaches."""
    for caller, rows in BYPASS.items():
        for layer, name in EXPLICIT:
            if layer == "session" and caller == "user":
                continue
            for named, principal, _ in rows[:4]:
                everyone = {"resource": "*", "rcp": "*", "vpce": "*"}.get(layer)
                denying = document("Deny", "s3:*", everyone)
                policies: dict[str, Any] = {
                    "identity": ALLOWS,
                    "resource": document("Allow", principal=principal),
                }
                if layer in ("scp", "rcp"):
                    allowing = document("Allow", "*", everyone)
                    policies[layer] = [[allowing, denying]]
                elif layer == "resource":
                    policies[layer] = [policies[layer], denying]
                elif layer in ("identity", "boundary", "session"):
                    policies[layer] = [document("Allow", "*"), denying]
                else:
                    policies[layer] = [document("Allow", "*", "*"), denying]
                title = f"{caller}, {name} denies, bucket policy names {named}"
                yield get_object(title, caller, policies, "explicit_deny", name) | {"sid": "Deny"}


def cross_account() -> Iterator[Case]:
    """Both accounts must allow, whoever the bucket policy names; both sides' limits hold."""
    for caller, rows in BYPASS.items():
        for named, principal, _ in rows:
            if named.startswith("another"):
                continue
            resource = None if principal is None else document("Allow", principal=principal)
            for limit, has, refusing in (
                ("identity silent", {"identity": ALLOWS_OTHER}, "identity-based policy"),
                ("identity allows", {"identity": ALLOWS}, None),
                (
                    "boundary silent",
                    {"identity": ALLOWS, "boundary": ALLOWS_OTHER},
                    "permissions boundary",
                ),
                (
                    "session silent",
                    {"identity": ALLOWS, "session": ALLOWS_OTHER},
                    "session policy",
                ),
            ):
                if caller == "user" and "session" in has:
                    continue
                refused = "resource-based policy" if resource is None else refusing
                case = get_object(
                    f"cross-account {caller}, bucket policy names {named}; {limit}",
                    caller,
                    {"resource": resource, **has},
                    "implicit_deny" if refused else "allow",
                    refused or "identity-based policy",
                )
                yield case | {"resource_account": OTHER_ACCOUNT, "source": CROSS_PAGE}


FAMILIES: Mapping[str, Callable[[], Iterator[Case]]] = {
    "operators": operators,
    "set_operators": set_operators,
    "bypass": bypass,
    "explicit_denies": explicit_denies,
    "cross_account": cross_account,
}


def main() -> None:
    for name, family in FAMILIES.items():
        lines = ",\n".join(json.dumps(case) for case in family())
        (CASES / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
