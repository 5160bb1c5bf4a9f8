"""Who the clients of other languages are."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.client import answers
from tests.client.wire import recording
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


def keys_by_process(command: Sequence[str], home: Path, ends_in: float) -> list[str]:
    """The access keys that requests are signed with by a client that asks twice who it is, and by
    the `daypass credential-process` that it gets its credentials from. The first session ends in
    so many seconds. CREDENTIAL_PROCESS tells the client the command."""
    role = "arn:aws:iam::111122223333:role/r"
    line = f"{sys.executable} -m daypass credential-process --profile keys --role {role} --no-cache"
    (home / "credentials").write_text(
        "[keys]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n"
    )
    (home / "config").write_text("")
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ends_in))
    me = answers.caller("arn:aws:sts::111122223333:assumed-role/r/daypass")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with recording() as recorder:
        recorder.replies = [answers.assumed("ASIA1", soon), me, answers.assumed("ASIA2"), me]
        environment = {
            **kept,
            "AWS_ENDPOINT_URL": recorder.url,
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": str(home / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
            "CREDENTIAL_PROCESS": line,
        }
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stderr
        signed = [one.header("authorization") or "" for one in recorder.received]
    return [one.partition("Credential=")[2].partition("/")[0] for one in signed]
