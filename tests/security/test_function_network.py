"""What code inside a function reaches over the network: this server by AWS's names, nothing else.

Without namespaces functions use the machine's network, and the tests of their own are skipped.
"""

import json
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daypass.cli import main
from daypass.workers.isolation import detect
from tests.conftest import Server, start_server, stop_server
from tests.functions import allow, create_role, deploy, invoke, pack

REFUSAL = detect().network_refusal
needs_networks = pytest.mark.skipif(bool(REFUSAL), reason=f"no networks here: {REFUSAL}")

PROBE = """
import errno, json, os, socket, urllib.error, urllib.request

def fetch(url, **request):
    try:
        asked = urllib.request.Request(url, **request)
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return [answer.status, answer.read(4000).decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read(4000).decode()]
    except urllib.error.URLError as error:
        return [0, type(error.reason).__name__]

def connect(address):
    try:
        with socket.create_connection(address, 3) as connection:
            connection.settimeout(3)
            return connection.recv(100).decode()
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)

def send_datagram(address):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            return sender.sendto(b"x", tuple(address))
    except OSError as error:
        return errno.errorcode[error.errno]

def abstract(name):
    try:
        socket.socket(socket.AF_UNIX).connect("\\0" + name)
        return "connected"
    except OSError as error:
        return errno.errorcode[error.errno]

def sign(method, url, credentials):
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    request = AWSRequest(method, url)
    own = [os.environ[f"AWS_{part}"] for part in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY",
                                                  "SESSION_TOKEN")]
    signer = SigV4Auth(Credentials(*credentials or own), "daypass", os.environ["AWS_REGION"])
    signer.add_auth(request)
    return fetch(url, method=method, headers=dict(request.headers))

def crowd(address, count):
    opened = [socket.create_connection(address, 5) for _ in range(count)]
    closed = 0
    for one in reversed(opened):  # the last ones are those too many
        one.settimeout(2)
        try:
            closed += one.recv(1) == b""
        except ConnectionResetError:
            closed += 1
        except TimeoutError:
            pass
        if closed:
            break
    for one in opened:
        one.close()
    return closed

def identities(hosts):
    import boto3
    return [boto3.client("sts", endpoint_url=host).get_caller_identity()["Arn"] for host in hosts]

def presign(_):
    import boto3
    return boto3.client("s3").generate_presigned_url("list_buckets")

def handler(event, context):
    return [globals()[name](*arguments) for name, *arguments in event]
"""


@pytest.fixture(scope="module")
def probe(server: Server) -> str:
    """A function that reaches out as its event says, and may do nothing else."""
    deploy(server, "network-probe", PROBE, MemorySize=256)
    return "network-probe"


def ask(server: Server, name: str, *questions: list[Any]) -> list[Any]:
    answer = invoke(server, name, questions)
    assert "FunctionError" not in answer, answer["Payload"]
    answers: list[Any] = answer["Payload"]
    return answers


