"""Instance metadata, version 2, to botocore's client of it and on the wire."""

import json
import re
from datetime import UTC, datetime

import pytest
from botocore.utils import InstanceMetadataFetcher, InstanceMetadataRegionFetcher

from daypass.client import CredentialsUnavailableError
from daypass.client.local.http import LocalServer
from daypass.client.local.imds import InstanceMetadata
from daypass.client.local.vending import SAFE, Vendor
from tests.client.local.sources import Clock, Sessions
from tests.client.local.wire import request

TTL = "x-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "x-aws-ec2-metadata-token"
CREDENTIALS = "/latest/meta-data/iam/security-credentials/"


@pytest.fixture
def clock():
    return Clock(datetime.now(UTC).timestamp())


@pytest.fixture
def source(clock):
    return Sessions(clock)


@pytest.fixture
def server(source, clock):
    vendor = Vendor(source, SAFE, clock)
    handler = InstanceMetadata(vendor.credentials, "reader", "eu-west-1", clock)
    with LocalServer(handler) as running:
        yield running


def a_token(server, seconds="60"):
    status, headers, body = request(server.port, "PUT", "/latest/api/token", [(TTL, seconds)])
    assert (status, headers[TTL]) == (200, seconds)
    return body.decode()


def get(server, path, token=None):
    found = request(server.port, "GET", path, [(TOKEN, token or a_token(server))])
    return found[0], found[2]


def test_botocore_takes_them_with_version_1_switched_off(server):
    config = {"ec2_metadata_service_endpoint": server.url, "ec2_metadata_v1_disabled": True}
    found = InstanceMetadataFetcher(config=config).retrieve_iam_role_credentials()
    assert found["role_name"] == "reader"
    assert (found["access_key"], found["secret_key"]) == (f"ASIA{1:016}", "secret-1")
    assert found["token"] == "token-1"


def test_botocore_finds_the_region(server):
    config = {"ec2_metadata_service_endpoint": server.url}
    assert InstanceMetadataRegionFetcher(config=config).retrieve_region() == "eu-west-1"


def test_botocore_never_finds_reason_to_extend_them(server, clock, caplog):
    """Below 15 minutes it takes the service for out of order, and goes on with what may be over."""
    config = {"ec2_metadata_service_endpoint": server.url}
    for _ in range(12):
        found = InstanceMetadataFetcher(config=config).retrieve_iam_role_credentials()
        ends = datetime.fromisoformat(found["expiry_time"]).timestamp()
        assert ends - clock() >= 1500
        clock.now += 600
    assert "extended" not in caplog.text


@pytest.mark.parametrize("slash", ["", "/"])
def test_paths_are_served_with_and_without_their_last_slash(server, slash):
    assert get(server, CREDENTIALS.rstrip("/") + slash) == (200, b"reader")
    status, body = get(server, f"{CREDENTIALS}reader{slash}")
    found = json.loads(body)
    assert status == 200
    assert set(found) == {
        *("Code", "LastUpdated", "Type", "AccessKeyId", "SecretAccessKey", "Token", "Expiration")
    }
    assert (found["Code"], found["Type"]) == ("Success", "AWS-HMAC")
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").fullmatch
    assert stamp(found["LastUpdated"])
    assert stamp(found["Expiration"])


@pytest.mark.parametrize(
    "path",
    [
        "/latest/meta-data/instance-id/",
        "/latest/meta-data/iam/info/",
        "/latest/dynamic/instance-identity/document",
        "/latest/meta-data/placement/availability-zone/",
    ],
)
def test_what_else_sdks_ask_for_is_there(server, path):
    status, body = get(server, path)
    assert status == 200
    assert body


def test_what_is_not_there_is_not_found(server):
    assert get(server, "/latest/meta-data/iam/security-credentials/other")[0] == 404
    assert get(server, "/latest/user-data")[0] == 404


@pytest.mark.parametrize("seconds", ["0", "21601", "-1", "", "1.5", "6_0", "٦٠", "999999999"])
def test_a_token_lives_1_to_21600_seconds(server, seconds):
    encoded = seconds.encode().decode("latin-1")
    assert request(server.port, "PUT", "/latest/api/token", [(TTL, encoded)])[0] == 400


def test_a_token_needs_its_time(server):
    assert request(server.port, "PUT", "/latest/api/token")[0] == 400
    assert request(server.port, "GET", "/latest/api/token", [(TTL, "60")])[0] == 405
    twice = [(TTL, "60"), (TTL, "60")]
    assert request(server.port, "PUT", "/latest/api/token", twice)[0] == 400


def test_tokens_end(server, clock):
    token = a_token(server, "60")
    clock.now += 59
    assert get(server, CREDENTIALS, token)[0] == 200
    clock.now += 1
    assert get(server, CREDENTIALS, token)[0] == 401


def test_that_there_are_none_is_an_error_and_never_a_success_with_empty_fields(
    server, source, clock
):
    """As rolesanywhere-credential-helper answers after a failed renewal."""
    assert get(server, f"{CREDENTIALS}reader")[0] == 200
    source.error = CredentialsUnavailableError("no network")
    clock.now += 3601
    status, body = get(server, f"{CREDENTIALS}reader")
    assert status == 502
    assert json.loads(body) == {"Code": "Failed", "Message": "no network"}


def test_a_connection_is_used_for_many_requests(server):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for _ in range(3):
        connection.request("PUT", "/latest/api/token", headers={TTL: "60"})
        assert connection.getresponse().read()
    connection.close()
