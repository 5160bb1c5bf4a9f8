"""`daypass explain` against a server and of what is pasted; with workers, in whichever process."""

import json

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.cli.running import daypass
from tests.conftest import start_server, stop_server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """With two processes: one refuses, and the other may be asked."""
    running = start_server(tmp_path_factory.mktemp("explain") / "data", "--workers", "2")
    yield running
    stop_server(running)


@pytest.fixture(scope="module")
def denied(server):
    """A request id, the response's headers, and the environment of the user who was denied."""
    iam = server.client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    keys = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    with pytest.raises(ClientError) as error:
        server.client("iam", **keys).list_users()
    metadata = error.value.response["ResponseMetadata"]
    return metadata["RequestId"], metadata["HTTPHeaders"], server.environment(**keys)


def test_a_request_id_is_explained_by_either_process(server, denied):
    for _ in range(4):
        ended = daypass("explain", denied[0], "--output", "json", env=server.environment())
        told = json.loads(ended.out)
        assert told["What"] == "ListUsers was refused with AccessDenied."
        assert told["Facts"]["Principal"] == f"arn:aws:iam::{server.account_id}:user/alice"
        assert any("no identity-based policy allows" in why for why in told["Why"])
        assert "Identity-based policy" in told["Detail"]


def test_it_is_readable(server, denied):
    ended = daypass("explain", denied[0].upper(), env=server.environment())
    assert ended.code == 0
    assert ended.out.startswith("ListUsers was refused with AccessDenied.\n  why  ")
    assert "\nService     iam\n" in ended.out


def test_only_who_may_is_told(denied):
    ended = daypass("explain", denied[0], env=denied[2])
    assert (ended.code, ended.out) == (1, "")
    assert "daypass:ExplainRequest" in ended.err


def test_an_id_that_was_not_refused(server):
    unknown = "00000000-0000-4000-8000-000000000000"
    ended = daypass("explain", unknown, env=server.environment())
    assert (ended.code, ended.out) == (1, "")
    assert "No refused request has the id" in ended.err


def test_an_encoded_authorization_message_is_decoded(server, denied):
    encoded = denied[1]["x-daypass-authorization-message"]
    for text in (encoded, f"…: Encoded authorization failure message: {encoded}"):
        ended = daypass("explain", env=server.environment(), stdin=text.encode())
        assert ended.code == 0, ended
        assert f"{server.account_id}:user/alice may not do iam:ListUsers on " in ended.out
        assert "aws:username = alice" in ended.out


def wrongly_signed(server):
    keys = server.credentials | {"aws_secret_access_key": "wrong"}
    s3 = server.client("s3", config=Config(signature_version="s3v4"), **keys)
    return s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})


def test_a_mismatch_is_pasted_with_the_secret_at_hand(server):
    url = wrongly_signed(server)
    body = httpx.get(url, trust_env=False).content
    assert b"<SignatureProvided>" in body
    ended = daypass("explain", env=server.environment(), stdin=body)
    assert "with another secret" in ended.out


def test_a_recording_is_judged(server, tmp_path):
    url = wrongly_signed(server)
    answer = httpx.get(url, trust_env=False)
    entry = {
        "startedDateTime": "2026-01-01T00:00:00Z",
        "request": {
            "method": "GET",
            "url": url,
            "headers": [{"name": "Host", "value": server.endpoint.partition("//")[2]}],
        },
        "response": {
            "status": answer.status_code,
            "headers": [],
            "content": {"text": answer.text, "mimeType": answer.headers["content-type"]},
        },
    }
    (tmp_path / "a.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    ended = daypass("explain", str(tmp_path / "a.har"), env=server.environment())
    assert ended.code == 0, ended
    assert f"signed by {server.access_key_id} for s3 {server.region}" in ended.out
    assert "mismatch" in ended.out
    assert "secret access key may be wrong" in ended.out
    found = json.loads(
        daypass(
            "explain", str(tmp_path / "a.har"), "--output", "json", env=server.environment()
        ).out
    )
    assert found["Counts"] == {"mismatch": 1}
    assert "X-Amz" not in found["Requests"][0]["Url"]


@pytest.mark.parametrize("text", ["", "hello world"])
def test_what_is_no_refusal_is_said(text):
    ended = daypass("explain", stdin=text.encode())
    assert (ended.code, ended.out) == (1, "")
    assert "no refusal in it" in ended.err


def test_what_others_wrote_does_not_write_on_the_terminal():
    text = b"<Error><Code>ExpiredToken</Code><Message>\xc2\x9b31m\xe2\x80\xae</Message></Error>"
    ended = daypass("explain", stdin=text)
    assert "\x9b" not in ended.out
    assert "\u202e" not in ended.out
