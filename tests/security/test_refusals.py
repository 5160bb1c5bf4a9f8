"""What must be refused, whatever the service, with AWS's code: raw requests to a running server."""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.credentials import Credentials

from tests.conftest import Server, start_server, stop_server
from tests.signing import Answer, Raw, presigned, send, signed

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
STS = "sts"
CALLER = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"}).encode()


def code_of(answer: Answer) -> str:
    found = re.search(r"<Code>([^<]+)</Code>", answer.body)
    assert found, answer
    return found.group(1)


@dataclass(frozen=True)
class World:
    """A user, a role it may assume with a session of it, and a bucket with an object."""

    server: Server
    user: Credentials
    session: Credentials
    other_session: Credentials
    role_arn: str
    bucket: str

    def sts(self, credentials: Credentials, body: bytes = CALLER, **headers: str) -> Raw:
        return signed(
            credentials,
            STS,
            self.server.region,
            "POST",
            self.server.endpoint + "/",
            body,
            {**FORM, **headers},
        )

    def object(
        self, credentials: Credentials, method: str = "GET", body: bytes = b"", **headers: str
    ) -> Raw:
        url = f"{self.server.endpoint}/{self.bucket}/object"
        return signed(credentials, "s3", self.server.region, method, url, body, headers)

    def presigned_object(self, credentials: Credentials, expires: int = 300) -> Raw:
        url = f"{self.server.endpoint}/{self.bucket}/object"
        return presigned(credentials, "s3", self.server.region, "GET", url, expires)


def credentials_of(answer: Any) -> Credentials:
    given = answer["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def as_boto(credentials: Credentials) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials.access_key,
        "aws_secret_access_key": credentials.secret_key,
        "aws_session_token": credentials.token,
    }


@pytest.fixture(scope="module")
def world(server: Server) -> World:
    name = f"refusals-{uuid.uuid4().hex[:8]}"
    iam, s3 = server.client("iam"), server.client("s3")
    user_arn = iam.create_user(UserName=name)["User"]["Arn"]
    allow = {"Effect": "Allow", "Action": ["s3:*", "iam:ListUsers"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    trust = {"Effect": "Allow", "Principal": {"AWS": user_arn}, "Action": "sts:AssumeRole"}
    role_arn = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document)
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="object", Body=b"content")
    sts = server.client(
        "sts", aws_access_key_id=user.access_key, aws_secret_access_key=user.secret_key
    )
    sessions = [
        credentials_of(sts.assume_role(RoleArn=role_arn, RoleSessionName=f"session-{n}"))
        for n in (1, 2)
    ]
    return World(server, user, sessions[0], sessions[1], role_arn, name)


def test_what_is_right_is_let_in(world: World) -> None:
    for credentials in (world.user, world.session):
        assert send(world.sts(credentials)).status == 200
        assert send(world.object(credentials)).body == "content"
        assert send(world.presigned_object(credentials)).body == "content"


# -- the signature -----------------------------------------------------------------------------


def test_a_wrong_secret(world: World) -> None:
    wrong = Credentials(world.user.access_key, "x" * 40)
    answer = send(world.sts(wrong))
    assert (answer.status, code_of(answer)) == (403, "SignatureDoesNotMatch")
    answer = send(world.object(wrong))
    assert (answer.status, code_of(answer)) == (403, "SignatureDoesNotMatch")


def test_an_unknown_access_key(world: World) -> None:
    unknown = Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40)
    answer = send(world.sts(unknown))
    assert (answer.status, code_of(answer)) == (403, "InvalidClientTokenId")
    answer = send(world.object(unknown))
    assert (answer.status, code_of(answer)) == (403, "InvalidAccessKeyId")


def test_a_tampered_body(world: World) -> None:
    request = world.sts(world.user)
    request.body = request.body.replace(b"GetCallerIdentity", b"GetSessionToken")
    answer = send(request)
    assert (answer.status, code_of(answer)) == (403, "SignatureDoesNotMatch")


def test_a_tampered_upload_is_not_stored(world: World) -> None:
    request = world.object(world.user, "PUT", b"before")
    request.url = request.url.replace("/object", "/tampered")
    request = signed(world.user, "s3", world.server.region, "PUT", request.url, b"before")
    request.body = b"after!"
    answer = send(request)
    assert (answer.status, code_of(answer)) == (400, "XAmzContentSHA256Mismatch")
    listed = world.server.client("s3").list_objects_v2(Bucket=world.bucket, Prefix="tampered")
    assert listed["KeyCount"] == 0


