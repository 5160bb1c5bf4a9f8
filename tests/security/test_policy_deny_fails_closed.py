"""A Deny that is not understood must not become no Deny (attacks 81, 82, 83).

Seen elsewhere: an unknown operator, NotAction or NotPrincipal inside a Deny is skipped, and the
Allow beside it stands; a policy that cannot be read is left out of the evaluation.
"""

import json

import pytest

from daypass.policy import Outcome, PolicyError, PolicyKind, parse_policy
from tests.policy.asking import EVERYTHING, ask

DENY = {"Sid": "Deny", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}


def denied(**elements: object) -> bool:
    statement = {key: value for key, value in {**DENY, **elements}.items() if value is not None}
    return ask(EVERYTHING, statement).outcome is Outcome.EXPLICIT_DENY


@pytest.mark.parametrize(
    "operator",
    ["StringIs", "StringEqualsX", "IfExists", "ForNoValue:StringEquals", "NullIfExists", ""],
)
def test_an_unknown_operator_is_refused_when_written(operator: str) -> None:
    with pytest.raises(PolicyError):
        denied(Condition={operator: {"aws:userid": "x"}})


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("IpAddress", "10.0.0.0/33"),
        ("IpAddress", "${aws:SourceIp}"),
        ("NumericLessThan", "ten"),
        ("DateGreaterThan", "tomorrow"),
        ("Bool", "yes"),
        ("BinaryEquals", "###"),
        ("ArnLike", "arn:aws:iam"),
        ("ArnLike", "*"),
        ("Null", "maybe"),
        ("StringEquals", "${aws:userid"),
        ("StringLike", "${}"),
    ],
)
def test_a_value_the_operator_cannot_read_is_refused_when_written(
    operator: str, value: str
) -> None:
    with pytest.raises(PolicyError):
        denied(Condition={operator: {"aws:x": value}})
    with pytest.raises(PolicyError):
        denied(Condition={f"ForAnyValue:{operator}": {"aws:x": ["1", value]}})


def test_a_negated_operator_that_cannot_be_read_denies() -> None:
    assert denied(Condition={"NotIpAddress": {"aws:SourceIp": "10.0.0.0/33"}})
    assert denied(Condition={"StringNotEquals": {"aws:userid": "${aws:username}"}})


@pytest.mark.parametrize(
    "condition",
    [
        {"stringequals": {"aws:userid": "x"}},
        {"STRINGLIKE": {"AWS:USERID": "x*"}},
        {"StringEqualsIfExists": {"aws:missing": "x"}},
        {"StringNotEquals": {"aws:missing": "x"}},
        {"ArnNotLike": {"aws:userid": "arn:aws:iam::*:role/*"}},
        {"ForAllValues:StringEquals": {"aws:missing": "x"}},
        {"Null": {"aws:missing": "true"}},
    ],
)
def test_odd_spellings_and_missing_keys_still_deny(condition: dict[str, object]) -> None:
    statement = {**DENY, "Condition": condition}
    decision = ask(EVERYTHING, statement, context={"aws:userid": "x"})
    assert decision.outcome is Outcome.EXPLICIT_DENY


def test_not_action_and_not_resource_deny() -> None:
    assert denied(Action=None, NotAction="iam:*")
    assert denied(Resource=None, NotResource="arn:aws:s3:::other/*")
    assert not denied(Action=None, NotAction="s3:Get*")


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*","Effect":"Allow"}}',
        '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*","Conditions":{}}}',
        '{"Statement":{"Effect":"DENY","Action":"*","Resource":"*"}}',
        '{"Statement":{"Action":"*","Resource":"*"}}',
        '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}} trailing',
    ],
)
def test_what_cannot_be_read_is_an_error_and_never_skipped(text: str) -> None:
    with pytest.raises(PolicyError):
        parse_policy(text, PolicyKind.IDENTITY)


def test_there_is_no_default_effect() -> None:
    """Attack 84: a trust policy's statement without an Effect must not allow."""
    statement = {"Principal": "*", "Action": "sts:AssumeRole"}
    with pytest.raises(PolicyError):
        parse_policy(json.dumps({"Statement": statement}), PolicyKind.TRUST)
