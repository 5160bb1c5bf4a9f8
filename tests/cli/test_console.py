"""`daypass console` against a federation endpoint that keeps what it was asked."""

import json
import os
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest
from moto.server import ThreadedMotoServer

from daypass.client.console import console_hosts, destination
from tests.cli.running import CLEAN, daypass
from tests.client.wire import Reply, recording

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION = {
    "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": "session-token",
    "AWS_REGION": "eu-west-1",
}
TOKEN = Reply(200, b'{"SigninToken": "the-signin-token"}')


@pytest.fixture(scope="module")
def wire():
    with recording() as recorder:
        yield recorder


@pytest.fixture
def env():
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | CLEAN | SESSION


def asked(received):
    target = urlsplit(received.target)
    return target.path, {name: value for name, (value,) in parse_qs(target.query).items()}


def console(wire, env, *arguments):
    endpoint = f"{wire.url}/federation"
    return daypass("console", "--federation-endpoint", endpoint, *arguments, env=env)


def test_a_session_is_made_a_sign_in_url(wire, env):
    wire.replies.append(TOKEN)
    ended = console(wire, env, "s3", "--console-duration", "1h", "--issuer", "https://me.example/")
    path, query = asked(wire.last)
    assert (wire.last.method, path) == ("GET", "/federation")
    assert json.loads(query.pop("Session")) == {
        "sessionId": SESSION["AWS_ACCESS_KEY_ID"],
        "sessionKey": SECRET,
        "sessionToken": "session-token",
    }
    assert query == {"Action": "getSigninToken", "SessionDuration": "3600"}
    url = ended.out.strip()
    assert url.startswith(f"{wire.url}/federation?Action=login&")
    assert {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()} == {
        "Action": "login",
        "Issuer": "https://me.example/",
        "Destination": "https://console.aws.amazon.com/s3/home?region=eu-west-1",
        "SigninToken": "the-signin-token",
    }
    for secret in (SECRET, "session-token"):
        assert secret not in ended.out + ended.err


def test_without_a_wish_no_duration_is_sent(wire, env):
    wire.replies.append(TOKEN)
    assert console(wire, env).code == 0
    assert "SessionDuration" not in asked(wire.last)[1]


def test_a_chained_roles_session_has_no_duration(wire, env):
    wire.replies += [Reply(400, b"<html>"), TOKEN]
    ended = console(wire, env, "--console-duration", "15m", "--output", "json")
    assert "the-signin-token" in json.loads(ended.out)["Url"]
    assert "SessionDuration" not in asked(wire.last)[1]
    assert "one role through another" in ended.err


@pytest.mark.parametrize("reply", [Reply(403, b"no"), Reply(200, b"no json"), Reply(200, b"[1]")])
def test_a_refusal_holds_no_secret(wire, env, reply):
    wire.replies.append(reply)
    ended = console(wire, env)
    assert (ended.code, ended.out) == (1, "")
    for secret in (SECRET, "session-token", "getSigninToken"):
        assert secret not in ended.err


def test_an_endpoint_out_of_reach_holds_no_secret(env):
    ended = daypass("console", "--federation-endpoint", "http://127.0.0.1:9/federation", env=env)
    assert ended.code == 1
    assert "cannot be reached" in ended.err
    for secret in (SECRET, "session-token", "getSigninToken"):
        assert secret not in ended.err


def test_keys_of_a_user_become_a_federation_token(server, wire):
    iam = server.client("iam")
    iam.create_user(UserName="cli-console")
    policy = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_user_policy(UserName="cli-console", PolicyArn=policy)
    key = iam.create_access_key(UserName="cli-console")["AccessKey"]
    environment = server.environment(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    wire.replies.append(TOKEN)
    ended = console(wire, environment, "--console-duration", "1h")
    assert ended.code == 0, ended
    query = asked(wire.last)[1]
    made = json.loads(query["Session"])
    assert "SessionDuration" not in query
    sts = server.client(
        "sts",
        aws_access_key_id=made["sessionId"],
        aws_secret_access_key=made["sessionKey"],
        aws_session_token=made["sessionToken"],
    )
    arn = sts.get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{server.account_id}:federated-user/daypass"


def test_another_implementations_federation_token(wire, env):
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        keys = {name: value for name, value in env.items() if name != "AWS_SESSION_TOKEN"}
        wire.replies.append(TOKEN)
        ended = console(wire, keys | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"})
    finally:
        moto.stop()
    assert ended.code == 0, ended
    assert json.loads(asked(wire.last)[1]["Session"])["sessionToken"]


def test_a_daypass_server_has_no_console_of_awss(server):
    ended = daypass("console", env=server.environment())
    assert (ended.code, ended.out) == (1, "")
    assert "no federation endpoint" in ended.err


@pytest.mark.parametrize("duration", ["899", "13h"])
def test_a_duration_has_its_bounds(env, duration):
    assert daypass("console", "--console-duration", duration, env=env).code == 2


def test_a_browser_is_never_given_the_url_as_an_argument(wire, env, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\n"
        f"open({str(tmp_path / 'arguments')!r}, 'w').write(sys.argv[1])\n"
        "class Stay(urllib.request.HTTPRedirectHandler):\n"
        "    def redirect_request(self, *_): return None\n"
        "try: urllib.request.build_opener(Stay).open(sys.argv[1])\n"
        "except urllib.error.HTTPError as error:\n"
        f"    open({str(tmp_path / 'location')!r}, 'w').write(error.headers['location'])\n"
    )
    browser.chmod(0o755)
    wire.replies.append(TOKEN)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "daypass", "console", "--open"),
            *("--federation-endpoint", f"{wire.url}/federation"),
        ],
        env=env | {"BROWSER": f"{browser} %s &"},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert "the-signin-token" not in (tmp_path / "arguments").read_text()


# AWS General Reference, "AWS Management Console endpoints", and the SDKs' rules for sign-in.
@pytest.mark.parametrize(
    ("region", "federation", "page"),
    [
        ("us-east-1", "signin.aws.amazon.com", "console.aws.amazon.com"),
        ("eu-west-1", "eu-west-1.signin.aws.amazon.com", "console.aws.amazon.com"),
        ("us-gov-west-1", "signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
        ("cn-north-1", "signin.amazonaws.cn", "console.amazonaws.cn"),
        (
            "eusc-de-east-1",
            "eusc-de-east-1.signin.amazonaws-eusc.eu",
            "console.amazonaws-eusc.eu",
        ),
    ],
)
def test_each_partition_has_its_hosts(region, federation, page):
    hosts = console_hosts(region)
    assert hosts.federation == f"https://{federation}/federation"
    assert destination(hosts, region, "") == f"https://{page}/console/home?region={region}"
    assert destination(hosts, region, "https://x.example/y") == "https://x.example/y"
