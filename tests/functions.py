"""Functions for tests: packed, deployed by boto3, and their URLs called as a client would."""

import io
import json
import os
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.conftest import Server

TRUSTS_LAMBDA = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def pack(files: Mapping[str, str], *executables: str) -> bytes:
    """A deployment package of these files."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if name in executables else 0o100644) << 16
            archive.writestr(entry, text)
    return package.getvalue()


# Source of a function `name_of(pid)` for functions: which process that is, for `find_process`.
NAME_OF = """
import os
def name_of(pid):
    # The kernel gives the numbers of namespaces and processes again: hence the time of its birth.
    try:
        born = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[19]
    except PermissionError:
        born = "any"
    return f"{os.readlink('/proc/self/ns/pid')} {pid} {born}"
"""


def find_process(name: str) -> int | None:
    """The process id on this machine of a process that `NAME_OF` named; None if it has ended."""
    namespace, pid, born = name.split()
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines())
            if (
                fields["NSpid"].split()[-1] == pid
                and not fields["State"].startswith("Z")
                and os.readlink(status.parent / "ns" / "pid") == namespace
                and born in {"any", _birth(status.parent)}
            ):
                return int(status.parent.name)
        except OSError:  # it has ended meanwhile
            continue
    return None


def _birth(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[19]


def is_gone(name: str) -> bool:
    """Whether a process that `NAME_OF` named ends soon."""
    for _ in range(200):
        if find_process(name) is None:
            return True
        time.sleep(0.02)
    return False


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: object, resource: object = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def create_role(server: Server, name: str, *statements: Mapping[str, Any]) -> str:
    """An execution role that may do this; its ARN."""
    iam = server.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUSTS_LAMBDA)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
    return arn


def create_user(server: Server, name: str, *statements: Mapping[str, Any]) -> dict[str, str]:
    """A user that may do this; its credentials, as boto3 names them."""
    iam = server.client("iam")
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }


def deploy(
    server: Server,
    name: str,
    source: str,
    *,
    role: str | None = None,
    auth_type: str | None = None,
    **parameters: Any,
) -> str:
    """A Python function with the handler app.handler; its URL if it is to have one."""
    client = server.client("lambda")
    client.create_function(
        **{
            "FunctionName": name,
            "Runtime": "python3.12",
            "Handler": "app.handler",
            "Timeout": 20,
            "Role": role or create_role(server, f"{name}-role"),
            "Code": {"ZipFile": pack({"app.py": source})},
            **parameters,
        }
    )
    if auth_type is None:
        return ""
    url: str = client.create_function_url_config(FunctionName=name, AuthType=auth_type)[
        "FunctionUrl"
    ]
    return url


def invoke(server: Server, name: str, event: object = None, **parameters: Any) -> dict[str, Any]:
    """boto3's answer, its payload parsed."""
    answer: dict[str, Any] = server.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps(event).encode(), **parameters
    )
    answer["Payload"] = json.loads(answer["Payload"].read() or b"null")
    return answer


def call_url(
    server: Server,
    url: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    service: str = "lambda",
    credentials: Mapping[str, str] | None = None,
    tamper: Mapping[str, Any] | None = None,
) -> httpx.Response:
    """Call a URL, signed by botocore. tamper: what of the signed request to send otherwise."""
    given = credentials or server.credentials
    # botocore derives the Host from the URL and httpx sends what it is given.
    request = AWSRequest(
        method, url, data=body, headers={"host": urlsplit(url).netloc, **(headers or {})}
    )
    signer = SigV4Auth(
        Credentials(
            given["aws_access_key_id"],
            given["aws_secret_access_key"],
            given.get("aws_session_token"),
        ),
        service,
        server.region,
    )
    signer.add_auth(request)
    sent: dict[str, Any] = {
        "method": method,
        "url": url,
        "headers": dict(request.headers),
        "content": body,
    }
    changed = {**sent, **(tamper or {})}
    changed["headers"] = {**sent["headers"], **(tamper or {}).get("headers", {})}
    return httpx.request(**changed, timeout=30)
