"""`daypass proxy` for programs that cannot sign, in front of a Daypass server and of moto's."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.cli.running import CLEAN, daypass


@contextmanager
def proxying(environment, *arguments):
    command = [sys.executable, "-m", "daypass", "proxy", "--output", "json", *arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        line = process.stdout.readline()
        try:
            assert line, process.stderr.read()
            with httpx.Client(base_url=json.loads(line)["Url"], trust_env=False) as client:
                client.log = ""
                yield client
        finally:
            process.terminate()
            client.log = process.communicate(timeout=30)[1]
    assert process.returncode == 0


def test_a_program_that_cannot_sign_uses_a_bucket(server):
    server.client("s3").create_bucket(Bucket="cli-proxy")
    content = os.urandom(5_000_000)
    with proxying(server.environment(), server.endpoint, "--service", "s3") as client:
        for body in (content, iter([content[:100], content[100:]])):
            put = client.put("/cli-proxy/a%20key?x-id=PutObject", content=body)
            assert put.status_code == 200, put.text
        got = client.get("/cli-proxy/a%20key")
        assert (got.status_code, got.content) == (200, content)
        assert client.get("/cli-proxy/none").status_code == 404
    assert "200  PUT /cli-proxy/a%20key\n" in client.log


def test_it_is_nobody_elses_credentials_that_are_refused(server):
    wrong = server.environment() | {"AWS_SECRET_ACCESS_KEY": "wrong"}
    with proxying(wrong, server.endpoint, "--service", "s3") as client:
        refused = client.get("/cli-proxy")
    assert refused.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in refused.text
    assert f"secret access key is not the one of {server.access_key_id}" in client.log


def test_it_signs_for_another_implementation():
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = kept | CLEAN
        environment |= {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_REGION": "us-east-1"}
        environment |= {"AWS_SECRET_ACCESS_KEY": "secret"}
        with proxying(environment, f"http://{host}:{port}", "--service", "sts") as client:
            answer = client.post("/", data={"Action": "GetCallerIdentity", "Version": "2011-06-15"})
    finally:
        moto.stop()
    assert answer.status_code == 200
    assert "<Account>123456789012</Account>" in answer.text


@pytest.mark.parametrize("host", ["*", "https://a.example/path", "ftp://a.example"])
def test_what_names_no_host_is_wrong_usage(host):
    ended = daypass("proxy", host)
    assert (ended.code, ended.out) == (2, "")
