"""`daypass call`: curl's everyday options, signed."""

import gzip
import json
import os
import pty
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from moto.server import ThreadedMotoServer

from daypass.sigv4 import HttpRequest, diagnose
from tests.cli.running import CLEAN, daypass
from tests.client.wire import Reply, recording

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


# -- curl's everyday options ------------------------------------------------------------------


def test_json_is_a_post_with_its_headers(wire, env):
    daypass("call", wire.url + URL_PATH, "--json", '{"a": 1}', env=env)
    assert (wire.last.method, wire.last.body) == ("POST", b'{"a": 1}')
    assert wire.last.header("content-type") == wire.last.header("accept") == "application/json"
    assert_signed(wire.last)


def test_raw_data_may_begin_with_an_at_sign(wire, env):
    daypass("call", wire.url + URL_PATH, "--data-raw", "@not-a-file", env=env)
    assert wire.last.body == b"@not-a-file"
    assert_signed(wire.last)


def test_data_goes_into_the_query(wire, env):
    daypass("call", f"{wire.url}{URL_PATH}?z=1", "-G", "-d", "a=b", "-d", "c=d e", env=env)
    assert (wire.last.method, wire.last.body) == ("GET", b"")
    assert wire.last.target == f"{URL_PATH}?z=1&a=b&c=d%20e"
    assert_signed(wire.last)


def test_a_form_is_what_another_parser_reads(wire, env, tmp_path):
    content = os.urandom(400_000)
    (tmp_path / "up.bin").write_bytes(content)
    (tmp_path / "text").write_text("from a file")
    fields = ("a=b=c", f'file=@{tmp_path / "up.bin"};type=image/png;filename=x".png')
    arguments = [argument for field in fields for argument in ("-F", field)]
    daypass("call", wire.url + URL_PATH, *arguments, "-F", f"t=<{tmp_path / 'text'}", env=env)
    assert wire.last.method == "POST"
    assert_signed(wire.last)
    form, files = parse_form(wire.last)
    assert form.to_dict() == {"a": "b=c", "t": "from a file"}
    assert files["file"].read() == content
    assert files["file"].content_type == "image/png"


def parse_form(received):
    import io

    from werkzeug.formparser import parse_form_data

    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": received.header("content-type"),
        "CONTENT_LENGTH": str(len(received.body)),
        "wsgi.input": io.BytesIO(received.body),
    }
    _, form, files = parse_form_data(environ)
    return form, files


def test_an_upload_is_a_put_and_a_folder_gets_the_files_name(wire, env, tmp_path):
    (tmp_path / "a file").write_bytes(b"x" * 70_000)
    arguments = ("-T", str(tmp_path / "a file"), "--service", "s3")
    daypass("call", f"{wire.url}/bucket/folder/", *arguments, env=env)
    assert (wire.last.method, wire.last.target) == ("PUT", "/bucket/folder/a%20file")
    assert wire.last.header("content-length") == "70000"
    assert wire.last.header("content-type") is None
    assert_signed(wire.last, "s3")


def test_standard_input_is_uploaded(wire, env):
    content = os.urandom(3_000_000)  # more than stays in memory
    daypass(
        *("call", f"{wire.url}/bucket/key", "-T", "-", "--service", "s3"), env=env, stdin=content
    )
    assert wire.last.body == content
    assert_signed(wire.last, "s3")


def test_head_prints_the_headers_alone(wire, env):
    ended = daypass("call", wire.url + URL_PATH, "-I", env=env)
    assert wire.last.method == "HEAD"
    assert ended.out.startswith("HTTP/1.1 200")


@pytest.mark.parametrize("key", ["a//b", "a/../b", "./a", "a%2Fb", "a=b:c@d", "%C3%A9", "é", "a b"])
def test_what_is_signed_is_what_is_sent(wire, env, key):
    """Paths that HTTP clients and proxies like to tidy are other objects to S3."""
    daypass("call", f"{wire.url}/bucket/{key}", "--service", "s3", env=env)
    sent = key.replace("é", "%C3%A9").replace(" ", "%20")
    assert wire.last.target == f"/bucket/{sent}"


def test_a_default_header_can_be_left_out(wire, env):
    daypass("call", wire.url + URL_PATH, "-d", "a", "-H", "content-type:", env=env)
    assert wire.last.header("content-type") is None


@pytest.mark.parametrize(
    "arguments",
    [("-d", "a", "--json", "{}"), ("-T", "x", "-F", "a=b"), ("-G",), ("-F", "no-value"), ("-O",)],
)
def test_options_that_contradict_send_nothing(wire, env, arguments):
    before = len(wire.received)
    ended = daypass("call", wire.url + "/", "--service", "s3", *arguments, env=env)
    assert ended.code == 2, ended
    assert len(wire.received) == before


