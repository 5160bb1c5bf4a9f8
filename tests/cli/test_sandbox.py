"""`daypass sandbox`: programs written for AWS, unmodified, and what of the machine they see."""

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.running import daypass
from tests.conftest import Server, start_server, stop_server
from tests.functions import deploy
from tests.namespaces import as_other_user, ordinary_python, python_path, refused, sandboxed

pytestmark = pytest.mark.skipif(bool(refused()), reason=f"no namespaces here: {refused()}")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(server: Server) -> Run:
    """Runs a program in a sandbox; its end, which must be `code`."""

    def ran(
        *arguments: str, code: int = 0, options: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            [*sandboxed(server, *options), *arguments],
            env=server.environment() | {"HTTPS_PROXY": "http://127.0.0.1:9"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended

    return ran


def python(source: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(source)]


# -- programs ---------------------------------------------------------------------------------


def test_the_aws_cli_finds_every_service_by_aws_s_names(run: Run, server: Server) -> None:
    bucket = f"sandbox-{uuid.uuid4().hex[:12]}"
    ended = run(
        *("sh", "-ec"),
        f"""test -z "$AWS_ENDPOINT_URL"
        aws sts get-caller-identity --query Arn --output text
        aws s3 mb s3://{bucket}
        echo hello | aws s3 cp - s3://{bucket}/greeting
        aws iam list-users --query 'length(Users)>=`0`' --region eu-west-3
        """,
    )
    assert ended.stdout.splitlines() == [
        f"arn:aws:iam::{server.account_id}:root",
        f"make_bucket: {bucket}",
        "true",
    ]
    body = server.client("s3").get_object(Bucket=bucket, Key="greeting")["Body"].read()
    assert body == b"hello\n", "the server outside has it"


def test_a_program_with_hard_coded_names(run: Run, server: Server) -> None:
    ended = run(
        *python("""
            import json, urllib.request, boto3
            sts = boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com",
                               region_name="us-east-1")
            s3 = boto3.client("s3", endpoint_url="https://s3.us-east-1.amazonaws.com")
            presigned = sts.generate_presigned_url("get_caller_identity", HttpMethod="GET")
            with urllib.request.urlopen(presigned) as answer:
                text = answer.read().decode()
            plain = boto3.client("iam", endpoint_url="http://iam.amazonaws.com")
            print(json.dumps({"arn": sts.get_caller_identity()["Arn"], "presigned": text,
                "host": presigned.partition("?")[0], "users": len(plain.list_users()["Users"]),
                "buckets": s3.list_buckets()["Owner"]["ID"] != ""}))
        """)
    )
    found = json.loads(ended.stdout)
    assert found["arn"] == f"arn:aws:iam::{server.account_id}:root"
    assert found["arn"] in found["presigned"]
    assert found["host"] == "https://sts.us-east-1.amazonaws.com/"
    assert found["buckets"] is True


def test_curl_calls_a_function_url_by_its_own_name(run: Run, server: Server) -> None:
    name = f"sandbox-{uuid.uuid4().hex[:12]}"
    source = """
        def handler(event, context):
            return {"headers": event["headers"], "path": event["rawPath"],
                    "domain": event["requestContext"]["domainName"]}
    """
    url = deploy(server, name, textwrap.dedent(source), auth_type="AWS_IAM")
    label = re.findall(r"[a-z0-9]{32}", url)[0]
    host = f"{label}.lambda-url.{server.region}.on.aws"
    ended = run(
        *("sh", "-c"),
        f"""curl -sS https://{host}/some/path
        curl -sS --aws-sigv4 "aws:amz:{server.region}:lambda" \
          --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" https://{host}/some/path
        """,
    )
    assert "Forbidden" in ended.stdout, "unsigned"
    answer = json.loads(ended.stdout.partition("}")[2])
    assert answer["domain"] == answer["headers"]["host"] == host
    assert answer["path"] == "/some/path"


def test_an_ordinary_user_has_it_too(server: Server) -> None:
    user = as_other_user()
    ended = subprocess.run(
        [
            *user,
            *(ordinary_python(), "-m", "daypass", "sandbox", "--endpoint-url", server.endpoint),
            *("--", "sh", "-c", "id -u; curl -sS https://sts.us-east-1.amazonaws.com/"),
        ],
        env={"PATH": os.defpath, "PYTHONPATH": python_path(), "HOME": "/"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    identity, _, answer = ended.stdout.partition("\n")
    assert identity == ("65534" if user else str(os.getuid()))
    assert "MissingAuthenticationToken" in answer


def test_with_a_server_that_speaks_tls_https_is_secure_transport(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data", "--tls")
    try:
        bucket = "only-secure"
        s3 = server.client("s3")
        s3.create_bucket(Bucket=bucket)
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        s3.put_bucket_policy(Bucket=bucket, Policy=document)
        program = """
            import sys, boto3
            for scheme in ("https", "http"):
                s3 = boto3.client("s3", endpoint_url=f"{scheme}://s3.us-east-1.amazonaws.com")
                try:
                    print(s3.list_objects_v2(Bucket="only-secure")["KeyCount"])
                except s3.exceptions.ClientError as error:
                    print(error.response["Error"]["Code"])
        """
        ended = subprocess.run(
            [*sandboxed(server), *python(program)],
            env=server.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.stdout == "0\nAccessDenied\n", ended.stderr
    finally:
        stop_server(server)


# -- what passes through ----------------------------------------------------------------------


def test_exit_codes_are_the_program_s(run: Run) -> None:
    run("sh", "-c", "exit 23", code=23)
    run("sh", "-c", "kill -SEGV $$", code=-signal.SIGSEGV)
    assert "There is no such command." in run("no-such-command", code=127).stderr
    assert "Permission denied." in run("/etc/hosts", code=126).stderr


def test_the_process_is_the_program_with_its_streams_and_signals(server: Server) -> None:
    source = """
        import os, signal, sys
        print(os.getpid(), os.getppid(), signal.getsignal(signal.SIGPIPE).name,
              sorted(int(n) for n in os.listdir("/proc/self/fd"))[:-1], flush=True)
        def end(*_):
            print("asked to end", flush=True)
            os._exit(0)
        signal.signal(signal.SIGTERM, end)
        sys.stdout.write(sys.stdin.read())
        sys.stdout.flush()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            print("no children", flush=True)
        while True:
            signal.pause()
    """
    # Python itself ignores SIGPIPE, so what it was given shows in a program of another kind.
    shell = 'grep SigIgn /proc/self/status >&2; exec "$@"'
    process = subprocess.Popen(
        [*sandboxed(server), "sh", "-c", shell, "-", *python(source)],
        env=server.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write("from outside\n")
    process.stdin.close()
    ignored = int(process.stderr.readline().split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1))
    facts = process.stdout.readline().split(maxsplit=3)
    assert facts[:2] == [str(process.pid), str(os.getpid())], "no process in between"
    assert facts[3].strip() == "[0, 1, 2]"
    assert process.stdout.readline() == "from outside\n"
    assert process.stdout.readline() == "no children\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "asked to end\n"
    assert process.wait(30) == 0
    assert process.stdout.read() == "", "nobody else holds its output"
    process.stdout.close()
    process.stderr.close()


def test_a_terminal_is_the_program_s(server: Server) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*sandboxed(server), "sh", "-c", "test -t 0 && test -t 1 && tty; cat"],
        env=server.environment(),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - no threads here
    )
    os.close(terminal)
    said = b""
    while b"/dev/pts/" not in said:
        said += os.read(controller, 1024)
    os.write(controller, b"\x03")
    assert process.wait(30) == -signal.SIGINT, "Ctrl-C goes to the program"
    os.close(controller)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_what_answers_in_the_background_ends_with_the_program(server: Server) -> None:
    process = subprocess.Popen(
        [*sandboxed(server), "sh", "-c", "echo $SSL_CERT_FILE; cat"],
        env=server.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    bundle = Path(process.stdout.readline().strip())
    assert b"BEGIN CERTIFICATE" in bundle.read_bytes()
    assert list((bundle.parent / "tls").glob("*.key")) == [], "no authority's key is left there"
    process.kill()
    process.communicate()
    until = time.monotonic() + 10
    while bundle.parent.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not bundle.parent.exists(), "and takes its files along"


# -- what is not there ------------------------------------------------------------------------


@pytest.fixture
def host_service() -> Iterator[int]:
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


CONNECT = """
    import socket, sys
    for host, port in (pair.rsplit(":", 1) for pair in sys.argv[1:]):
        try:
            with socket.create_connection((host, int(port)), 1) as connection:
                print(connection.recv(100).decode())
        except OSError as error:
            print(type(error).__name__, error.errno)
"""


def test_nothing_else_is_reachable(run: Run, host_service: int) -> None:
    loopback = f"127.0.0.1:{host_service}"
    addresses = [loopback, "1.1.1.1:443", "169.254.169.254:80", "example.com:443"]
    ended = run(*python(CONNECT), *addresses)
    refused_, unreachable, metadata, unknown = ended.stdout.splitlines()
    assert refused_ == "ConnectionRefusedError 111"
    assert unreachable == "OSError 101"
    assert metadata == "ConnectionRefusedError 111"
    assert unknown.startswith("gaierror")


def test_open_reaches_the_outside_and_neither_loopback_nor_the_cloud_s_credentials(
    run: Run, server: Server, host_service: int
) -> None:
    tried = subprocess.run(
        [*sandboxed(server, "--network", "open"), "true"], capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"the outside cannot be reached here: {tried.stderr.decode()}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("198.18.0.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no address but loopback's")
        own = asked.getsockname()[0]
    # 10.0.2.2 is the machine's loopback where slirp4netns is not told otherwise.
    places = [f"{own}:{host_service}", f"127.0.0.1:{host_service}", f"10.0.2.2:{host_service}"]
    program = [*python(CONNECT), *places, "169.254.169.254:80"]
    ended = run(*program, options=["--network", "open"])
    outside, *loopback, metadata = ended.stdout.splitlines()
    assert outside == "greetings"
    assert "greetings" not in loopback
    assert metadata == "ConnectionRefusedError 111"
    assert run(*program).stdout.count("greetings") == 0, "and not without asking for it"


def test_a_port_of_the_host_is_reachable_when_asked_for(run: Run, host_service: int) -> None:
    loopback = f"127.0.0.1:{host_service}"
    ended = run(*python(CONNECT), loopback, options=["--host-port", str(host_service)])
    assert ended.stdout == "greetings\n"


def test_nothing_of_the_machine_changes(run: Run) -> None:
    files = ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf")
    before = {name: Path(name).read_bytes() for name in files if Path(name).exists()}
    mounts = Path("/proc/self/mountinfo").read_text()
    ended = run("cat", "/etc/resolv.conf", "/etc/hosts")
    assert "nameserver 127.0.0.1" in ended.stdout
    assert {name: Path(name).read_bytes() for name in before} == before
    assert Path("/proc/self/mountinfo").read_text() == mounts


def test_the_server_s_own_address_leads_to_it_inside_too(run: Run, server: Server) -> None:
    ended = run("curl", "-sS", f"{server.endpoint}/_daypass/health")
    assert json.loads(ended.stdout) == {"status": "ok"}


# -- refusals ---------------------------------------------------------------------------------


def test_without_a_server_it_says_what_to_do(tmp_path: Path) -> None:
    ended = daypass("sandbox", "--data", str(tmp_path), "--", "true")
    assert ended.code == 1
    assert "No server runs on" in ended.err
    assert "daypass serve --data" in ended.err


@pytest.mark.skipif(
    shutil.which("unshare") is None or shutil.which("setpriv") is None,
    reason="there is no unshare or no setpriv on PATH",
)
def test_where_namespaces_are_refused_it_says_which_setting_does(tmp_path: Path) -> None:
    # In a user namespace of its own, root may refuse itself further ones.
    refuse = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    ended = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "sh", "-c", refuse, "-"),
            *("setpriv", "--bounding-set=-all", "--inh-caps=-all"),
            *(sys.executable, "-m", "daypass", "sandbox", "--endpoint-url", "http://127.0.0.1:9"),
            *("--", "touch", str(tmp_path / "ran")),
        ],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "The setting user.max_user_namespaces=0 refuses namespaces to this user." in ended.stderr
    assert "sysctl user.max_user_namespaces=10000" in ended.stderr
    assert list(tmp_path.iterdir()) == [], "nothing ran, and nothing is left behind"


def test_a_server_that_is_gone_is_named(tmp_path: Path) -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        ended = daypass(
            *("sandbox", "--endpoint-url", url, "--", "curl", "-sS", "https://iam.amazonaws.com/")
        )
    assert ended.code == 0
    assert f"The Daypass server at {urlsplit(url).netloc} does not answer" in ended.out