@pytest.mark.parametrize("header", ["X-Amz-Date", "Host", "X-Amz-Security-Token"])
def test_a_tampered_header(world: World, header: str) -> None:
    request = world.sts(world.session)
    value = request.header(header)
    changed = {
        "X-Amz-Date": f"{value[:-2]}{'1' if value[-2] == '0' else '0'}Z",
        "Host": f"x{value}",
        "X-Amz-Security-Token": world.other_session.token,
    }[header]
    request.replace(header, changed)
    answer = send(request)
    assert answer.status == 403
    assert code_of(answer) in {"SignatureDoesNotMatch", "InvalidClientTokenId"}


@pytest.mark.parametrize(
    "header", ["X-Amz-Acl", "X-Amz-Tagging", "X-Amz-Copy-Source", "X-Amz-Meta-Owner"]
)
def test_an_unsigned_x_amz_header(world: World, header: str) -> None:
    request = world.object(world.user, "PUT", b"content")
    request.headers.append((header, "private"))
    answer = send(request)
    assert (answer.status, code_of(answer)) == (403, "AccessDenied")
    request = world.presigned_object(world.user)
    request.headers.append((header, "private"))
    assert send(request).status == 403


def test_a_second_authorization_header(world: World) -> None:
    request = world.object(world.user)
    request.headers.append(("Authorization", request.header("Authorization")))
    assert send(request).status == 400
    request = world.sts(world.user)
    request.headers.append(("authorization", "AWS4-HMAC-SHA256 nonsense"))
    assert send(request).status == 400


def test_header_and_query_authentication_together(world: World) -> None:
    request = world.presigned_object(world.user)
    request.headers.append(("Authorization", world.object(world.user).header("Authorization")))
    assert send(request).status == 400


