"""What AWS refuses, and in which words. The messages are those of IAM's and S3's APIs."""

import json
from typing import Any

import pytest

from daypass.policy import PolicyError, PolicyKind, parse_policy, policy_size
from daypass.policy.grammar import require_current_version

GOOD = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
ROOT = "arn:aws:iam::123456789012:root"
SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"


def refused(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, kind)
    assert caught.value.code == "MalformedPolicyDocument"
    return caught.value


def document(statement: Any, version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": statement})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '"policy"',
        "null",
        "{",
        "{}",
        "[" * 100_000,
        '{"Statement":' * 50_000,
        '{"Version":"2012-10-17","Statement":[]}',
        '{"Version":"2012-10-17","Statement":"all"}',
        '{"Version":"2012-10-17","Statement":["all"]}',
        '{"Version":"2013-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
        '{"Version":20121017,"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
        '{"Other":1,"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
        '{"Id":7,"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
        '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"},"Statement":{}}',
        '{"Statement":{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}}',
        '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":'
        '{"StringEquals":{"aws:userid":"a"},"StringEquals":{"aws:userid":"b"}}}}',
        '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":'
        '{"StringEquals":{"aws:userid":"a","AWS:USERID":"b"}}}}',
        '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":'
        '{"NumericEquals":{"aws:x":NaN}}}}',
        '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":'
        '{"NumericEquals":{"aws:x":1e999}}}}',
    ],
)
def test_what_is_not_a_policy_is_a_syntax_error(text: str) -> None:
    assert refused(text).message == SYNTAX


def test_a_document_beyond_the_limit_is_refused_before_it_is_read() -> None:
    assert refused(document(GOOD) + " " * 300_000).message == SYNTAX


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"Effect": None}, "$.Statement[0].Effect"),
        ({"Effect": "Permit"}, "$.Statement[0].Effect"),
        ({"Effect": ["Allow"]}, "$.Statement[0].Effect"),
        ({"action": "s3:*"}, "$.Statement[0].action"),
        ({"Action": 7}, "$.Statement[0].Action"),
        ({"Action": ["s3:*", None]}, "$.Statement[0].Action"),
        ({"NotAction": "s3:*"}, "$.Statement[0]"),
        ({"NotResource": "*"}, "$.Statement[0]"),
        ({"Resource": {}}, "$.Statement[0].Resource"),
        ({"Sid": 7}, "$.Statement[0].Sid"),
        ({"Condition": []}, "$.Statement[0].Condition"),
        ({"Action": True}, "$.Statement[0].Action"),
        ({"Action": {"s3:*": 1}}, "$.Statement[0].Action"),
        ({"Condition": {"StringEquals": "x"}}, "$.Statement[0].Condition.StringEquals"),
        ({"Condition": {"StringIs": {"a:b": "x"}}}, "$.Statement[0].Condition.StringIs"),
        ({"Condition": {"NullIfExists": {"a:b": "true"}}}, "$.Statement[0].Condition.NullIfExists"),
        ({"Condition": {"ForSome:StringEquals": {"a:b": "x"}}}, None),
        ({"Condition": {"StringEquals": {"a:b": {}}}}, "$.Statement[0].Condition.StringEquals.a:b"),
        ({"Condition": {"StringEquals": {"a:b": [["x"]]}}}, None),
    ],
)
def test_an_element_of_the_wrong_type_is_a_syntax_error(
    change: dict[str, Any], path: str | None
) -> None:
    error = refused(document([{**GOOD, **change}]))
    assert error.message == SYNTAX
    assert path is None or error.path == path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Effect": "allow"}, LEGACY),
        ({"Effect": "DENY"}, LEGACY),
        ({"Action": []}, "Policy statement must contain actions."),
        ({"Resource": []}, "Policy statement must contain resources."),
        (
            {"Action": "GetObject"},
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            {"Action": ["s3:*", "**"]},
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        ({"Action": "s3:Get:Object"}, "Actions/Condition can contain only one colon."),
        ({"Action": "s*:Get"}, "Vendor s* is not valid"),
        ({"Action": "a a:Get"}, "Vendor a a is not valid"),
        ({"Action": ":Get"}, "Vendor  is not valid"),
        ({"Resource": "bucket"}, 'Resource bucket must be in ARN format or "*".'),
        (
            {"Resource": "bucket:a:b:c:d:e"},
            'Resource bucket:a:b:c:d:e must be in ARN format or "*".',
        ),
        (
            {"Resource": "arn:eu:s3:::bucket"},
            'Partition "eu" is not valid for resource "arn:eu:s3:::bucket".',
        ),
        ({"Resource": "arn:eu"}, 'Partition "eu" is not valid for resource "arn:eu:*:*:*:*".'),
        (
            {"Resource": "arn:aws"},
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            {"Resource": "arn:aws:s*:::bucket"},
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            {"Resource": "arn:aws:${aws:x}:::bucket"},
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        ({"Resource": "arn:aws:s3::bucket"}, LEGACY),
        ({"Resource": "arn:aws::::bucket"}, LEGACY),
        (
            {"Resource": "arn:aws:iam:us-east-1:123456789012:user/a"},
            "IAM resource arn:aws:iam:us-east-1:123456789012:user/a "
            "cannot contain region information.",
        ),
        (
            {"Resource": "arn:aws:s3:us-east-1::bucket"},
            "Resource arn:aws:s3:us-east-1::bucket can not contain region information.",
        ),
        (
            {"Resource": "arn:aws:iam::123456789012:u*"},
            'IAM resource path must either be "*", root, or start with user/, federated-user/, '
            "role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, "
            "saml-provider/, oidc-provider/, report/, access-report/.",
        ),
        ({"Resource": "arn:aws:s3:::b/${aws:username"}, LEGACY),
        ({"Resource": "arn:aws:s3:::b/${}"}, LEGACY),
        ({"Resource": "arn:aws:s3:::b/${aws:x, y}"}, LEGACY),
        ({"Principal": "*"}, "Policy document should not specify a principal."),
        ({"NotPrincipal": "*"}, "Policy document should not specify a principal."),
        (
            {"Sid": "with space"},
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
            "regular expression [0-9A-Za-z]*",
        ),
    ],
)
def test_identity_policies_are_refused_in_iams_words(change: dict[str, Any], message: str) -> None:
    assert refused(document({**GOOD, **change})).message == message


