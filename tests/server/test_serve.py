"""The process: first start, second start, refusals an operator meets, shutdown, several workers."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from tests.conftest import Server, start_server, stop_server
from tests.signing import Answer, send, signed


def daypass(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daypass", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def get(url: str) -> tuple[int, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, json.loads(answer.read())


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    server = start_server(tmp_path / "data")
    yield server
    if server.process.poll() is None:
        stop_server(server)


def restarted(server: Server, *options: str) -> Server:
    return start_server(
        server.data, *options, credentials=(server.access_key_id, server.secret_access_key)
    )


def test_health_and_readiness_need_no_signature(server: Server) -> None:
    for path in ("health", "ready"):
        assert get(f"{server.endpoint}/_daypass/{path}")[0] == 200


def test_the_data_directory_is_private_and_holds_no_secret_in_clear(own: Server) -> None:
    assert stat.S_IMODE(own.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((own.data / "master.key").stat().st_mode) == 0o600
    stop_server(own)
    for path in own.data.rglob("*"):
        if path.is_file():
            assert own.secret_access_key.encode() not in path.read_bytes(), path


def test_the_root_key_is_printed_once_and_shown_again_only_by_env(own: Server) -> None:
    stop_server(own)
    again = start_server(own.data)
    assert (again.access_key_id, again.secret_access_key) == ("", "")
    shown = daypass("env", "--data", str(own.data), "--output", "json")
    assert own.secret_access_key in shown.stdout
    stop_server(again)


def test_init_makes_the_account_and_serves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    options = ("--account-id", "111122223333", "--region", "eu-west-1", "--output", "json")
    made = json.loads(daypass("init", "--data", str(data), *options).stdout)
    assert set(made) == {"AccountId", "Region", "AccessKeyId", "SecretAccessKey"}
    assert (made["AccountId"], made["Region"]) == ("111122223333", "eu-west-1")
    again = daypass("init", "--data", str(data))
    assert again.returncode != 0
    assert "already" in again.stderr
    server = start_server(data, credentials=(made["AccessKeyId"], made["SecretAccessKey"]))
    assert server.client("sts").get_caller_identity()["Account"] == "111122223333"
    stop_server(server)


def test_a_second_server_on_the_same_directory_is_refused(own: Server) -> None:
    second = daypass("serve", "--data", str(own.data), "--listen", "127.0.0.1:0")
    assert second.returncode != 0
    assert str(own.process.pid) in second.stderr
    assert own.endpoint in second.stderr
    assert "Traceback" not in second.stderr


def test_a_second_server_on_the_same_port_is_refused(own: Server, tmp_path: Path) -> None:
    port = own.endpoint.rpartition(":")[2]
    second = daypass("serve", "--data", str(tmp_path / "other"), "--listen", f"127.0.0.1:{port}")
    assert second.returncode != 0
    assert f"127.0.0.1:{port}" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--listen", "nowhere"),
        ("--account-id", "123"),
        ("--workers", "0"),
        ("--region", "eu-west-1"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_sentence(
    own: Server, tmp_path: Path, options: tuple[str, str]
) -> None:
    data = tmp_path / "fresh"
    if options[0] == "--region":
        stop_server(own)
        data = own.data
    refused = daypass("serve", "--data", str(data), *options)
    assert refused.returncode != 0
    assert options[1] in refused.stderr or options[0] in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_directory_open_to_others_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "open"
    data.mkdir()
    (data / "something").write_text("")
    data.chmod(0o755)
    refused = daypass("serve", "--data", str(data), "--listen", "127.0.0.1:0")
    assert refused.returncode != 0
    assert "chmod 700" in refused.stderr


def test_a_lost_master_key_is_named(own: Server) -> None:
    stop_server(own)
    (own.data / "master.key").unlink()
    refused = daypass("serve", "--data", str(own.data), "--listen", "127.0.0.1:0")
    assert refused.returncode != 0
    assert "master.key" in refused.stderr


def test_shutdown_finishes_the_requests_under_way(own: Server) -> None:
    s3 = own.client("s3")
    s3.create_bucket(Bucket="shutdown")
    begun = threading.Event()

    class SlowBody:
        """Sixteen pieces, the first of which tells that the upload is under way."""

        def __init__(self) -> None:
            self.left = 16

        def __len__(self) -> int:
            return 16 * 65536

        def read(self, _size: int = -1) -> bytes:
            if not self.left:
                return b""
            self.left -= 1
            if self.left == 8:
                begun.set()
            if self.left < 8:
                stopping.wait(0.05)
            return b"x" * 65536

    stopping = threading.Event()
    config = Config(signature_version="s3v4", request_checksum_calculation="when_required")
    client = own.client("s3", config=config)
    with ThreadPoolExecutor(1) as pool:
        url = client.generate_presigned_url(
            "put_object", Params={"Bucket": "shutdown", "Key": "slow"}
        )
        body = SlowBody()
        request = urllib.request.Request(url, data=body, method="PUT")  # type: ignore[arg-type]
        request.add_header("Content-Length", str(len(body)))
        upload = pool.submit(lambda: urllib.request.urlopen(request, timeout=30).status)
        assert begun.wait(10)
        own.process.terminate()
        assert upload.result(30) == 200
    assert own.process.wait(30) == 0
    again = restarted(own)
    head = again.client("s3").head_object(Bucket="shutdown", Key="slow")
    assert head["ContentLength"] == 16 * 65536
    stop_server(again)


def test_what_was_acknowledged_survives_kill_9(own: Server) -> None:
    """Writers note what was answered; the server is killed in their midst; all of it is there."""
    own.client("s3").create_bucket(Bucket="durable")
    users: list[str] = []
    objects: list[str] = []
    stop = threading.Event()

    def write(name: str) -> None:
        iam, s3 = own.client("iam"), own.client("s3")
        number = 0
        while not stop.is_set():
            try:
                iam.create_user(UserName=f"{name}-{number}")
                users.append(f"{name}-{number}")
                body = f"{name}-{number}".encode() * (1 if number % 2 else 3000)
                s3.put_object(Bucket="durable", Key=f"{name}-{number}", Body=body)
                objects.append(f"{name}-{number}")
            except (BotoCoreError, ClientError):
                return
            number += 1

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, f"writer{n}") for n in range(4)]
        while len(objects) < 40:
            assert not all(writer.done() for writer in writers)
            threading.Event().wait(0.02)
        os.kill(own.process.pid, signal.SIGKILL)
        own.process.wait()
        stop.set()
    again = restarted(own)
    iam, s3 = again.client("iam"), again.client("s3")
    there = {
        user["UserName"]
        for page in iam.get_paginator("list_users").paginate()
        for user in page["Users"]
    }
    assert set(users) <= there
    for key in objects:
        number = int(key.rpartition("-")[2])
        expected = key.encode() * (1 if number % 2 else 3000)
        assert s3.get_object(Bucket="durable", Key=key)["Body"].read() == expected
    stop_server(again)


def test_a_change_holds_at_once_in_every_worker(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data", "--workers", "3")
    try:
        iam = server.client("iam")
        for round_number in range(5):
            name = f"user{round_number}"
            iam.create_user(UserName=name)
            key = iam.create_access_key(UserName=name)["AccessKey"]
            # Each request has a connection of its own, which the kernel deals to any worker.
            for _ in range(20):
                assert _caller_identity(server, key).status == 200
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
            for _ in range(20):
                refused = _caller_identity(server, key)
                assert refused.status == 403
                assert "InvalidClientTokenId" in refused.body
    finally:
        assert stop_server(server) == 0


def test_a_worker_that_dies_is_started_anew(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data", "--workers", "2")
    try:
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        before = set(children.read_text().split())
        assert len(before) == 2
        os.kill(int(next(iter(before))), signal.SIGKILL)
        for _ in range(100):
            if len(set(children.read_text().split()) - before) == 1:
                break
            threading.Event().wait(0.1)
        assert len(set(children.read_text().split()) - before) == 1
        assert get(f"{server.endpoint}/_daypass/health")[0] == 200
    finally:
        assert stop_server(server) == 0


def _caller_identity(server: Server, key: dict[str, str]) -> Answer:
    credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return send(signed(credentials, "sts", server.region, "POST", server.endpoint, body, form))


def test_tls_serves_aws_host_names_whatever_the_port(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data", "--tls", "--tls-listen", "127.0.0.1:0")
    try:
        assert server.tls_endpoint is not None
        ca = daypass("ca", "--data", str(server.data)).stdout.strip()
        sts = boto3.client(
            "sts",
            region_name=server.region,
            endpoint_url=server.tls_endpoint,
            verify=ca,
            **server.credentials,
        )
        assert sts.get_caller_identity()["Account"] == server.account_id
    finally:
        assert stop_server(server) == 0
