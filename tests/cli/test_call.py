"""`daypass call`: curl's everyday options, signed."""

import json
import os
import pty
import subprocess
import sys

import pytest

from tests.cli.running import CLEAN, daypass
from tests.client.wire import recording

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = {
    "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": "session-token-of-the-test",
    "AWS_REGION": "eu-west-1",
}
URL_PATH = "/_urls/abcdefghijklmnopqrstuvwxyz012345"


@pytest.fixture(scope="module")
def wire():
    with recording() as recorder:
        yield recorder


@pytest.fixture
def env():
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | CLEAN | KEYS


def assert_signed(received, service="lambda"):
    assert received.signature() == received.expected_signature(SECRET, service, "eu-west-1")
    assert received.header("x-amz-security-token") == KEYS["AWS_SESSION_TOKEN"]


def test_it_infers_and_says_on_stderr_what_it_signed_for(wire, env):
    ended = daypass("call", f"{wire.url}{URL_PATH}/a?b=c%20d", env=env)
    assert (ended.code, ended.out) == (0, ""), ended
    assert ended.err == (
        "signed for lambda in eu-west-1 "
        "(service from the path /_urls/… of a Daypass server, region from AWS_REGION)\n"
    )
    assert wire.last.method == "GET"
    assert_signed(wire.last)


def test_data_makes_a_post_of_a_form(wire, env):
    daypass("call", wire.url + URL_PATH, "-d", "a=1", "-d", "b=ü", env=env)
    assert (wire.last.method, wire.last.body) == ("POST", "a=1&b=ü".encode())
    assert wire.last.header("content-type") == "application/x-www-form-urlencoded"
    assert_signed(wire.last)


def test_method_headers_and_json(wire, env):
    arguments = ("-X", "PUT", "-H", "Content-Type: application/json", "-H", "x-a:http://b: c")
    daypass("call", wire.url + URL_PATH, *arguments, "-d", '{"a": 1}', env=env)
    assert wire.last.method == "PUT"
    assert wire.last.header("content-type") == "application/json"
    assert wire.last.header("x-a") == "http://b: c"
    assert_signed(wire.last)


def test_a_file_is_sent_as_it_is(wire, env, tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "file").write_bytes(content)
    arguments = ("-X", "PUT", "-d", f"@{tmp_path / 'file'}", "--service", "s3")
    assert daypass("call", wire.url + "/bucket/key", *arguments, env=env).code == 0
    assert wire.last.body == content
    assert_signed(wire.last, "s3")


def test_standard_input_is_sent(wire, env):
    daypass("call", wire.url + URL_PATH, "-d", "@-", env=env, stdin=b"from\0stdin\n")
    assert wire.last.body == b"from\0stdin\n"
    assert_signed(wire.last)


def test_names_under_localhost_are_this_machine(wire, env):
    port = wire.url.rpartition(":")[2]
    name = f"abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.localhost:{port}"
    ended = daypass("call", f"http://{name}/", env=env)
    assert ended.code == 0, ended
    assert wire.last.header("host") == name
    assert_signed(wire.last)


@pytest.mark.parametrize(
    "arguments",
    [("-H", "no-colon"), ("-d", "@/does/not/exist"), ("-d", "a", "-d", "@/does/not/exist")],
)
def test_wrong_usage_sends_nothing(wire, env, arguments):
    before = len(wire.received)
    ended = daypass("call", wire.url + URL_PATH, *arguments, env=env)
    assert ended.code == 2
    assert len(wire.received) == before


def test_no_secret_is_ever_printed(wire, env):
    for arguments in (("-i",), ("--output", "json"), ("--fail",)):
        ended = daypass("call", wire.url + URL_PATH, *arguments, env=env)
        for secret in (SECRET, KEYS["AWS_SESSION_TOKEN"]):
            assert secret not in ended.out + ended.err


# -- against a server -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket(server):
    server.client("s3").create_bucket(Bucket="cli-call")
    return f"{server.endpoint}/cli-call"


def s3(server, *arguments):
    return daypass("call", *arguments, "--service", "s3", env=server.environment())


def test_objects_go_up_and_come_down(server, bucket, tmp_path):
    content = os.urandom(300_000)
    (tmp_path / "up").write_bytes(content)
    key = f"{bucket}/a%20folder/key"
    assert s3(server, key, "-X", "PUT", "-d", f"@{tmp_path / 'up'}", "--fail").code == 0
    ended = s3(server, key, "-o", str(tmp_path / "down"))
    assert (ended.code, ended.out) == (0, ""), ended
    assert (tmp_path / "down").read_bytes() == content


def test_include_prints_status_and_headers(server, bucket):
    s3(server, f"{bucket}/small", "-X", "PUT", "-d", "hello", "--fail")
    ended = s3(server, f"{bucket}/small", "-i")
    head, _, body = ended.out.partition("\n\n")
    assert head.splitlines()[0] == "HTTP/1.1 200 OK"
    assert "content-length: 5" in head.lower()
    assert body == "hello"


def test_json_output_carries_status_headers_and_body(server, bucket):
    s3(server, f"{bucket}/small", "-X", "PUT", "-d", "hello", "--fail")
    found = json.loads(s3(server, f"{bucket}/small", "--output", "json").out)
    assert (found["Status"], found["Body"], found["Service"]) == (200, "hello", "s3")
    assert found["Headers"]["content-length"] == "5"


def test_json_output_carries_bytes_as_base64(server, bucket, tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    s3(server, f"{bucket}/binary", "-X", "PUT", "-d", f"@{tmp_path / 'binary'}", "--fail")
    found = json.loads(s3(server, f"{bucket}/binary", "--output", "json").out)
    assert found["BodyBase64"] == "/wA="


def test_fail_ends_with_1_and_says_why(server, bucket):
    plain = s3(server, f"{bucket}/missing")
    assert plain.code == 0
    assert "<Code>NoSuchKey</Code>" in plain.out
    failing = s3(server, f"{bucket}/missing", "--fail")
    assert (failing.code, failing.out) == (1, "")
    assert "404" in failing.err


def test_a_refusal_is_explained(server, bucket):
    environment = server.environment() | {"AWS_REGION": "eu-north-1"}
    ended = daypass("call", f"{bucket}/small", "--service", "s3", env=environment)
    assert ended.code == 0
    assert "AuthorizationHeaderMalformed" in ended.out
    assert ended.err.splitlines()[-1].startswith("why  ")
    assert "eu-north-1" in ended.err


def test_a_refused_signature_is_diagnosed(server, bucket):
    environment = server.environment() | {"AWS_SECRET_ACCESS_KEY": SECRET}
    for arguments, code in (((), 0), (("--fail",), 1)):
        ended = daypass("call", f"{bucket}/small", "--service", "s3", *arguments, env=environment)
        assert ended.code == code
        assert ("<Code>SignatureDoesNotMatch</Code>" in ended.out) is (code == 0)
        assert f"secret access key is not the one of {server.access_key_id}" in ended.err


def test_colours_on_a_terminal_alone(env):
    def colours(**variables):
        controller, terminal = pty.openpty()
        with os.fdopen(terminal, "wb") as stderr:
            subprocess.run(
                [sys.executable, "-m", "daypass", "call", "http://127.0.0.1:9/"],
                env=env | variables,
                stderr=stderr,
                check=False,
            )
        said = os.read(controller, 4096)
        os.close(controller)
        return b"\x1b[" in said

    assert colours()
    assert not colours(NO_COLOR="1")
