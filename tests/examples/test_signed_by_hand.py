"""The function that signs by hand, judged by botocore's signer."""

import importlib.util
from pathlib import Path
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PROGRAM = Path(__file__).parents[2] / "examples" / "functions" / "list_bucket_signed_by_hand.py"
ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "session/token+of=some==length",
}


@pytest.fixture
def program(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("list_bucket_signed_by_hand", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", ["/bucket", "/bucket/a folder/é+&"])
def test_it_signs_as_botocore_does(program, path):
    query = {"list-type": "2", "prefix": "a b/c+é", "delimiter": "/"}
    headers = program.signed_headers("GET", "127.0.0.1:9311", path, query)
    text = "&".join(f"{k}={quote(v, safe='')}" for k, v in query.items())
    given = dict(headers)
    claimed = given.pop("authorization").rpartition("Signature=")[2]
    request = AWSRequest("GET", f"http://127.0.0.1:9311{quote(path)}?{text}", headers=given)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = S3SigV4Auth(
        Credentials(
            ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
            ENVIRONMENT["AWS_SESSION_TOKEN"],
        ),
        "s3",
        "eu-west-1",
    )
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    assert claimed == signer.signature(to_sign, request)


def test_it_needs_nothing_but_the_standard_library():
    source = PROGRAM.read_text(encoding="utf-8")
    for package in ("boto", "daypass", "requests", "httpx"):
        assert f"import {package}" not in source
