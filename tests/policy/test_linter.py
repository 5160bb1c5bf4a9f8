"""What the linter finds, and what it leaves alone."""

import json
from typing import Any

import pytest

from daypass.policy import PolicyKind, Severity, lint, parse_policy

ACCOUNT = "123456789012"
OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com"
GET = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
ASSUME = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
WEB = {**ASSUME, "Principal": {"Federated": OIDC}, "Action": "sts:AssumeRoleWithWebIdentity"}


def codes(
    statement: dict[str, Any],
    kind: PolicyKind = PolicyKind.IDENTITY,
    version: str = "2012-10-17",
    account: str = "",
) -> list[str]:
    text = json.dumps({"Version": version, "Statement": [statement]})
    return [finding.code for finding in lint(parse_policy(text, kind), account=account)]


def when(operator: str, key: str, value: Any, **elements: Any) -> dict[str, Any]:
    return {**GET, **elements, "Condition": {operator: {key: value}}}


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ({**GET, "Action": "s3:GetObjects"}, "unknown-action"),
        ({**GET, "Action": "lambda:Invok?Functio", "Resource": "*"}, "unknown-action"),
        ({"Effect": "Deny", "NotAction": "sts:AssumeRoles", "Resource": "*"}, "unknown-action"),
        ({**GET, "Resource": "arn:aws:s3:::bucket"}, "resource-does-not-apply"),
        ({**GET, "Action": "s3:ListBucket"}, "resource-does-not-apply"),
        ({**GET, "Action": "s3:ListAllMyBuckets"}, "resource-does-not-apply"),
        ({**GET, "Action": ["s3:GetObject", "s3:ListBucket"]}, "action-without-its-resource"),
        (
            when("StringEquals", "s3:prefix", "home/*", Action="s3:ListBucket", Resource="*"),
            "wildcard-is-literal",
        ),
        (when("NumericLessThan", "aws:MultiFactorAuthAge", "an hour"), "value-never-matches"),
        (when("IpAddress", "aws:SourceIp", "10.0.0.0/99"), "value-never-matches"),
        (when("StringEquals", "aws:userid", []), "condition-without-values"),
        (when("StringEquals", "aws:UserID2", "x"), "unknown-condition-key"),
        (when("StringEquals", "s3:prefix", "x"), "unknown-condition-key"),
        (when("StringEquals", "aws:PrincipalOrgPaths", "o-1/*"), "needs-set-operator"),
        (when("ForAnyValue:StringEquals", "aws:userid", "x"), "needs-no-set-operator"),
        (when("ForAllValues:StringEquals", "aws:TagKeys", "x"), "for-all-values-of-nothing"),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "allow-not-action"),
        (
            {"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::x"},
            "allow-not-resource",
        ),
        ({"Effect": "Allow", "Action": "*", "Resource": "*"}, "allows-everything"),
        ({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}, "pass-any-role"),
        (
            when("Bool", "aws:MultiFactorAuthPresent", "false", Effect="Deny"),
            "mfa-is-absent-with-long-term-keys",
        ),
    ],
)
def test_findings_in_identity_policies(statement: dict[str, Any], code: str) -> None:
    assert code in codes(statement)