@pytest.mark.parametrize("value", ["", "Bearer token", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 x=y"])
def test_a_malformed_authorization_is_never_anonymous(world: World, value: str) -> None:
    request = world.object(world.user)
    request.replace("Authorization", value)
    assert send(request).status in {400, 403}
    assert code_of(send(request)) != "AccessDenied"


def test_a_scope_of_another_region_or_service(world: World) -> None:
    for service, region in (("sts", "eu-west-1"), ("iam", world.server.region)):
        request = signed(
            world.user, service, region, "POST", world.server.endpoint + "/", CALLER, FORM
        )
        assert send(request).status in {400, 403}
    request = signed(
        world.user, "s3", "eu-west-1", "GET", f"{world.server.endpoint}/{world.bucket}/object"
    )
    answer = send(request)
    assert (answer.status, code_of(answer)) == (400, "AuthorizationHeaderMalformed")
    assert f"<Region>{world.server.region}</Region>" in answer.body


def test_a_presigned_url_for_another_method(world: World) -> None:
    request = world.presigned_object(world.user)
    request.method = "PUT"
    request.body = b"other"
    assert send(request).status == 403


# -- session tokens ----------------------------------------------------------------------------


def test_a_token_of_another_key(world: World) -> None:
    mixed = Credentials(
        world.session.access_key, world.session.secret_key, world.other_session.token
    )
    answer = send(world.sts(mixed))
    assert (answer.status, code_of(answer)) == (403, "InvalidClientTokenId")
    answer = send(world.object(mixed))
    assert (answer.status, code_of(answer)) == (400, "InvalidToken")


def test_a_temporary_key_without_its_token(world: World) -> None:
    bare = Credentials(world.session.access_key, world.session.secret_key)
    answer = send(world.sts(bare))
    assert (answer.status, code_of(answer)) == (403, "InvalidClientTokenId")


def test_a_token_with_a_long_term_key(world: World) -> None:
    mixed = Credentials(world.user.access_key, world.user.secret_key, world.session.token)
    assert send(world.sts(mixed)).status == 403


@pytest.mark.parametrize("change", [lambda t: t[:-4], lambda t: "A" + t, lambda _: "FwoGZXIvYXdz"])
def test_a_token_that_was_not_sealed_here(world: World, change: Any) -> None:
    forged = Credentials(
        world.session.access_key, world.session.secret_key, change(world.session.token)
    )
    answer = send(world.sts(forged))
    assert (answer.status, code_of(answer)) == (403, "InvalidClientTokenId")


@pytest.fixture
def later(tmp_path: Path) -> Iterator[tuple[Server, Credentials]]:
    """A server, and a session of 15 minutes that it issued an hour ago."""
    first = start_server(tmp_path / "data")
    session = credentials_of(first.client("sts").get_session_token(DurationSeconds=900))
    assert send(_caller_identity(first, session)).status == 200
    assert stop_server(first) == 0
    second = start_server(tmp_path / "data", "--clock-offset", "3600")
    yield second, session
    stop_server(second)


def _caller_identity(server: Server, credentials: Credentials) -> Raw:
    return signed(credentials, STS, server.region, "POST", server.endpoint + "/", CALLER, FORM)


def test_an_expired_session_even_with_a_valid_signature(
    later: tuple[Server, Credentials], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, session = later
    _an_hour_later(monkeypatch)
    answer = send(_caller_identity(server, session))
    assert (answer.status, code_of(answer)) == (403, "ExpiredToken")
    url = f"{server.endpoint}/bucket/object"
    answer = send(signed(session, "s3", server.region, "GET", url))
    assert (answer.status, code_of(answer)) == (400, "ExpiredToken")
    answer = send(presigned(session, "s3", server.region, "GET", url, 604800))
    assert (answer.status, code_of(answer)) == (400, "ExpiredToken")


def _an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore sign with the time it will be in an hour."""
    import datetime

    import botocore.auth

    ahead = datetime.timedelta(hours=1)
    monkeypatch.setattr(
        botocore.auth,
        "get_current_datetime",
        lambda: (datetime.datetime.now(datetime.UTC) + ahead).replace(tzinfo=None),
    )


# -- policies ----------------------------------------------------------------------------------


def test_an_action_that_no_policy_allows(world: World) -> None:
    body = urlencode({"Action": "ListRoles", "Version": "2010-05-08"}).encode()
    answer = send(
        signed(
            world.user, "iam", world.server.region, "POST", world.server.endpoint + "/", body, FORM
        )
    )
    assert (answer.status, code_of(answer)) == (403, "AccessDenied")
    assert "is not authorized to perform: iam:ListRoles on resource: " in answer.body
    assert "because no identity-based policy allows the iam:ListRoles action" in answer.body


def test_a_session_policy_that_narrows(world: World) -> None:
    sts = world.server.client(
        "sts",
        aws_access_key_id=world.user.access_key,
        aws_secret_access_key=world.user.secret_key,
    )
    only_list = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    narrowed = credentials_of(
        sts.assume_role(
            RoleArn=world.role_arn,
            RoleSessionName="narrow",
            Policy=json.dumps({"Version": "2012-10-17", "Statement": [only_list]}),
        )
    )
    listing = signed(
        narrowed, "s3", world.server.region, "GET", f"{world.server.endpoint}/{world.bucket}"
    )
    assert send(listing).status == 200
    answer = send(world.object(narrowed))
    assert (answer.status, code_of(answer)) == (403, "AccessDenied")
    assert "because no session policy allows the s3:GetObject action" in answer.body


def test_a_revoked_session_from_the_next_request_on(world: World) -> None:
    sts = world.server.client(
        "sts",
        aws_access_key_id=world.user.access_key,
        aws_secret_access_key=world.user.secret_key,
    )
    session = credentials_of(sts.assume_role(RoleArn=world.role_arn, RoleSessionName="revoked"))
    assert send(world.object(session)).status == 200
    root = Credentials(world.server.access_key_id, world.server.secret_access_key)
    url = f"{world.server.endpoint}/_daypass/sessions/revoke"
    body = json.dumps({"AccessKeyId": session.access_key}).encode()
    json_type = {"Content-Type": "application/json"}
    revocation = signed(root, "daypass", world.server.region, "POST", url, body, json_type)
    assert send(revocation).status == 200
    answer = send(world.object(session))
    assert (answer.status, code_of(answer)) == (400, "InvalidToken")
    answer = send(world.sts(session))
    assert (answer.status, code_of(answer)) == (403, "InvalidClientTokenId")
    assert send(world.object(world.session)).status == 200


def test_an_anonymous_caller(world: World) -> None:
    for path in ("/", f"/{world.bucket}", f"/{world.bucket}/object"):
        url = world.server.endpoint + path
        host = world.object(world.user).header("Host")
        answer = send(Raw("GET", url, [("Host", host)]))
        assert (answer.status, code_of(answer)) == (403, "AccessDenied"), path
