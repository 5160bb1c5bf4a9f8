"""Our STS client, beside botocore's on the same answers, and what it says when it fails."""

import time
from email.utils import formatdate
from urllib.parse import parse_qsl

import boto3
import pytest

from daypass.client import CredentialsRefusedError, CredentialsUnavailableError, Endpoint
from daypass.client import http as client_http
from daypass.client.role_requests import MfaCode, RoleRequest
from daypass.client.sts import (
    assume_role,
    assume_role_with_saml,
    assume_role_with_web_identity,
    caller_identity,
    get_session_token,
)
from daypass.sigv4 import Credentials
from tests.client import answers
from tests.client.wire import Reply

ROLE = "arn:aws:iam::111122223333:role/reader"
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token")
EVERYTHING = RoleRequest(
    ROLE,
    "me@example.com",
    1800,
    "x-1",
    '{"Version": "2012-10-17", "Statement": []}',
    ("arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/SecurityAudit"),
    (("Project", "alpha & beta=+"), ("Team", "é")),
    ("Project",),
    "alice",
)


@pytest.fixture(autouse=True)
def nothing_of_this_machine(places, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


@pytest.fixture
def at(recorder):
    return Endpoint("eu-west-1", recorder.url)


def boto(recorder):
    return boto3.client(
        "sts",
        region_name="eu-west-1",
        endpoint_url=recorder.url,
        aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=KEYS.secret_access_key,
        aws_session_token=KEYS.session_token,
    )


def members(received):
    return dict(parse_qsl(received.body.decode(), keep_blank_values=True))


def test_what_is_sent_for_a_role_is_what_botocore_sends(recorder, at):
    recorder.replies = [answers.assumed(), answers.assumed()]
    code = MfaCode("arn:aws:iam::111122223333:mfa/me", "123456")
    made = assume_role(EVERYTHING, KEYS, at, code)
    boto(recorder).assume_role(**EVERYTHING.parameters(), **code.parameters())
    ours, theirs = recorder.received
    assert members(ours) == members(theirs)
    assert ours.header("content-type") == theirs.header("content-type")
    assert ours.target == theirs.target
    assert ours.signature() == ours.expected_signature(KEYS.secret_access_key, "sts", "eu-west-1")
    assert made.credentials == Credentials(
        *("ASIAFROMSTS", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY"),
        *("token-of-ASIAFROMSTS", 4102444800.0),
    )
    assert made.arn == "arn:aws:sts::123456789012:assumed-role/demo/TestAR"
    assert made.unique_id == "AROA123EXAMPLE123:TestAR"


def test_sessions_of_a_user_are_asked_for_as_botocore_asks(recorder, at):
    recorder.replies = [answers.session_token(), answers.session_token()]
    code = MfaCode("GAHT12345678", "123456")
    assert get_session_token(KEYS, at, code, 900).access_key_id == "ASIAFROMMFA"
    boto(recorder).get_session_token(**code.parameters(), DurationSeconds=900)
    ours, theirs = map(members, recorder.received)
    assert ours == theirs


def test_federated_roles_are_asked_for_unsigned_as_botocore_asks(recorder, at):
    request = RoleRequest(ROLE, "me", 900)
    operations = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")
    recorder.replies = [answers.assumed(operation=name) for name in operations for _ in "12"]
    assume_role_with_web_identity(request, "h.e30.s", at)
    boto(recorder).assume_role_with_web_identity(**request.parameters(), WebIdentityToken="h.e30.s")
    assume_role_with_saml(request, "arn:aws:iam::111122223333:saml-provider/p", "PHNhbWw+", at)
    boto(recorder).assume_role_with_saml(
        RoleArn=ROLE,
        DurationSeconds=900,
        PrincipalArn="arn:aws:iam::111122223333:saml-provider/p",
        SAMLAssertion="PHNhbWw+",
    )
    sent = recorder.received
    assert [members(one) for one in sent[::2]] == [members(one) for one in sent[1::2]]
    assert all(one.header("authorization") is None for one in sent)


def test_a_refusal_is_told_with_its_code_and_no_secret(recorder, at):
    recorder.replies = [answers.refused("AccessDenied", "User: x is not authorized")]
    with pytest.raises(CredentialsRefusedError, match="User: x is not authorized") as caught:
        assume_role(RoleRequest(ROLE), KEYS, at)
    assert caught.value.code == "AccessDenied"
    assert "trust policy" in caught.value.remedy
    assert KEYS.secret_access_key not in repr(caught.value)


def test_a_wrong_mfa_code_is_told_apart_and_sent_once(recorder, at):
    recorder.replies = [
        answers.refused(
            "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code."
        )
    ]
    with pytest.raises(CredentialsRefusedError, match="good once"):
        get_session_token(KEYS, at, MfaCode("arn", "123456"))
    assert len(recorder.received) == 1


def test_an_mfa_code_that_may_have_arrived_is_not_sent_again(recorder, at):
    recorder.replies = [Reply(503), answers.session_token()]
    with pytest.raises(CredentialsUnavailableError, match="503"):
        get_session_token(KEYS, at, MfaCode("arn", "123456"))
    assert len(recorder.received) == 1


@pytest.mark.parametrize(
    "passing", [Reply(500), answers.refused("Throttling", "Rate exceeded", 400)]
)
def test_what_passes_is_waited_for(recorder, at, passing):
    recorder.replies = [passing, passing, answers.assumed()]
    assume_role(RoleRequest(ROLE), KEYS, at)
    assert len(recorder.received) == 3
    recorder.replies = [passing] * 3
    with pytest.raises((CredentialsRefusedError, CredentialsUnavailableError)):
        assume_role(RoleRequest(ROLE), KEYS, at)


def test_a_wrong_clock_is_corrected_by_the_servers(recorder, at):
    there = time.time() + 7200
    late = answers.refused(
        "SignatureDoesNotMatch",
        "Signature expired: 20261125T000000Z is now earlier than 20261125T014500Z "
        "(20261125T020000Z - 15 min.)",
    )
    recorder.replies = [
        Reply(late.status, late.body, {**late.headers, "date": formatdate(there, usegmt=True)}),
        answers.assumed(),
    ]
    assume_role(RoleRequest(ROLE), KEYS, at)
    signed_at = recorder.last.header("x-amz-date")
    assert signed_at == time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(int(there)))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>a portal</html>", {"content-type": "text/html"}),
        Reply(200, b"", {}),
        Reply(302, b"", {"location": "http://elsewhere"}),
        Reply(200, b"<!DOCTYPE x [<!ENTITY a 'b'>]><AssumeRoleResponse/>"),
        Reply(404, b"not found"),
    ],
)
def test_what_is_no_sts_is_said_to_be_none(recorder, at, reply):
    recorder.replies = [reply] * 3
    with pytest.raises(CredentialsUnavailableError, match="Is the endpoint right"):
        assume_role(RoleRequest(ROLE), KEYS, at)