def test_what_is_missing_is_named() -> None:
    without = {name: value for name, value in GOOD.items() if name != "Action"}
    assert refused(document(without)).message == "Policy statement must contain actions."
    without = {name: value for name, value in GOOD.items() if name != "Resource"}
    assert refused(document(without)).message == "Policy statement must contain resources."


def test_sids_are_unique_in_a_document_and_may_be_left_out() -> None:
    twice = [{**GOOD, "Sid": "A"}, {**GOOD, "Sid": "A"}]
    assert (
        refused(document(twice)).message == "Statement IDs (SID) in a single policy must be unique."
    )
    parse_policy(document([GOOD, GOOD, {**GOOD, "Sid": ""}]), PolicyKind.IDENTITY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Principal": None}, "Missing required field Principal"),
        ({"Principal": {}}, "Missing required field Principal cannot be empty!"),
        ({"Effect": None}, "Missing required field Effect"),
        ({"Effect": "Maybe"}, "Invalid effect: Maybe"),
        ({"Effect": "allow"}, "Invalid effect: allow"),
        ({"Action": None}, "Missing required field Action"),
        ({"Resource": "*"}, "Has prohibited field Resource"),
        # What happens to whoever gives a role an identity-based policy for its trust policy.
        ({"Principal": None, "Resource": "*", "Action": "s3:*"}, "Has prohibited field Resource"),
        ({"NotResource": "*"}, "AssumeRole policy must not contain resources."),
        (
            {"Principal": None, "NotPrincipal": {"AWS": "123456789012"}},
            "Allow with NotPrincipal is not allowed.",
        ),
        (
            {"Principal": None, "NotPrincipal": {"AWS": "123456789012"}, "Effect": "Deny"},
            "AssumeRole policy must not contain NotPrincipal field.",
        ),
        ({"NotAction": "sts:AssumeRole"}, "Syntax error in policy."),
        ({"Condition": {"StringIs": {"a:b": "c"}}}, "Syntax error in policy."),
        (
            {"Principal": {"AWS": "arn:aws:iam::123456789012:user/a*"}},
            'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/a*"',
        ),
        (
            {"Principal": {"AWS": "alice"}},
            'Invalid principal in policy: "AWS":"alice"',
        ),
        (
            {"Principal": {"AWS": "arn:aws:iam::123456789012:group/staff"}},
            'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:group/staff"',
        ),
        (
            {"Principal": {"Service": "lambda"}},
            'Invalid principal in policy: "SERVICE":"lambda"',
        ),
        ({"Principal": {"Users": "x"}}, 'Invalid principal in policy: "Users"'),
        ({"Principal": {"AWS": []}}, "Invalid principal in policy"),
        ({"Principal": "123456789012"}, "Invalid principal in policy"),
        (
            {"Action": "s3:GetObject"},
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        ({"Action": "*"}, "AssumeRole policy may only specify STS AssumeRole actions."),
    ],
)
def test_trust_policies_are_refused_in_iams_words(change: dict[str, Any], message: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "123456789012"},
        "Action": "sts:AssumeRole",
        **change,
    }
    given = {name: value for name, value in statement.items() if value is not None}
    assert refused(document(given), PolicyKind.TRUST).message == message