@pytest.mark.parametrize(
    "statement",
    [
        GET,
        {**GET, "Resource": "*"},
        {**GET, "Resource": "arn:aws:s3:::*"},
        {**GET, "Resource": "arn:aws:s3:::bucket*"},
        {**GET, "Resource": "arn:*:s3:::${aws:PrincipalTag/bucket}/*"},
        {**GET, "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"},
        {
            **GET,
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
        },
        {**GET, "Action": "ec2:RunInstances", "Resource": "*"},
        when("StringLike", "s3:prefix", "home/*", Action="s3:ListBucket", Resource="*"),
        when("StringEquals", "s3:ExistingObjectTag/team", "red"),
        when("StringEquals", "aws:PrincipalTag/team", "red"),
        when("StringEquals", "token.example.com:sub", "x"),
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-1/*"),
        when("BoolIfExists", "aws:MultiFactorAuthPresent", "false", Effect="Deny"),
        {
            **GET,
            "Condition": {
                "ForAllValues:StringEquals": {"aws:TagKeys": "x"},
                "Null": {"aws:TagKeys": "false"},
            },
        },
        {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:report",
        },
        {"Effect": "Allow", "Action": "iam:GetUser", "Resource": f"arn:aws:iam::{ACCOUNT}:user/*"},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        },
    ],
)
def test_sound_statements_have_no_findings(statement: dict[str, Any]) -> None:
    assert codes(statement) == []


def test_a_condition_that_contradicts_itself() -> None:
    condition = {"Null": {"aws:userid": "true"}, "StringEquals": {"AWS:UserId": "x"}}
    assert codes({**GET, "Condition": condition}) == ["condition-contradicts"]
    condition = {"Null": {"aws:userid": "true"}, "StringEqualsIfExists": {"aws:userid": "x"}}
    assert codes({**GET, "Condition": condition}) == []


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ({**ASSUME, "Principal": "*"}, "trust-open-to-anyone"),
        ({**ASSUME, "Principal": {"AWS": ["*"]}}, "trust-open-to-anyone"),
        (WEB, "trust-without-subject"),
        (
            {**WEB, "Condition": {"StringEquals": {"token.example.com:aud": "sts"}}},
            "trust-without-subject",
        ),
        (
            {**WEB, "Condition": {"StringLike": {"token.example.com:sub": "*"}}},
            "subject-is-anyone",
        ),
        ({**ASSUME, "Principal": {"AWS": "999988887777"}}, "trust-without-external-id"),
    ],
)
def test_findings_in_trust_policies(statement: dict[str, Any], code: str) -> None:
    assert code in codes(statement, PolicyKind.TRUST, account=ACCOUNT)


@pytest.mark.parametrize(
    "statement",
    [
        ASSUME,
        {**ASSUME, "Principal": {"Service": "lambda.amazonaws.com"}},
        {**WEB, "Condition": {"StringLike": {"token.example.com:sub": "repo:team/app:*"}}},
        {
            **ASSUME,
            "Principal": {"AWS": "arn:aws:iam::999988887777:role/ci"},
            "Condition": {"StringEquals": {"sts:ExternalId": "7"}},
        },
    ],
)
def test_sound_trust_policies_have_no_findings(statement: dict[str, Any]) -> None:
    assert codes(statement, PolicyKind.TRUST, account=ACCOUNT) == []


@pytest.mark.parametrize(
    ("principal", "code"),
    [
        ({"Principal": "*"}, "public-resource"),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, "service-without-source"),
        ({"NotPrincipal": {"AWS": ACCOUNT}}, "allow-not-principal"),
    ],
)
def test_findings_in_resource_policies(principal: dict[str, Any], code: str) -> None:
    assert code in codes({**GET, **principal}, PolicyKind.RESOURCE)


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        ("arn:aws:lambda:eu-west-1:123456789012:functi*", True),
        ("arn:aws:lambda:*:*:*:report", False),
        ("arn:aws:lambda:*:*:function:*", False),
        ("arn:aws:lambda:*:*:function:re?ort", False),
        ("arn:aws:lambda:*", False),
        ("arn:aws:s3:::buck*/x", False),
        ("arn:aws:no-such-service:::buck*/x", False),
    ],
)
def test_wildcards_in_the_type_of_a_resource(resource: str, found: bool) -> None:
    for name in ("Resource", "NotResource"):
        statement = {"Effect": "Deny", "Action": "*", name: resource}
        assert ("wildcard-in-resource-type" in codes(statement)) is found


# The limits of "IAM and AWS STS quotas", and S3's of bucket policies.
@pytest.mark.parametrize(
    ("kind", "statement", "size", "severity"),
    [
        (PolicyKind.IDENTITY, GET, 6144, None),
        (PolicyKind.IDENTITY, GET, 6145, Severity.WARNING),
        (PolicyKind.IDENTITY, GET, 10241, Severity.ERROR),
        (PolicyKind.BOUNDARY, GET, 6145, Severity.ERROR),
        (PolicyKind.TRUST, ASSUME, 2049, Severity.WARNING),
        (PolicyKind.TRUST, ASSUME, 4097, Severity.ERROR),
        (PolicyKind.SESSION, GET, 2049, Severity.ERROR),
        (PolicyKind.RESOURCE, {**GET, "Principal": {"AWS": ACCOUNT}}, 20481, Severity.ERROR),
        (PolicyKind.SCP, GET, 5000, None),
    ],
)
def test_sizes(
    kind: PolicyKind, statement: dict[str, Any], size: int, severity: Severity | None
) -> None:
    document = {"Version": "2012-10-17", "Id": "", "Statement": [statement]}
    document["Id"] = "x" * (size - len(json.dumps(document).replace(" ", "")))
    text = json.dumps(document, indent=8)
    found = [each.severity for each in lint(parse_policy(text, kind)) if each.path == "$"]
    assert found == ([] if severity is None else [severity])


def test_versions() -> None:
    assert codes(GET, version="2008-10-17") == ["old-version"]
    home = {**GET, "Resource": "arn:aws:s3:::bucket/${aws:username}/*"}
    text = json.dumps({"Version": "2008-10-17", "Statement": home})
    (finding,) = lint(parse_policy(text, PolicyKind.IDENTITY))
    assert (finding.code, finding.severity) == ("old-version", Severity.ERROR)


def test_a_finding_says_where_it_is_and_what_to_do() -> None:
    text = json.dumps(
        {"Version": "2012-10-17", "Statement": [GET, {**GET, "Action": "s3:GetObjec"}]}
    )
    (finding,) = lint(parse_policy(text, PolicyKind.IDENTITY))
    assert finding.severity is Severity.ERROR
    assert finding.path == "$.Statement[1].Action"
    assert "GetObject" in finding.remedy
    assert finding.text().splitlines()[0].startswith("error: ")
