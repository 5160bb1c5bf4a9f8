"""Keys under aws: come from the server alone, whatever headers, queries and tags a client sends."""

import json
import uuid

import pytest
from botocore.credentials import Credentials

from tests.conftest import Server
from tests.signing import send, signed

SPOOFS = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Real-Ip": "203.0.113.7",
    "Forwarded": "for=203.0.113.7",
    "Aws-SourceIp": "203.0.113.7",
    "X-Forwarded-Proto": "https",
}


def user_with(server: Server, condition: dict[str, object]) -> Credentials:
    """A user who may list users only where the condition holds."""
    name = f"conditions-{uuid.uuid4().hex[:8]}"
    iam = server.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def list_users(server: Server, credentials: Credentials, spoof: dict[str, str], query: str) -> int:
    url = f"{server.endpoint}/?Action=ListUsers&Version=2010-05-08{query}"
    return send(signed(credentials, "iam", server.region, "GET", url, headers=spoof)).status


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:username": "administrator"}},
        {"StringEquals": {"aws:PrincipalType": "Account"}},
        {"Bool": {"aws:SecureTransport": "true"}},
    ],
)
def test_no_header_or_query_satisfies_a_condition_on_an_aws_key(
    server: Server, condition: dict[str, object]
) -> None:
    credentials = user_with(server, condition)
    query = "&SourceIp=203.0.113.7&aws%3Ausername=administrator&aws%3ASourceIp=203.0.113.7"
    assert list_users(server, credentials, {}, "") == 403
    assert list_users(server, credentials, SPOOFS, "") == 403
    assert list_users(server, credentials, {}, query) == 403


@pytest.mark.parametrize(
    "condition",
    [
        {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
        {"Bool": {"aws:SecureTransport": "false"}},
        {"StringEquals": {"aws:PrincipalType": "User"}},
        {"StringLike": {"aws:username": "conditions-*"}},
        {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
        {"StringEquals": {"aws:RequestedRegion": "us-east-1"}},
        {"Null": {"aws:TokenIssueTime": "true"}},
    ],
)
def test_the_same_keys_hold_what_the_server_saw(
    server: Server, condition: dict[str, object]
) -> None:
    credentials = user_with(server, condition)
    assert list_users(server, credentials, {}, "") == 200
    assert list_users(server, credentials, SPOOFS, "") == 200
