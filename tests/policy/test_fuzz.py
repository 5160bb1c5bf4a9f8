"""What anybody may send: only errors of our own come out of it."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.policy import (
    AuthorizationRequest,
    Layers,
    PolicyError,
    PolicyKind,
    PolicySet,
    Principal,
    PrincipalKind,
    evaluate,
    parse_policy,
)

NAMES = ["Version", "Id", "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action"]
NAMES += ["NotAction", "Resource", "NotResource", "Condition", "AWS", "Service", "StringEquals"]
NAMES += ["ForAnyValue:ArnLike", "IpAddress", "DateLessThan", "Null", "aws:SourceIp", "a:b"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(
        ["Allow", "Deny", "2012-10-17", "*", "s3:*", "s3:Get?", "arn:aws:s3:::b/${a:b}"]
    ),
    st.sampled_from(["${", "${*}", "${a:b, '", "10.0.0.0/8", "arn:aws:iam::123456789012:root"]),
    st.text(max_size=20),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": VALUES, "Resource": VALUES},
    optional={"Sid": VALUES, "Principal": VALUES, "Condition": VALUES},
)
DOCUMENTS = st.one_of(
    VALUES, st.fixed_dictionaries({"Version": st.just("2012-10-17"), "Statement": STATEMENTS})
)
SESSION = Principal(
    PrincipalKind.ROLE_SESSION, "123456789012", "arn:aws:sts::123456789012:assumed-role/r/s"
)


@settings(max_examples=600, deadline=None)
@given(DOCUMENTS, st.sampled_from(list(PolicyKind)), st.text(max_size=30), st.text(max_size=30))
def test_documents(document: Any, kind: PolicyKind, action: str, resource: str) -> None:
    with contextlib.suppress(PolicyError):
        policies = PolicySet([parse_policy(json.dumps(document), kind)])
        context = {"a:b": action, "aws:sourceip": resource}
        request = AuthorizationRequest(SESSION, action, resource, context)
        for layers in (Layers(identity=policies), Layers(resource=policies, session=policies)):
            explanation = evaluate(request, layers).explain()
            assert explanation.full()
            json.dumps(explanation.data())


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=200))
def test_text(text: str) -> None:
    with contextlib.suppress(PolicyError):
        parse_policy(text, PolicyKind.IDENTITY)


@pytest.mark.parametrize(
    "text",
    [
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",'
        '"Condition":{"NumericEquals":{"a:b":' + "9" * 5000 + "}}}}",
        '{"a":' * 20_000 + "1" + "}" * 20_000,
        "\ud800",
        '{"Statement":"\\ud800"}',
        "\x00",
        "\ufeff{}",
    ],
)
def test_known_ways_to_break_a_json_reader(text: str) -> None:
    with pytest.raises(PolicyError):
        parse_policy(text, PolicyKind.IDENTITY)
