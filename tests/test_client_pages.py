"""The pages about the client's everyday tasks, run as they stand."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.client.wire import Reply, recording
from tests.conftest import Server

PAGES = Path(__file__).parent.parent / "docs" / "client"
HELLO = "arn:aws:s3:::pages/hello.txt"
ACCOUNT = "111122223333"  # as the pages write it
# Wherever a page ends, what it left in the background ends with it.
ENDING = "trap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n"


@pytest.fixture(scope="module")
def alice(server: Server) -> dict[str, str]:
    """The environment of a user who may do everything, also assume `reader`; there is a bucket."""
    iam = server.client("iam")
    arn = iam.create_user(UserName="pages-alice")["User"]["Arn"]
    iam.attach_user_policy(
        UserName="pages-alice", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    key = iam.create_access_key(UserName="pages-alice")["AccessKey"]
    statement = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust)
    iam.attach_role_policy(
        RoleName="reader", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    )
    s3 = server.client("s3")
    s3.create_bucket(Bucket="pages")
    s3.put_object(Bucket="pages", Key="hello.txt", Body=b"hello\n")
    return server.environment(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )


def run(page: str, server: Server, environment: dict[str, str], directory: Path) -> tuple[str, str]:
    """What the commands of the page's section "Try it" write to stdout and stderr."""
    section = (PAGES / page).read_text().partition("## Try it\n")[2].partition("\n## ")[0]
    commands = "\n".join(re.findall(r"(?m)^    (.*)$", section))
    with subprocess.Popen(
        ["bash", "-euc", ENDING + commands.replace(ACCOUNT, server.account_id)],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as shell:
        out, err = shell.communicate(timeout=100)
    assert shell.returncode == 0, out + err
    return out, err


def test_credentials_for_programs(server: Server, alice: dict[str, str], tmp_path: Path) -> None:
    environment = alice | {"AWS_EC2_METADATA_V1_DISABLED": "true"}
    out, err = run("credentials-for-programs.md", server, environment, tmp_path)
    arn = f"arn:aws:sts::{server.account_id}:assumed-role/reader/daypass"
    assert out.count(f'"{arn}"') == 2
    assert '"pages"' in out
    assert re.search(r"(?m)^http://127\.0\.0\.1:\d+$", out)
    assert "200  GET /credentials" in err


def test_calling(server: Server, alice: dict[str, str], tmp_path: Path) -> None:
    out, err = run("calling.md", server, alice, tmp_path)
    assert "HTTP/1.1 200 OK" in out
    assert "\na report\n" in out
    assert '{"Status": 200, ' in out
    assert (tmp_path / "copy.txt").read_text() == "a report\n"
    assert "> x-amz-security-token: [" in err
    assert "POST / HTTP/1.1\n" in out
    assert f"<Arn>arn:aws:iam::{server.account_id}:user/pages-alice</Arn>" in out
    assert out.count("a report\n") == 3


def test_signing_proxy(server: Server, alice: dict[str, str], tmp_path: Path) -> None:
    out, err = run("signing-proxy.md", server, alice, tmp_path)
    assert out == "hello\nnot authorized to perform: s3:DeleteObject\nhello\n403\n"
    assert "200  GET /pages/hello.txt" in err


def test_explaining(server: Server, alice: dict[str, str], tmp_path: Path) -> None:
    out, _ = run("explaining.md", server, alice, tmp_path)
    denial = f"the role reader (session {{}}) may not do s3:DeleteObject on {HELLO}."
    assert re.search(re.escape(denial).replace(re.escape("{}"), r"\S+"), out)
    assert "Attach a policy to the role reader" in out
    assert "\nAnswer      403 SignatureDoesNotMatch\n" in out
    assert "It was refused with SignatureDoesNotMatch." in out
    assert "the client signed another request" in out
    assert out.endswith('{"Counts": {}, "Requests": []}\n')


def test_console(server: Server, alice: dict[str, str], tmp_path: Path) -> None:
    with recording() as wire:
        wire.replies += [Reply(200, b'{"SigninToken": "token"}')] * 3
        endpoint = {"DAYPASS_FEDERATION_ENDPOINT": f"{wire.url}/federation"}
        out, _ = run("console.md", server, alice | endpoint, tmp_path)
    assert out.count("/federation?Action=login&") == 3
    assert "%2Fs3%2Fhome" in out
    assert "SessionDuration=3600" in wire.received[1].target