@pytest.mark.parametrize(
    ("text", "trust", "resource"),
    [
        ("{", "This policy contains invalid Json", "This policy contains invalid Json"),
        ("[]", "This policy contains invalid Json", "This policy contains invalid Json"),
        (
            '{"Statement": {}, "Statement": {}}',
            "This policy contains invalid Json",
            "This policy contains invalid Json",
        ),
        (
            '{"Version": "2012-10-17"}',
            "Could not parse the policy: Statement is empty!",
            "Missing required field Statement",
        ),
        (
            '{"Version": "2020-01-01", "Statement": [{}]}',
            "The policy must contain a valid version string",
            "The policy must contain a valid version string",
        ),
        ('{"Statement": [{}]}', "Missing required field Effect", "Missing required field Effect"),
        ('{"Statement": "x"}', "Syntax error in policy.", "Invalid policy syntax."),
    ],
)
def test_documents_that_name_principals_have_a_reader_of_their_own(
    text: str, trust: str, resource: str
) -> None:
    assert refused(text, PolicyKind.TRUST).message == trust
    assert refused(text, PolicyKind.RESOURCE).message == resource


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Effect": "invalid"}, "Invalid effect: invalid"),
        ({"Action": "invalid"}, "Policy has invalid action"),
        ({"Action": []}, "Policy has invalid action"),
        ({"Action": ""}, "Policy has invalid action"),
        ({"Action": "s3:Get:Object"}, "Policy has invalid action"),
        ({"Resource": ""}, "Policy has invalid resource"),
        ({"Resource": []}, "Policy has invalid resource"),
        ({"Principal": ""}, "Invalid principal in policy"),
        ({"Principal": []}, "Invalid principal in policy"),
        ({"Principal": {"AWS": ""}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": []}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": ["*", "x"]}}, "Invalid principal in policy"),
    ],
)
def test_bucket_policies_are_refused_in_s3s_words(change: dict[str, Any], message: str) -> None:
    statement = {**GOOD, "Principal": "*", **change}
    assert refused(document(statement), PolicyKind.RESOURCE).message == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # Answers of AWS to documents with more than one flaw.
        ({"Action": "invalid", "Resource": None}, "Policy statement must contain resources."),
        ({"Action": None, "Resource": None}, "Policy statement must contain actions."),
        ({"Action": "s:3:List", "Resource": "x"}, 'Resource x must be in ARN format or "*".'),
        ({"Effect": "allow", "Action": None}, LEGACY),
        ({"Action": None, "Condition": {"DateGreaterThan": {"a": {}}}}, SYNTAX),
    ],
)
def test_of_two_flaws_the_one_aws_names_is_named(change: dict[str, Any], message: str) -> None:
    given = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    assert refused(document(given)).message == message


