"""Who the clients of other languages are."""

import json

from tests.conftest import Server


def a_user_and_a_role(server: Server, name: str) -> tuple[dict[str, str], str, str]:
    """The environment of a new user's programs, its ARN, and the ARN of a role that trusts it.

    Both are called `name`, and stay: each client has a name of its own.
    """
    iam = server.client("iam")
    user = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    statement = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    environment = server.environment(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    return environment, user, role
