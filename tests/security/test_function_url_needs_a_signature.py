"""AuthType AWS_IAM refuses unsigned callers even where the resource policy allows everybody."""

import io
import json
import uuid
import zipfile

import pytest
from botocore.credentials import Credentials

from tests.conftest import Server
from tests.signing import Raw, send, signed

CODE = "def handler(event, context):\n    return 'served'\n"


@pytest.fixture
def url(server: Server) -> str:
    """A function whose URL wants signatures, and whose policy lets anybody call it."""
    name = f"unsigned-{uuid.uuid4().hex[:8]}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role = server.client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("main.py", CODE)
    functions = server.client("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="main.handler",
        Role=role,
        Code={"ZipFile": archive.getvalue()},
    )
    for number, action in enumerate(("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")):
        functions.add_permission(
            FunctionName=name, StatementId=f"everybody-{number}", Action=action, Principal="*"
        )
    made: str = functions.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")[
        "FunctionUrl"
    ]
    return made


def test_an_unsigned_call_is_forbidden(server: Server, url: str) -> None:
    root = Credentials(server.access_key_id, server.secret_access_key)
    right = signed(root, "lambda", server.region, "GET", url)
    assert send(right).body == "served"
    answer = send(Raw("GET", url, [("Host", right.header("Host"))]))
    assert answer.status == 403
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert json.loads(answer.body)["Message"].startswith("Forbidden.")


@pytest.mark.parametrize("service", ["s3", "sts", "execute-api"])
def test_a_signature_for_another_service_is_refused(server: Server, url: str, service: str) -> None:
    root = Credentials(server.access_key_id, server.secret_access_key)
    assert send(signed(root, service, server.region, "GET", url)).status == 403
