"""The container endpoint, to botocore's client of it and on the wire."""

import json
import os

import pytest
from botocore.credentials import ContainerProvider

from daypass.client import CredentialsUnavailableError
from daypass.client.local.container import ContainerEndpoint
from daypass.client.local.handing_on import Kind, Serving, serving
from daypass.client.local.http import LocalServer
from tests.client.local.sources import Clock, Sessions
from tests.client.local.wire import request

NOW = 4_000_000_000.0


@pytest.fixture
def source():
    return Sessions(Clock(NOW))


@pytest.fixture
def served(source, tmp_path):
    how = Serving(Kind.CONTAINER, token_file=tmp_path / "token")
    with serving(source, how) as running:
        yield running


def port(served):
    return int(served.url.rpartition(":")[2])


def token(served):
    with open(served.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]) as file:
        return file.read()


def test_botocore_takes_and_renews_them(served):
    found = ContainerProvider(served.variables).load()
    assert found.method == "container-role"
    frozen = found.get_frozen_credentials()
    assert (frozen.access_key, frozen.secret_key, frozen.token) == (
        f"ASIA{1:016}",
        "secret-1",
        "token-1",
    )


def test_the_members_are_those_of_the_specification(served):
    status, headers, body = request(
        port(served), "GET", "/credentials", [("authorization", token(served))]
    )
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body) == {
        "AccessKeyId": f"ASIA{1:016}",
        "SecretAccessKey": "secret-1",
        "Token": "token-1",
        "Expiration": "2096-10-02T08:06:40Z",
    }


def test_the_uri_has_a_path(served):
    """Else AWS's SDK for Ruby ignores it (aws-vault issue 1229)."""
    assert served.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == f"{served.url}/credentials"


def test_the_token_file_has_no_newline_and_is_its_owners(served, tmp_path):
    assert "\n" not in token(served)
    assert os.stat(tmp_path / "token").st_mode & 0o777 == 0o600


def test_the_token_file_is_gone_afterwards(source, tmp_path):
    with serving(source, Serving(Kind.CONTAINER, token_file=tmp_path / "token")):
        assert (tmp_path / "token").exists()
    assert list(tmp_path.iterdir()) == []


def test_they_are_fetched_before_anybody_asks(source):
    source.error = CredentialsUnavailableError("no network")
    with (
        pytest.raises(CredentialsUnavailableError, match="no network"),
        serving(source, Serving(Kind.CONTAINER)),
    ):
        pytest.fail("nothing can be served")


def test_that_there_are_none_is_an_error_and_never_empty_fields():
    def nothing():
        raise CredentialsUnavailableError("no network")

    with LocalServer(ContainerEndpoint(nothing, "the-token")) as server:
        authorization = [("authorization", "the-token")]
        status, _, body = request(server.port, "GET", "/credentials", authorization)
    assert status == 502
    assert json.loads(body)["message"] == "no network"
    assert "AccessKeyId" not in json.loads(body)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", "/", 404), ("GET", "/credentials/", 404), ("POST", "/credentials", 405)],
)
def test_other_requests_are_refused(served, method, target, status):
    found = request(port(served), method, target, [("authorization", token(served))])
    assert found[0] == status
    assert set(json.loads(found[2])) == {"code", "message", "Message"}