def test_it_tries_again_and_says_so(wire, env):
    wire.replies += [Reply(503, headers={"retry-after": "0"}), Reply(200, b"at last")]
    before = len(wire.received)
    ended = daypass("call", wire.url + URL_PATH, "-d", "x", "--retry", "2", env=env)
    assert (ended.code, ended.out) == (0, "at last"), ended
    assert "503" in ended.err
    assert [one.body for one in wire.received[before:]] == [b"x", b"x"]
    assert_signed(wire.last)


def test_a_redirect_within_the_host_is_signed_again(wire, env):
    wire.replies += [Reply(307, headers={"location": f"{URL_PATH}/there?a=b"})]
    ended = daypass("call", wire.url + URL_PATH, "-L", "-d", "x", env=env)
    assert ended.code == 0
    assert (wire.last.method, wire.last.target) == ("POST", f"{URL_PATH}/there?a=b")
    assert wire.last.body == b"x"
    assert_signed(wire.last)
    assert "signed again" in ended.err


def test_verbose_shows_both_heads_without_secrets(wire, env):
    wire.replies += [Reply(200, b"body", {"x-answer": "yes"})]
    ended = daypass("call", wire.url + URL_PATH, "-v", "-H", "x-asked: yes", env=env)
    assert f"> GET {URL_PATH}\n" in ended.err
    assert "> x-asked: yes\n" in ended.err
    assert "< x-answer: yes\n" in ended.err
    assert f"Credential={KEYS['AWS_ACCESS_KEY_ID']}/" in ended.err
    for secret in (SECRET, KEYS["AWS_SESSION_TOKEN"], wire.last.signature()):
        assert secret not in ended.err
    assert ended.out == "body"


def test_silent_says_nothing(wire, env):
    ended = daypass("call", wire.url + URL_PATH, "-s", env=env)
    assert (ended.code, ended.err) == (0, "")


def test_fail_with_body_prints_it_and_ends_with_1(wire, env):
    wire.replies += [Reply(404, b"no such thing")]
    ended = daypass("call", wire.url + URL_PATH, "--fail-with-body", env=env)
    assert (ended.code, ended.out) == (1, "no such thing")
    assert "404" in ended.err


def test_remote_name_and_compressed(wire, env, tmp_path):
    packed = gzip.compress(b"content" * 1000)
    wire.replies += [Reply(200, packed, {"content-encoding": "gzip"})]
    arguments = ("call", f"{wire.url}{URL_PATH}/report.csv?x=1", "-O", "--compressed")
    subprocess.run([sys.executable, "-m", "daypass", *arguments], env=env, cwd=tmp_path, check=True)
    assert (tmp_path / "report.csv").read_bytes() == b"content" * 1000
    assert "gzip" in wire.last.header("accept-encoding")


def test_an_end_of_patience(env):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}{URL_PATH}"
        ended = daypass("call", url, "--max-time", "0.3", env=env)
    assert ended.code == 1
    assert "timed out" in ended.err.lower()


def test_dry_run_prints_the_signed_request_and_sends_nothing(wire, env):
    before = len(wire.received)
    ended = daypass(
        *("call", f"{wire.url}{URL_PATH}?a=b", "--json", '{"a": 1}', "--dry-run"), env=env
    )
    assert len(wire.received) == before
    head, _, body = ended.out.partition("\n\n")
    assert head.startswith(f"POST {URL_PATH}?a=b HTTP/1.1\n")
    assert f"X-Amz-Security-Token: {KEYS['AWS_SESSION_TOKEN']}" in head
    assert body == '{"a": 1}\n'
    assert SECRET not in ended.out + ended.err
    assert "carries the session token" in ended.err


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-X", "DELETE"),
        ("-d", 'it\'s "a"=1'),
        ("-X", "PUT", "-d", "@{file}", "-H", "x-amz-meta-a: b c"),
        ("--json", "{}"),
        ("-d", "a", "-H", "content-type:"),
    ],
)
def test_curl_sends_what_it_is_told(wire, env, arguments, tmp_path):
    (tmp_path / "body").write_bytes(bytes(range(256)))
    filled = [argument.replace("{file}", str(tmp_path / "body")) for argument in arguments]
    url = f"{wire.url}/bucket/a/../b//c?x=y%20z&d=e"
    ended = daypass("call", url, "--service", "s3", *filled, "--curl", env=env)
    subprocess.run(["sh", "-c", f"{ended.out.strip()} --silent"], check=True)
    assert wire.last.target == "/bucket/a/../b//c?x=y%20z&d=e"
    assert_signed(wire.last, "s3")


