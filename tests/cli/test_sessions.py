"""`daypass sessions revoke` against a server."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.cli.running import daypass

ROLE = "cli-sessions-role"


@pytest.fixture(scope="module")
def assume(server):
    """Assumes ROLE anew; a client of its session, and the answer."""
    iam = server.client("iam")
    user = iam.create_user(UserName="cli-sessions-user")["User"]
    key = iam.create_access_key(UserName=user["UserName"])["AccessKey"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "sts:AssumeRole"}
        ],
    }
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    sts = server.client(
        "sts",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )

    def make():
        made = sts.assume_role(
            RoleArn=f"arn:aws:iam::{server.account_id}:role/{ROLE}", RoleSessionName="test"
        )["Credentials"]
        return made["AccessKeyId"], server.client(
            "sts",
            aws_access_key_id=made["AccessKeyId"],
            aws_secret_access_key=made["SecretAccessKey"],
            aws_session_token=made["SessionToken"],
        )

    return make


def test_one_session_is_revoked_by_its_access_key_and_another_lives_on(server, assume):
    first, first_client = assume()
    _, second_client = assume()
    ended = daypass("sessions", "revoke", "--access-key-id", first, env=server.environment())
    assert ended.code == 0, ended
    assert f"revoked: access-key {first}" in ended.out
    with pytest.raises(ClientError, match="token"):
        first_client.get_caller_identity()
    assert second_client.get_caller_identity()["Account"] == server.account_id


def test_all_sessions_of_a_role_are_revoked(server, assume):
    _, client = assume()
    ended = daypass(
        "sessions", "revoke", "--role", ROLE, "--output", "json", env=server.environment()
    )
    assert json.loads(ended.out)["Revoked"]["Target"] == ROLE
    with pytest.raises(ClientError, match="token"):
        client.get_caller_identity()


def test_a_role_that_is_not_there_is_an_error(server):
    ended = daypass("sessions", "revoke", "--role", "nobody", env=server.environment())
    assert ended.code == 1
    assert "ResourceNotFoundException" in ended.err
    assert "nobody" in ended.err


def test_who_may_not_revoke_is_refused(server):
    iam = server.client("iam")
    iam.create_user(UserName="cli-sessions-nobody")
    key = iam.create_access_key(UserName="cli-sessions-nobody")["AccessKey"]
    environment = server.environment(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    ended = daypass("sessions", "revoke", "--role", ROLE, "--output", "json", env=environment)
    assert ended.code == 1
    error = json.loads(ended.err)["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert "daypass:RevokeSessions" in error["Why"]


@pytest.mark.parametrize(
    "arguments", [[], ["--role", "a", "--user", "b"], ["--all", "--user", "b"]]
)
def test_exactly_one_thing_is_named(server, arguments):
    assert daypass("sessions", "revoke", *arguments, env=server.environment()).code == 2


def test_a_server_must_be_named(server):
    environment = server.environment()
    del environment["AWS_ENDPOINT_URL"]
    ended = daypass("sessions", "revoke", "--role", "a", env=environment)
    assert ended.code == 1
    assert "--endpoint-url" in ended.err


def listed(server, *arguments):
    ended = daypass("sessions", *arguments, "--output", "json", env=server.environment())
    assert ended.code == 0, ended
    return json.loads(ended.out)


def test_sessions_are_listed_and_one_is_shown(server, assume):
    access_key_id, client = assume()
    client.get_caller_identity()
    found = listed(server, "list", "--role", ROLE)["Sessions"]
    one = next(each for each in found if each["AccessKeyId"] == access_key_id)
    ended = daypass("sessions", "list", "--role", ROLE, env=server.environment())
    assert f"{one['Accessor']}  assumed-role {ROLE}/test  issued " in ended.out
    ended = daypass("sessions", "show", one["Accessor"], env=server.environment())
    assert access_key_id in ended.out
    assert "from 127.0.0.1" in ended.out
    assert listed(server, "show", one["Accessor"])["State"] == "live"


def test_revoked_session_is_listed_only_when_asked_for(server, assume):
    access_key_id, _ = assume()
    ended = daypass(
        "sessions", "revoke", "--access-key-id", access_key_id, env=server.environment()
    )
    assert ended.code == 0, ended
    keys = [one["AccessKeyId"] for one in listed(server, "list", "--role", ROLE)["Sessions"]]
    assert access_key_id not in keys
    found = listed(server, "list", "--role", ROLE, "--revoked")["Sessions"]
    assert access_key_id in [one["AccessKeyId"] for one in found if one["State"] == "revoked"]


def test_tree_shows_what_descends_from_what(server, assume):
    access_key_id, client = assume()
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{server.account_id}:role/{ROLE}"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    server.client("iam").create_role(
        RoleName="cli-sessions-chained", AssumeRolePolicyDocument=json.dumps(trust)
    )
    child = client.assume_role(
        RoleArn=f"arn:aws:iam::{server.account_id}:role/cli-sessions-chained",
        RoleSessionName="below",
    )["Credentials"]["AccessKeyId"]
    roots = listed(server, "tree", "--user", "cli-sessions-user")["Sessions"]
    parent = next(each for each in roots if each["AccessKeyId"] == access_key_id)
    assert [each["AccessKeyId"] for each in parent["Children"]] == [child]
    ended = daypass("sessions", "tree", "--user", "cli-sessions-user", env=server.environment())
    lines = ended.out.splitlines()
    above = next(n for n, line in enumerate(lines) if line.startswith(parent["Accessor"]))
    assert lines[above + 1].startswith("└─ ")
    assert "cli-sessions-chained/below" in lines[above + 1]


def test_what_is_not_there_and_who_may_not_see_is_said(server):
    ended = daypass("sessions", "show", "abcdefgh23456722", env=server.environment())
    assert ended.code == 1
    assert "ResourceNotFoundException" in ended.err
    ended = daypass("sessions", "list", "--role", "a", "--user", "b", env=server.environment())
    assert ended.code == 2


def test_limits_are_shown_as_a_table_and_as_json(server, assume):
    assume()
    found = json.loads(
        daypass("sessions", "limits", "--output", "json", env=server.environment()).out
    )
    assert found["PrincipalRate"] == 600
    user = next(one for one in found["Principals"] if one["Arn"].endswith("/cli-sessions-user"))
    assert user["Sessions"] >= 1
    shown = daypass("sessions", "limits", env=server.environment()).out
    assert "600 to one principal, 1200 to one address" in shown
    assert user["Arn"] in shown