@pytest.fixture
def listener() -> Iterator[int]:
    """The port of a service on all addresses of this machine, which greets whoever connects."""
    source = (
        "import socket; s = socket.create_server(('0.0.0.0', 0)); "
        "print(s.getsockname()[1], flush=True)\n"
        "while True:\n c, _ = s.accept(); c.sendall(b'greetings'); c.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


def own_address() -> str:
    """An address of this machine that is not loopback's; skips where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("198.18.0.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no address but loopback's")
        address: str = asked.getsockname()[0]
        return address


# -- what it reaches --------------------------------------------------------------------------


@needs_networks
def test_hard_coded_names_of_aws_lead_to_this_server(server: Server, probe: str) -> None:
    own = f"arn:aws:sts::{server.account_id}:assumed-role/network-probe-role/network-probe"
    sts, plain, regional, mine = ask(
        server,
        probe,
        ["fetch", "https://sts.us-east-1.amazonaws.com/"],
        ["fetch", "http://iam.amazonaws.com/"],
        ["fetch", "https://some-bucket.s3.us-east-1.amazonaws.com/"],
        ["identities", ["https://sts.us-east-1.amazonaws.com", "http://sts.amazonaws.com", None]],
    )
    assert sts[0] == plain[0] == 403
    assert "<Code>MissingAuthenticationToken</Code>" in sts[1]
    assert "https://iam.amazonaws.com/doc/" in plain[1]
    assert regional[0] == 404
    assert "<BucketName>some-bucket</BucketName>" in regional[1]
    assert mine == [own, own, own]


@needs_networks
@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on PATH")
def test_the_same_from_node(server: Server) -> None:
    source = """
const https = require("node:https");
exports.handler = async () => {
  const status = await new Promise((done, failed) => https
    .get("https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions",
      (answer) => done(answer.resume().statusCode))
    .on("error", failed));
  const fetched = await fetch("https://sts.us-east-1.amazonaws.com/");
  const outside = await fetch("https://example.com/").catch((error) => error.cause.code);
  return [status, fetched.status, outside];
};
"""
    deploy(
        server,
        "network-node",
        "",
        Runtime="nodejs22.x",
        Handler="app.handler",
        Code={"ZipFile": pack({"app.js": source})},
    )
    answer = invoke(server, "network-node")
    assert answer["Payload"] == [403, 403, "ENOTFOUND"]


@needs_networks
def test_what_it_presigns_works_outside_too(server: Server, probe: str) -> None:
    (url,) = ask(server, probe, ["presign", None])
    assert url.startswith(server.endpoint)


@needs_networks
def test_a_custom_runtime_has_its_runtime_api_inside(server: Server, probe: str) -> None:
    name = f"network-custom-{uuid.uuid4().hex[:8]}"
    bootstrap = f"""#!{Path(sys.base_prefix)}/bin/python3
import json, os, urllib.request
base = f"http://{{os.environ['AWS_LAMBDA_RUNTIME_API']}}/2018-06-01/runtime"
while True:
    with urllib.request.urlopen(f"{{base}}/invocation/next") as event:
        number = event.headers["Lambda-Runtime-Aws-Request-Id"]
        event.read()
    answer = json.dumps(os.environ["AWS_LAMBDA_RUNTIME_API"]).encode()
    urllib.request.urlopen(f"{{base}}/invocation/{{number}}/response", data=answer).close()
"""
    deploy(
        server,
        name,
        "",
        Runtime="provided.al2023",
        Code={"ZipFile": pack({"bootstrap": bootstrap}, "bootstrap")},
    )
    assert invoke(server, name)["Payload"] == "169.254.100.1:9001", "as on AWS"
    assert invoke(server, name)["Payload"] == "169.254.100.1:9001", "warm"
    # Where it waits for its next event is nobody else's: neither another function's, nor, in
    # the kernel's table of sockets (169.254.100.1:9001), the machine's.
    assert ask(server, probe, ["connect", ["169.254.100.1", 9001]]) == ["ENETUNREACH"]
    assert "0164FEA9:2329" not in Path("/proc/net/tcp").read_text()


# -- what it does not reach -------------------------------------------------------------------


@needs_networks
def test_the_machine_and_the_outside_are_out_of_reach(
    server: Server, probe: str, listener: int
) -> None:
    answers = ask(
        server,
        probe,
        ["connect", ["127.0.0.1", listener]],
        ["connect", ["localhost", listener]],
        ["connect", ["::1", listener]],
        ["connect", ["1.1.1.1", 443]],
        ["connect", ["10.0.2.2", listener]],
        ["connect", ["169.254.169.254", 80]],
        ["connect", ["169.254.170.2", 80]],
        ["send_datagram", ["1.1.1.1", 53]],
        ["fetch", "https://example.com/"],
        ["fetch", "http://metadata.google.internal/"],
    )
    refused = ["ECONNREFUSED"] * 3
    assert answers[:3] == refused
    assert answers[3:5] == ["ENETUNREACH"] * 2
    assert answers[5:7] == ["ECONNREFUSED"] * 2
    assert answers[7] == "ENETUNREACH"
    assert answers[8:] == [[0, "gaierror"]] * 2
    assert ask(server, probe, ["connect", [own_address(), listener]]) == ["ENETUNREACH"]


@needs_networks
def test_abstract_sockets_of_the_machine_are_out_of_reach(server: Server, probe: str) -> None:
    name = f"daypass-test-{uuid.uuid4()}"
    with closing(socket.socket(socket.AF_UNIX)) as other:
        other.bind(f"\0{name}")
        other.listen()
        assert ask(server, probe, ["abstract", name]) == ["ECONNREFUSED"]


@needs_networks
def test_the_administration_is_out_of_reach_even_for_root(server: Server, probe: str) -> None:
    root = [server.access_key_id, server.secret_access_key]
    paths = ["health", "ready", "sessions", "oidc/x/.well-known/openid-configuration"]
    urls = [f"{server.endpoint}/_daypass/{path}" for path in paths]
    urls += [
        "https://daypass.us-east-1.amazonaws.com/_daypass/sessions",
        "https://sts.us-east-1.amazonaws.com:443/_daypass/health",
        f"{server.endpoint}/_urls/../_daypass/sessions",
    ]
    fetched = ask(server, probe, *(["fetch", url] for url in urls))
    signed = ask(server, probe, *(["sign", "GET", url, root] for url in urls))
    for status, body in (*fetched, *signed):
        assert status in {400, 403, 404}, body
        assert "SessionName" not in body
    named = [body for status, body in signed[:5] if status == 403]
    assert len([body for body in named if "not for functions" in body]) == 5


@needs_networks
def test_one_function_cannot_take_all_connections(server: Server, probe: str) -> None:
    answers = ask(server, probe, ["crowd", ["198.51.100.1", 80], 300])
    assert answers == [1], "some were refused"
    assert server.client("sts").get_caller_identity()["Account"] == server.account_id
    assert ask(server, probe, ["fetch", "http://iam.amazonaws.com/"])[0][0] == 403


# -- the other networks -----------------------------------------------------------------------


def test_in_the_machine_s_network_no_function_s_session_administers(
    tmp_path: Path, listener: int
) -> None:
    server = start_server(tmp_path / "data", "--function-network", "host")
    try:
        deploy(server, "admin", PROBE, role=create_role(server, "admin", allow("daypass:*")))
        url = f"{server.endpoint}/_daypass/sessions"
        unsigned, signed, reached = ask(
            server,
            "admin",
            ["fetch", url],
            ["sign", "GET", url, []],
            ["connect", ["127.0.0.1", listener]],
        )
        assert unsigned[0] == signed[0] == 403
        assert "not for functions" in signed[1], "whatever its role allows"
        assert reached == "greetings", "the machine's network is what it is"
    finally:
        stop_server(server)


@needs_networks
@pytest.mark.skipif(
    shutil.which("slirp4netns") is None, reason="there is no slirp4netns to carry connections"
)
def test_open_reaches_the_outside_and_not_the_machine_s_loopback(
    tmp_path: Path, listener: int
) -> None:
    address = own_address()
    server = start_server(tmp_path / "data", "--function-network", "open")
    try:
        deploy(server, "f", PROBE)
        answer = invoke(
            server,
            "f",
            [
                ["connect", [address, listener]],
                ["connect", ["127.0.0.1", listener]],
                ["connect", ["10.0.2.2", listener]],
                ["connect", ["169.254.169.254", 80]],
                ["fetch", f"{server.endpoint}/_daypass/health"],
                ["identities", ["https://sts.us-east-1.amazonaws.com"]],
            ],
        )
        if "could not be connected to the outside" in json.dumps(answer["Payload"]):
            pytest.skip("slirp4netns cannot carry connections here")
        assert "FunctionError" not in answer, answer["Payload"]
        outside, loopback, gateway, metadata, administration, identities = answer["Payload"]
        assert outside == "greetings"
        assert "greetings" not in (loopback, gateway)
        assert metadata == "ECONNREFUSED"
        assert administration[0] == 403
        assert identities == [f"arn:aws:sts::{server.account_id}:assumed-role/f-role/f"]
    finally:
        stop_server(server)


def test_a_network_that_cannot_be_had_is_no_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for options, why in (
        (["--isolation", "process"], "needs the isolation level namespaces"),
        ([], "Neither slirp4netns nor pasta is installed"),
    ):
        if REFUSAL and not options:
            continue
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(SystemExit) as ended:
            main(
                [
                    *("serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"),
                    *("--function-network", "open", *options),
                ]
            )
        assert ended.value.code == 1
        assert why in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