def test_a_role_is_assumed_with_all_that_can_be_asked(server):
    iam = server.client("iam")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": server.account_id},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "x-1"}},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    key = iam.create_user(UserName="cli-call") and iam.create_access_key(UserName="cli-call")
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    iam.put_user_policy(
        UserName="cli-call",
        PolicyName="assume",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    role = iam.create_role(RoleName="cli-call", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    environment = server.environment(
        aws_access_key_id=key["AccessKey"]["AccessKeyId"],
        aws_secret_access_key=key["AccessKey"]["SecretAccessKey"],
    )
    ended = daypass(
        *("call", f"{server.endpoint}/", "--service", "sts", "--role", role, "--external-id"),
        *("x-1", "--session-name", "called", "-d", "Action=GetCallerIdentity&Version=2011-06-15"),
        env=environment,
    )
    assert "assumed-role/cli-call/called</Arn>" in ended.out, ended


# -- what other tools get wrong -------------------------------------------------------------------


def test_a_query_is_signed_as_it_is_sent(wire, env):
    """awscurl encodes what is encoded, and writes = twice."""
    query = "a=b%3D%3D&c=d==&e&f=&a=x%20y&g=:/*"
    daypass("call", f"{wire.url}{URL_PATH}?{query}", "-s", env=env)
    assert wire.last.target == f"{URL_PATH}?{query}"
    stamp = wire.last.header("x-amz-date")
    request = HttpRequest(
        "GET",
        f"http://{wire.last.header('host')}{wire.last.target}",
        [("authorization", wire.last.header("authorization")), ("x-amz-date", stamp)]
        + [(name, wire.last.header(name)) for name in ("host", "x-amz-security-token")],
        b"",
    )
    assert diagnose(request, SECRET, service="lambda").matched


def test_a_get_has_no_headers_that_nobody_gave(wire, env):
    """awscurl sends Accept: application/xml and a Content-Type with every request."""
    daypass("call", wire.url + URL_PATH, "-s", env=env)
    assert wire.last.header("content-type") is None
    assert wire.last.header("accept") in (None, "*/*")


def test_a_profile_that_is_not_there_is_an_error_whatever_the_environment_has(wire, env):
    before = len(wire.received)
    ended = daypass("call", wire.url + URL_PATH, "--profile", "absent", env=env)
    assert (ended.code, ended.out) == (1, "")
    assert "absent" in ended.err
    assert len(wire.received) == before


def test_a_profiles_region_counts(wire, env, tmp_path):
    (tmp_path / "config").write_text(
        "[profile work]\nregion = ap-south-1\naws_access_key_id = AKIDWORK\n"
        "aws_secret_access_key = secret-of-work\n"
    )
    plain = {name: value for name, value in env.items() if name != "AWS_REGION"}
    daypass(
        *("call", "-s", wire.url + URL_PATH, "--profile", "work"),
        env=plain | {"AWS_CONFIG_FILE": str(tmp_path / "config")},
    )
    assert "Credential=AKIDWORK/" in wire.last.header("authorization")
    expected = wire.last.expected_signature("secret-of-work", "lambda", "ap-south-1")
    assert wire.last.signature() == expected


def test_another_implementation_is_called(env, tmp_path):
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        bucket = f"http://{host}:{port}/moto-call"
        arguments = ("--service", "s3", "--region", "us-east-1", "--fail")
        made = daypass("call", "-X", "PUT", bucket, *arguments, env=env)
        (tmp_path / "up").write_bytes(b"content")
        put = daypass("call", f"{bucket}/key", "-T", str(tmp_path / "up"), *arguments, env=env)
        got = daypass("call", f"{bucket}/key", *arguments, env=env)
    finally:
        moto.stop()
    assert (made.code, put.code, got.out) == (0, 0, "content"), (made, put, got)


def certified(directory):
    """A certificate of its own for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, SHA256())
    )
    (directory / "ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return directory / "ca.pem", directory / "key.pem"


def test_an_authority_is_trusted_that_was_named_and_no_other(env, tmp_path):
    authority, key = certified(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"over TLS")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"https://localhost:{server.server_port}{URL_PATH}"
        trusted = daypass("call", "-s", url, "--cacert", str(authority), env=env)
        other = daypass("call", url, env=env)
        broken = daypass("call", url, "--cacert", str(key), env=env)
    finally:
        server.shutdown()
        server.server_close()
    assert trusted.out == "over TLS", trusted
    assert (other.code, other.out) == (1, "")
    assert "CERTIFICATE_VERIFY_FAILED" in other.err
    assert (broken.code, broken.out) == (1, "")
    assert "cannot be used" in broken.err
