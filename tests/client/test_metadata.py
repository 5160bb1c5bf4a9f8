"""Credentials of containers and instances, beside botocore's on the same endpoints."""

import json
import time

import pytest
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from daypass.client import (
    CredentialsUnavailableError,
    Instance,
    NoCredentialsError,
    Profile,
    find_source,
    read_settings,
)
from tests.client.wire import Reply

FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
DOCUMENT = {
    "AccessKeyId": "ASIACONTAINER",
    "SecretAccessKey": "s",
    "Token": "t",
    "Expiration": "2100-01-01T00:00:00Z",
}
GOOD = Reply(200, json.dumps(DOCUMENT).encode())


@pytest.fixture(autouse=True)
def surroundings(places, monkeypatch, recorder):
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # must not be asked


def ours():
    return find_source(read_settings()).provider.credentials()


def theirs():
    return Session().get_credentials().get_frozen_credentials()


# -- containers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("of_file", [False, True])
def test_the_endpoint_is_asked_as_botocore_asks(recorder, monkeypatch, places, of_file):
    monkeypatch.setenv(FULL, f"{recorder.url}/role/reader?id=1")
    monkeypatch.setenv(TOKEN, "plain token, no Bearer")
    if of_file:  # beats the variable
        (places / "token").write_text("of the file")
        monkeypatch.setenv(f"{TOKEN}_FILE", str(places / "token"))
    recorder.replies = [GOOD, GOOD]
    monkeypatch.delenv("http_proxy")  # botocore does ask it
    expected = theirs()
    found = ours()
    assert (found.access_key_id, found.secret_access_key, found.session_token) == expected[:3]
    assert found.expiration == 4102444800.0
    one, two = recorder.received
    for name in ("accept", "authorization", "host"):
        assert one.header(name) == two.header(name)
    assert (one.method, one.target) == (two.method, two.target)


def test_a_proxy_does_not_see_the_credentials(recorder, monkeypatch):
    monkeypatch.setenv(FULL, f"{recorder.url}/")
    recorder.replies = [GOOD]
    assert ours().access_key_id == "ASIACONTAINER"


def test_the_token_file_is_read_anew(recorder, monkeypatch, places):
    monkeypatch.setenv(FULL, f"{recorder.url}/")
    monkeypatch.setenv(f"{TOKEN}_FILE", str(places / "token"))
    for text in ("one", "two"):
        (places / "token").write_text(text)
        recorder.replies = [GOOD]
        ours()
        assert recorder.last.header("authorization") == text


@pytest.mark.parametrize(
    "url",
    [
        *("http://192.168.1.1/", "http://169.254.169.254/", "http://example.com/"),
        *("ftp://127.0.0.1/", "http://127.0.0.1.example.com/", "http:///x"),
    ],
)
def test_without_tls_only_this_machine_is_asked(monkeypatch, url):
    monkeypatch.setenv(FULL, url)
    with pytest.raises((BotoCoreError, ValueError)):
        theirs()
    with pytest.raises(CredentialsUnavailableError):
        ours()


def test_a_token_with_a_line_break_is_refused_before_it_is_sent(recorder, monkeypatch):
    monkeypatch.setenv(FULL, f"{recorder.url}/")
    monkeypatch.setenv(TOKEN, "x\r\nX-Injected: yes")
    with pytest.raises(CredentialsUnavailableError, match="line break"):
        ours()
    assert not recorder.received


def test_files_beat_the_container_as_in_botocore(recorder, monkeypatch, places):
    monkeypatch.setenv(FULL, f"{recorder.url}/")
    (places / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = s\n"
    )
    assert ours().access_key_id == theirs().access_key == "AKIAFILE"
    # A default profile with a region alone is no obstacle.
    (places / "credentials").write_text("[default]\nregion = eu-west-1\n")
    recorder.replies = [GOOD, GOOD]
    assert ours().access_key_id == theirs().access_key == "ASIACONTAINER"


def test_it_is_tried_three_times_and_its_message_is_shown(recorder, monkeypatch):
    monkeypatch.setenv(FULL, f"{recorder.url}/")
    recorder.replies = [Reply(500, b'{"Message": "the role is gone"}')] * 3
    with pytest.raises(CredentialsUnavailableError, match=r"500. the role is gone"):
        ours()
    assert len(recorder.received) == 3


@pytest.mark.parametrize("missing", DOCUMENT)
def test_an_incomplete_answer_is_none(recorder, monkeypatch, missing):
    monkeypatch.setenv(FULL, f"{recorder.url}/")
    partial = {name: value for name, value in DOCUMENT.items() if name != missing}
    recorder.replies = [Reply(200, json.dumps(partial).encode())] * 3
    with pytest.raises(CredentialsUnavailableError, match="without"):
        ours()


# -- instances ------------------------------------------------------------------------------------


@pytest.fixture
def instance(recorder, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{recorder.url}/")
    monkeypatch.delenv("http_proxy")
    return recorder


def answered(**changed):
    document = {"Code": "Success", "Type": "AWS-HMAC", **DOCUMENT, **changed}
    return [
        Reply(200, b"imds-token"),
        Reply(200, b"my-role"),
        Reply(200, json.dumps(document).encode()),
    ]


def test_the_metadata_service_is_asked_as_botocore_asks(instance):
    instance.replies = answered() + answered()
    expected = theirs()
    found = ours()
    assert (found.access_key_id, found.secret_access_key, found.session_token) == expected[:3]
    names = ("x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds")
    asked = [
        (one.method, one.target, *(one.header(name) for name in names)) for one in instance.received
    ]
    assert asked[:3] == asked[3:]


def test_the_end_is_never_put_off(instance):
    # botocore believes that credentials with ten minutes left have twenty.
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600))
    instance.replies = answered(Expiration=soon)
    assert abs(ours().expiration - time.time() - 600) < 5


@pytest.mark.parametrize("status", [403, 404, 405])
def test_there_is_no_falling_back_to_version_one(instance, status):
    instance.replies = [Reply(status)]
    with pytest.raises(CredentialsUnavailableError, match=f"{status} to PUT"):
        ours()
    assert len(instance.received) == 1


def test_an_error_in_a_good_answer_is_told(instance):
    body = {"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role my-role"}
    instance.replies = [*answered()[:2], Reply(200, json.dumps(body).encode())]
    with pytest.raises(CredentialsUnavailableError, match="EC2 cannot assume"):
        ours()


@given(st.text(min_size=1).filter(lambda name: not name.strip().isalnum()))
def test_a_roles_name_does_not_change_the_path(name):
    asked = []

    class Probe(Instance):
        def _ask(self, method, url, headers):
            asked.append(url)
            if len(asked) == 3:
                return json.dumps(DOCUMENT).encode()
            return name.encode() if len(asked) == 2 else b"token"

    try:
        Probe({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://e"}).credentials()
    except CredentialsUnavailableError:
        assert len(asked) == 2
    else:
        path = asked[2].removeprefix("http://e/latest/meta-data/iam/security-credentials/")
        assert not set(path) & set("/?# \r\n")


def test_switched_off_it_is_not_asked(recorder, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", recorder.url)
    with pytest.raises(NoCredentialsError):
        ours()
    assert not recorder.received


def test_elsewhere_than_on_an_instance_there_are_no_credentials(monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(NoCredentialsError, match="AWS_ACCESS_KEY_ID"):
        Profile().credentials()
