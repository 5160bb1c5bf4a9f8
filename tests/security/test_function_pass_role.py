"""A function runs with its role's permissions, so giving it a role is using the role."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Server
from tests.functions import allow, create_role, create_user, deploy, pack, policy

PACKAGE = pack({"app.py": "def handler(event, context): return event"})
LAMBDA = allow("lambda:*")


@pytest.fixture(scope="module")
def admin_role(server: Server) -> str:
    return create_role(server, "pass-role-admin", allow("*"))


@pytest.fixture(scope="module")
def plain_role(server: Server) -> str:
    return create_role(server, "pass-role-plain")


def creating(client: Any, name: str, role: str) -> Callable[[], Any]:
    return lambda: client.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": PACKAGE},
    )


def assert_refused(call: Callable[[], Any], role: str) -> None:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert f"is not authorized to perform: iam:PassRole on resource: {role}" in error["Message"]


def test_creating_a_function_needs_pass_role(server: Server, admin_role: str) -> None:
    client = server.client("lambda", **create_user(server, "creator-only", LAMBDA))
    assert_refused(creating(client, "escalation", admin_role), admin_role)

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        server.client("lambda").get_function(FunctionName="escalation")


def test_pass_role_is_for_the_named_role_alone(
    server: Server, admin_role: str, plain_role: str
) -> None:
    user = create_user(server, "plain-passer", LAMBDA, allow("iam:PassRole", plain_role))
    client = server.client("lambda", **user)
    assert_refused(creating(client, "pass-admin", admin_role), admin_role)

    creating(client, "pass-plain", plain_role)()
    # Nor can the role be exchanged afterwards.
    assert_refused(
        lambda: client.update_function_configuration(FunctionName="pass-plain", Role=admin_role),
        admin_role,
    )
    client.update_function_configuration(FunctionName="pass-plain", Timeout=5)
    configuration = client.get_function_configuration(FunctionName="pass-plain")
    assert configuration["Role"] == plain_role


@pytest.mark.parametrize(
    ("service", "is_allowed"), [("lambda.amazonaws.com", True), ("ec2.amazonaws.com", False)]
)
def test_pass_role_may_be_bound_to_the_service(
    server: Server, plain_role: str, service: str, is_allowed: bool
) -> None:
    name = f"passer-to-{service.split('.', maxsplit=1)[0]}"
    condition = {"StringEquals": {"iam:PassedToService": service}}
    passing = {**allow("iam:PassRole", plain_role), "Condition": condition}
    client = server.client("lambda", **create_user(server, name, LAMBDA, passing))
    create = creating(client, name, plain_role)
    if is_allowed:
        create()
    else:
        assert_refused(create, plain_role)


def test_a_role_that_trusts_no_lambda_cannot_be_given(server: Server) -> None:
    """The trust policy of the role is the other half: it says which service may wear it."""
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{server.account_id}:root"},
            "Action": "sts:AssumeRole",
        }
    )
    role = server.client("iam").create_role(
        RoleName="trusts-the-account", AssumeRolePolicyDocument=trust
    )["Role"]["Arn"]
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        creating(server.client("lambda"), "untrusted", role)()


def test_trust_withdrawn_later_ends_new_credentials(server: Server) -> None:
    iam = server.client("iam")
    role = create_role(server, "fickle-role")
    deploy(server, "fickle", "def handler(event, context): return event", role=role)
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    )
    iam.update_assume_role_policy(RoleName="fickle-role", PolicyDocument=trust)
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        server.client("lambda").invoke(FunctionName="fickle")