def test_an_answer_without_end_is_not_read_to_its_end(recorder, at, monkeypatch):
    monkeypatch.setattr(client_http, "_MOST_BYTES", 1000)
    recorder.replies = [Reply(200, b"x" * 1001)] * 3
    with pytest.raises(CredentialsUnavailableError, match="too long"):
        assume_role(RoleRequest(ROLE), KEYS, at)


def test_who_one_is(recorder, at):
    recorder.replies = [
        Reply(
            200,
            b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            b"<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/Alice</Arn>"
            b"<UserId>AIDACKCEVSQ6C2EXAMPLE</UserId><Account>123456789012</Account>"
            b"</GetCallerIdentityResult></GetCallerIdentityResponse>",
        )
    ]
    found = caller_identity(KEYS, at)
    assert (found.account, found.unique_id) == ("123456789012", "AIDACKCEVSQ6C2EXAMPLE")


# -- proxies --------------------------------------------------------------------------------------


def test_the_environments_proxy_is_used_with_its_password(recorder, monkeypatch):
    monkeypatch.setenv("http_proxy", recorder.url.replace("//", "//me:p%40ss@"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    recorder.replies = [answers.assumed()]
    assume_role(RoleRequest(ROLE), KEYS, Endpoint("eu-west-1", "http://sts.example"))
    assert recorder.last.target == "http://sts.example/"
    assert recorder.last.header("host") == "sts.example"
    assert recorder.last.header("proxy-authorization") == "Basic bWU6cEBzcw=="


def test_no_proxy_is_kept(recorder, at, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    recorder.replies = [answers.assumed()]
    assume_role(RoleRequest(ROLE), KEYS, at)
    assert recorder.last.target == "/"


def test_names_under_localhost_are_this_machine(recorder):
    recorder.replies = [answers.assumed()]
    url = recorder.url.replace("127.0.0.1", "sts.daypass.localhost")
    assume_role(RoleRequest(ROLE), KEYS, Endpoint("eu-west-1", url))
    assert recorder.last.header("host") == url.removeprefix("http://")
