"""`daypass.Session`, with the libraries that sign by it."""

import time

import httpx
import pytest
import requests

import daypass
from daypass.client import (
    CredentialsRefusedError,
    CredentialsUnavailableError,
    Profile,
    RoleRequest,
)
from daypass.client.mfa import MfaCodes
from daypass.sigv4 import Credentials
from tests.client import answers

KEYS = "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\nregion = eu-west-1\n"
ROLE = "arn:aws:iam::111122223333:role/reader"


@pytest.fixture
def session(places, recorder):
    (places / "credentials").write_text(KEYS)
    return daypass.Session("base", ROLE, recorder.url)


def key_of(received):
    return received.header("authorization").partition("Credential=")[2].partition("/")[0]


def test_it_gives_the_credentials_of_a_profile(places):
    (places / "credentials").write_text(KEYS)
    assert daypass.Session("base").credentials() == Credentials("AKIABASE", "s")
    assert daypass.Session("base").region == "eu-west-1"


def test_it_gives_those_of_a_role_and_keeps_them(session, recorder):
    recorder.replies = [answers.assumed()]
    first = session.credentials()
    assert session.credentials() is first
    assert len(recorder.received) == 1
    assert session.source().said == f"{ROLE}, assumed with the keys of the profile base"


def test_nothing_is_read_or_asked_before_credentials_are(places):
    made = daypass.Session("nobody", ROLE)
    with pytest.raises(CredentialsUnavailableError, match="nobody"):
        made.credentials()


async def test_it_can_be_awaited(session, recorder):
    recorder.replies = [answers.assumed()]
    assert (await session.credentials_async()).access_key_id == "ASIAFROMSTS"


def test_it_shares_sessions_with_others_if_it_may(places, recorder):
    (places / "credentials").write_text(KEYS)
    recorder.replies = [answers.assumed()] * 2
    for _ in range(2):
        daypass.Session("base", RoleRequest(ROLE), recorder.url, cache=True).credentials()
    assert len(recorder.received) == 1


def test_a_cached_session_that_was_revoked_is_replaced_when_one_asks_who_it_is(places, recorder):
    (places / "credentials").write_text(KEYS)
    recorder.replies = [answers.assumed("ASIAREVOKED")]
    daypass.Session("base", ROLE, recorder.url, cache=True).credentials()
    made = daypass.Session("base", ROLE, recorder.url, cache=True)
    recorder.replies = [
        answers.refused("InvalidClientTokenId", "The security token included is invalid."),
        answers.assumed("ASIANEW"),
        answers.caller("arn:aws:sts::111122223333:assumed-role/reader/daypass"),
    ]
    assert made.identity().arn.endswith("assumed-role/reader/daypass")
    assert made.credentials().access_key_id == "ASIANEW"


def test_keys_that_are_refused_are_refused_once(places, recorder):
    (places / "credentials").write_text(KEYS)
    recorder.replies = [answers.refused("InvalidClientTokenId", "The security token is invalid.")]
    with pytest.raises(CredentialsRefusedError, match="InvalidClientTokenId"):
        daypass.Session("base", endpoint=recorder.url).identity()
    assert len(recorder.received) == 1


def test_httpx_and_requests_sign_by_it(session, recorder):
    recorder.replies = [answers.assumed()]
    auth = session.auth("execute-api")
    httpx.get(f"{recorder.url}/x", auth=auth)
    requests.get(f"{recorder.url}/x", auth=auth, timeout=5)
    one, two = recorder.received[1:]
    assert key_of(one) == key_of(two) == "ASIAFROMSTS"
    assert "/eu-west-1/execute-api/" in one.header("authorization")


def test_boto3_signs_by_it_and_has_new_credentials_when_these_end(session, recorder):
    over = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
    client = session.boto3().client("s3")
    for number in (1, 2):
        recorder.replies = [answers.assumed(f"ASIA{number}", over)]
        client.head_bucket(Bucket="b")
        assert key_of(recorder.last) == f"ASIA{number}"
        assert recorder.last.header("x-amz-security-token") == f"token-of-ASIA{number}"


def test_boto3_goes_where_the_session_goes(session, recorder):
    made = session.boto3()
    assert made.region_name == "eu-west-1"
    assert made.client("sqs").meta.endpoint_url == recorder.url
    assert made.resource("s3").meta.client.meta.endpoint_url == recorder.url
    assert made.client("sqs", endpoint_url="http://other").meta.endpoint_url == "http://other"


def test_boto3_does_not_ask_for_the_profiles_own_credentials(places, recorder):
    # botocore would prompt for the code, and stop at the first renewal.
    (places / "credentials").write_text(KEYS)
    (places / "config").write_text(
        f"[profile r]\nrole_arn = {ROLE}\nsource_profile = base\nmfa_serial = arn:mfa\n"
    )
    codes = MfaCodes("123456")
    made = daypass.Session("r", endpoint=recorder.url, region="eu-west-1", mfa=codes)
    recorder.replies = [answers.session_token(), answers.assumed("ASIAROLE")]
    made.boto3().client("s3").head_bucket(Bucket="b")
    assert key_of(recorder.last) == "ASIAROLE"


@pytest.mark.parametrize("of", ["session", "profile"])
def test_discarding_a_role_does_not_ask_for_another_code(places, recorder, monkeypatch, of):
    (places / "credentials").write_text(KEYS)
    (places / "config").write_text(
        f"[profile r]\nrole_arn = {ROLE}\nsource_profile = base\nmfa_serial = arn:mfa\n"
        "region = eu-west-1\nmfa_process = echo 123456\n"
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", recorder.url)
    made = daypass.Session("r") if of == "session" else Profile("r")
    recorder.replies = [answers.session_token(), answers.assumed("ASIA1"), answers.assumed("ASIA2")]
    first = made.credentials()
    made.discard(first)
    assert [first.access_key_id, made.credentials().access_key_id] == ["ASIA1", "ASIA2"]
    assert len(recorder.received) == 3


def test_discarded_credentials_are_got_anew(places):
    (places / "credentials").write_text(KEYS)
    made = daypass.Session("base")
    first = made.credentials()
    (places / "credentials").write_text(KEYS.replace("AKIABASE", "AKIANEW"))
    made.discard(first)
    assert made.credentials().access_key_id == "AKIANEW"