def test_sids_are_unique_in_trust_policies_too() -> None:
    statement = {"Sid": "A", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:*"}
    twice = document([statement, statement])
    assert refused(twice, PolicyKind.TRUST).message == (
        "The Statement Ids in the policy are not unique"
    )


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "123456789012",
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:user/division/alice",
        "arn:aws-cn:iam::123456789012:role/r",
        "arn:aws:sts::123456789012:assumed-role/r/session",
        "arn:aws:sts::123456789012:federated-user/visitor",
        "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1",
        "AIDACKCEVSQ6C2EXAMPLE",
        "AROADBQP57FF2AEXAMPLE",
    ],
)
def test_every_form_of_an_aws_principal_is_taken(entry: str) -> None:
    statement = {**GOOD, "Principal": {"AWS": entry}}
    parse_policy(document(statement), PolicyKind.RESOURCE)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "12345678901",
        "1234567890123",
        "arn:aws:iam::123456789012:user/",
        "arn:aws:iam::123456789012:role",
        "arn:aws:iam:us-east-1:123456789012:user/a",
        "arn:aws:sts::123456789012:assumed-role/r",
        "arn:aws:s3:::bucket",
        "arn:aws:iam::*:root",
        "AGPAGROUPGROUPGROUP0",
    ],
)
def test_what_is_no_aws_principal_is_refused(entry: str) -> None:
    statement = {**GOOD, "Principal": {"AWS": entry}}
    assert refused(document(statement), PolicyKind.RESOURCE).message.startswith("Invalid principal")


def test_the_path_leads_to_the_principal_that_is_wrong() -> None:
    statement = {**GOOD, "Principal": {"AWS": [ROOT, "alice"]}}
    assert (
        refused(document([statement]), PolicyKind.RESOURCE).path == "$.Statement[0].Principal.AWS"
    )
    statement = {**GOOD, "NotPrincipal": {"AWS": 7}}
    assert refused(document(statement), PolicyKind.RESOURCE).path == "$.Statement.NotPrincipal.AWS"


def test_kinds_have_their_own_elements() -> None:
    with_principal = document({**GOOD, "Principal": "*"})
    for kind in (PolicyKind.BOUNDARY, PolicyKind.SESSION, PolicyKind.SCP):
        parse_policy(document(GOOD), kind)
        refused(with_principal, kind)
    parse_policy(with_principal, PolicyKind.RCP)
    refused(document({**GOOD, "Principal": {"AWS": "123456789012"}}), PolicyKind.RCP)
    refused(document({**GOOD, "NotPrincipal": {"AWS": "123456789012"}}), PolicyKind.RCP)
    refused(document(GOOD), PolicyKind.RESOURCE)
    parse_policy(document({**GOOD, "NotPrincipal": {"AWS": "123456789012"}}), PolicyKind.RESOURCE)
    parse_policy(document({**GOOD, "Principal": "*", "Sid": "bucket sids"}), PolicyKind.RESOURCE)


def test_incomplete_arns_are_completed_in_identity_policies_only() -> None:
    incomplete = document({**GOOD, "Resource": "arn:aws:sqs"})
    policy = parse_policy(incomplete, PolicyKind.IDENTITY)
    assert policy.statements[0].resources == ("arn:aws:sqs:*:*:*",)
    for kind in (PolicyKind.SESSION, PolicyKind.SCP):
        assert refused(incomplete, kind).message == "Policy has invalid resource"


def test_managed_policies_need_the_current_version() -> None:
    require_current_version(parse_policy(document(GOOD), PolicyKind.IDENTITY))
    for text in (document(GOOD, "2008-10-17"), json.dumps({"Statement": GOOD})):
        with pytest.raises(PolicyError) as caught:
            require_current_version(parse_policy(text, PolicyKind.IDENTITY))
        assert caught.value.message == "Policy document must be version 2012-10-17 or greater."


def test_sizes_count_no_white_space() -> None:
    assert policy_size('{ "a":\n\t"b c" }') == len('{"a":"bc"}')


def test_one_statement_need_not_be_in_a_list() -> None:
    policy = parse_policy(document(GOOD), PolicyKind.IDENTITY)
    assert len(policy.statements) == 1
    assert refused(document({**GOOD, "Action": "x"})).path == "$.Statement.Action"
