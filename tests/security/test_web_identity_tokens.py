"""E 61-69, 71-74: tokens that prove nothing, and what a good one must not reach."""

import hmac
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.local_node import ACCOUNT, LocalNode, allow, local_node, session_credentials, trust
from tests.openid import (
    ARN,
    CLIENT_ID,
    ISSUER,
    NAME,
    Provider,
    encoded,
    federated_trust,
    joined,
    jwk,
    listen_to,
    new_key,
    trusting,
)

ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"
TAGS = "https://aws.amazon.com/tags"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def provider(node: LocalNode) -> Provider:
    made = Provider()
    made.add_key()
    trusting(node, made)
    node.role("web", federated_trust(ARN), allow("iam:ListRoles"))
    return made


def assume(node: LocalNode, token: str, role: str = ROLE) -> dict[str, Any]:
    return node.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="session", WebIdentityToken=token
    )


def refusal(node: LocalNode, token: str, role: str = ROLE) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        assume(node, token, role)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_provider_of_these_tests_makes_good_tokens(node, provider):
    assert assume(node, provider.token(node.now))["Provider"] == ISSUER


# -- E 61: HMAC --------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("secret", ["client-id", "public-pem", "public-der", "jwk", "empty"])
def test_no_token_is_verified_with_a_shared_secret(node, provider, algorithm, secret):
    public = provider.keys["first"][1].public_key()
    key = {
        "client-id": CLIENT_ID.encode(),
        "public-pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "public-der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(jwk(provider.keys["first"][1], "first")).encode(),
        "empty": b"",
    }[secret]
    for key_id in ("first", CLIENT_ID):
        message = joined({"alg": algorithm, "kid": key_id}, provider.claims(node.now))
        digest = hmac.digest(key, message.encode(), f"sha{algorithm[2:]}")
        assert refusal(node, f"{message}.{encoded(digest)}")[0] == "InvalidIdentityToken"


def test_a_shared_secret_that_the_provider_publishes_verifies_nothing(node, provider):
    provider.published = [{"kty": "oct", "kid": "shared", "k": encoded(b"secret"), "alg": "HS256"}]
    provider.configuration = {"id_token_signing_alg_values_supported": ["HS256", "RS256"]}
    message = joined({"alg": "HS256", "kid": "shared"}, provider.claims(node.now))
    digest = hmac.digest(b"secret", message.encode(), "sha256")
    assert refusal(node, f"{message}.{encoded(digest)}")[0] == "InvalidIdentityToken"


# -- E 62, 63: the token does not choose -------------------------------------------------------


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", "PS256", "EdDSA", "RS1", "ES256K", None, 256]
)
def test_an_algorithm_that_is_not_taken_is_refused_whatever_is_signed(node, provider, algorithm):
    message = joined({"alg": algorithm, "kid": "first"}, provider.claims(node.now))
    for signature in ("", "AA", encoded(b"x" * 256)):
        assert refusal(node, f"{message}.{signature}")[0] == "InvalidIdentityToken"


def test_a_token_without_any_algorithm_is_refused(node, provider):
    message = joined({"kid": "first"}, provider.claims(node.now))
    assert refusal(node, f"{message}.AA")[0] == "InvalidIdentityToken"


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "RS512"])
def test_a_header_cannot_make_a_key_something_else(node, provider, algorithm):
    provider.published = [jwk(new_key("RS256"), "fixed", alg="RS256")]
    key = new_key(algorithm)
    for key_id in ("fixed", "first"):
        token = provider.sign({"alg": algorithm, "kid": key_id}, provider.claims(node.now), key)
        assert refusal(node, token)[0] == "InvalidIdentityToken"


def test_an_algorithm_that_the_provider_does_not_announce_is_refused(node, provider):
    provider.configuration = {"id_token_signing_alg_values_supported": ["RS256"]}
    key = provider.keys["first"][1]
    good = provider.sign({"alg": "RS256", "kid": "first"}, provider.claims(node.now), key)
    assert assume(node, good)
    other = provider.sign({"alg": "RS512", "kid": "first"}, provider.claims(node.now), key)
    assert refusal(node, other)[0] == "InvalidIdentityToken"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_changed_in_any_part_is_refused(node, provider, part):
    parts = provider.token(node.now).split(".")
    if part == 1:
        parts[1] = encoded(json.dumps(provider.claims(node.now, sub="administrator")).encode())
    else:
        changed = bytearray(parts[part].encode())
        changed[10] = ord("A") if changed[10] != ord("A") else ord("B")
        parts[part] = changed.decode()
    assert refusal(node, ".".join(parts))[0] == "InvalidIdentityToken"


def test_a_strangers_key_under_a_known_key_id_is_refused(node, provider):
    token = provider.sign(
        {"alg": "RS256", "kid": "first"}, provider.claims(node.now), new_key("RS256")
    )
    assert refusal(node, token) == ("InvalidIdentityToken", "Token signature invalid")


# -- E 64: another provider's token ------------------------------------------------------------


def test_a_token_of_one_provider_proves_nothing_to_a_role_of_another(node, provider):
    other = Provider("https://other.example.com")
    key = other.add_key()  # the same key id
    listen_to(node, other)
    node.client("iam").create_open_id_connect_provider(Url=other.url, ClientIDList=[CLIENT_ID])
    assert refusal(node, other.token(node.now))[0] == "AccessDenied"
    # Signed by the other, and said to be of the one that is trusted.
    listen_to(node, provider)
    forged = other.sign({"alg": "RS256", "kid": "first"}, provider.claims(node.now), key)
    assert refusal(node, forged)[0] == "InvalidIdentityToken"


@pytest.mark.parametrize(
    "issuer",
    [
        f"{ISSUER}/",
        ISSUER.upper(),
        "http://accounts.example.com/tenant",
        "accounts.example.com/tenant",
        "https://accounts.example.com",
        f"{ISSUER}\x00",
        f" {ISSUER}",
        [ISSUER],
        None,
        7,
    ],
)
def test_an_issuer_is_the_registered_one_to_the_letter(node, provider, issuer):
    assert refusal(node, provider.token(node.now, iss=issuer))[0] == "InvalidIdentityToken"


def test_a_claim_that_comes_twice_is_refused(node, provider):
    claims = json.dumps(provider.claims(node.now))[:-1] + ', "sub": "administrator"}'
    key = provider.keys["first"][1]
    token = provider.sign({"alg": "RS256", "kid": "first"}, claims.encode(), key)
    assert refusal(node, token)[0] == "InvalidIdentityToken"


# -- E 65: audiences ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "taken"),
    [
        ({"aud": CLIENT_ID}, True),
        ({"aud": [CLIENT_ID]}, True),
        ({"aud": [CLIENT_ID, "second"]}, True),
        ({"aud": CLIENT_ID, "azp": "second"}, True),
        ({"aud": "stranger"}, False),
        ({"aud": CLIENT_ID.upper()}, False),
        ({"aud": f"{CLIENT_ID} "}, False),
        ({"aud": [CLIENT_ID, "stranger"]}, False),
        ({"aud": []}, False),
        ({"aud": ""}, False),
        ({"aud": [[CLIENT_ID]]}, False),
        ({"aud": {CLIENT_ID: 1}}, False),
        ({"aud": [CLIENT_ID, None]}, False),
        ({"aud": "stranger", "azp": CLIENT_ID}, False),
        ({"aud": CLIENT_ID, "azp": "stranger"}, False),
        ({"aud": CLIENT_ID, "azp": ""}, False),
        ({"aud": CLIENT_ID, "azp": [CLIENT_ID]}, False),
        ({"aud": CLIENT_ID, "azp": 7}, False),
    ],
)
def test_a_token_is_for_clients_of_the_provider_and_nobody_else(node, provider, claims, taken):
    node.client("iam").add_client_id_to_open_id_connect_provider(
        OpenIDConnectProviderArn=ARN, ClientID="second"
    )
    token = provider.token(node.now, **claims)
    if taken:
        assert assume(node, token)["Provider"] == ISSUER
    else:
        assert refusal(node, token) == ("InvalidIdentityToken", "Incorrect token audience")


def test_a_provider_without_clients_proves_nothing(node, provider):
    node.client("iam").remove_client_id_from_open_id_connect_provider(
        OpenIDConnectProviderArn=ARN, ClientID=CLIENT_ID
    )
    assert refusal(node, provider.token(node.now))[1] == "Incorrect token audience"


# -- E 66: trust in everybody ------------------------------------------------------------------

GITHUB = "token.actions.githubusercontent.com"
GITHUB_ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"


@pytest.mark.parametrize(
    "condition",
    [
        None,
        {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}},
        *({"StringLike": {f"{GITHUB}:sub": value}} for value in ("*", "repo:*", "r*", "?epo:*")),
        {"StringLike": {f"{GITHUB}:sub": ["repo:acme/*", "*"]}},
        {"StringLikeIfExists": {f"{GITHUB}:sub": "repo:acme/*"}},
        {"ForAllValues:StringLike": {f"{GITHUB}:sub": "repo:acme/*"}},
        {"StringNotEquals": {f"{GITHUB}:sub": "repo:mallory/app"}},
        {"Null": {f"{GITHUB}:sub": "false"}},
        {"StringEquals": {"gitlab.com:sub": "repo:acme/app"}},
    ],
)
def test_a_trust_policy_for_all_of_github_is_refused(node, condition):
    iam = node.client("iam")
    document = federated_trust(GITHUB_ARN, condition)
    with pytest.raises(ClientError, match="MalformedPolicyDocument") as caught:
        iam.create_role(RoleName="ci", AssumeRolePolicyDocument=document)
    assert f"{GITHUB}:sub" in caught.value.response["Error"]["Message"]
    iam.create_role(RoleName="ci", AssumeRolePolicyDocument=trust({"AWS": ACCOUNT}))
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        iam.update_assume_role_policy(RoleName="ci", PolicyDocument=document)


@pytest.mark.parametrize(
    ("provider", "claim"),
    [("gitlab.com", "sub"), ("app.terraform.io", "sub"), ("oidc.vercel.com", "aud")],
)
def test_so_is_one_for_all_of_another_shared_provider(node, provider, claim):
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}"
    with pytest.raises(ClientError, match=f"must evaluate {provider}:{claim}"):
        node.role("ci", federated_trust(arn))
    node.role("ci", federated_trust(arn, {"StringEquals": {f"{provider}:{claim}": "acme"}}))


# -- E 67: claims are nothing but claims -------------------------------------------------------


def test_claims_named_like_condition_keys_are_not_condition_keys(node, provider):
    claims = {
        "aws:PrincipalTag/team": "admins",
        "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:root",
        "aws:SourceIp": "10.0.0.1",
        "aws:username": "root",
        "sts:ExternalId": "secret",
        "aws:MultiFactorAuthPresent": "true",
        "is_admin": True,
        "principal": "root",
        "parent": "root",
        "sa-policy": allow("*"),
    }
    conditions = [
        {"StringEquals": {"aws:PrincipalTag/team": "admins"}},
        {"IpAddress": {"aws:SourceIp": "10.0.0.1"}},
        {"StringEquals": {"aws:username": "root"}},
        {"StringEquals": {"sts:ExternalId": "secret"}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"StringEquals": {f"{NAME}:is_admin": "true"}},
        {"StringEquals": {f"{NAME}:parent": "root"}},
    ]
    for number, condition in enumerate(conditions):
        role = node.role(f"role-{number}", federated_trust(ARN, condition))
        assert refusal(node, provider.token(node.now, **claims), role)[0] == "AccessDenied"
    answer = assume(node, provider.token(node.now, **claims))
    session = node.node.keys.open(answer["Credentials"]["SessionToken"])
    assert set(session.claims) == {f"{NAME}:sub", f"{NAME}:aud"}
    assert session.tags == {}
    with pytest.raises(ClientError, match="AccessDenied"):
        node.client("iam", session_credentials(answer)).list_users()


# -- E 68: an external subject is not a user ---------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    ["root", "alice", f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:user/alice", "*"],
)
def test_a_subject_named_like_a_user_is_no_user(node, provider, subject):
    node.user("alice", allow("*"))
    answer = assume(node, provider.token(node.now, sub=subject))
    client = node.client("sts", session_credentials(answer))
    assert client.get_caller_identity()["Arn"] == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/web/session"
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        node.client("iam", session_credentials(answer)).list_users()


def test_a_subject_with_wildcards_matches_only_itself(node, provider):
    conditions = {"StringLike": {f"{NAME}:sub": "repo:acme/*"}}
    role = node.role("ci", federated_trust(ARN, conditions))
    assert refusal(node, provider.token(node.now, sub="*"), role)[0] == "AccessDenied"
    assert refusal(node, provider.token(node.now, sub="repo:*"), role)[0] == "AccessDenied"


# -- E 69: floods ------------------------------------------------------------------------------


def test_a_flood_of_made_up_key_ids_asks_the_provider_once(node, provider):
    key = new_key("RS256")
    for number in range(30):
        token = provider.sign(
            {"alg": "RS256", "kid": f"made-up-{number}"}, provider.claims(node.now), key
        )
        assert refusal(node, token)[0] == "InvalidIdentityToken"
    assert len(provider.fetched) == 2


def test_tokens_of_issuers_that_are_not_registered_ask_nobody(node, provider):
    for issuer in ("https://169.254.169.254", "https://localhost:9311", "file:///etc/passwd"):
        assert refusal(node, provider.token(node.now, iss=issuer))[0] == "InvalidIdentityToken"
    assert provider.fetched == []


# -- E 70: where keys come from ----------------------------------------------------------------


@pytest.mark.parametrize("member", ["jku", "x5u"])
def test_a_header_does_not_say_where_keys_are(node, provider, member):
    attacker = new_key("RS256")
    header = {"alg": "RS256", "kid": "first", member: "https://attacker.example.com/keys"}
    token = provider.sign(header, provider.claims(node.now), attacker)
    assert refusal(node, token)[0] == "InvalidIdentityToken"
    assert all(url.startswith(ISSUER) for url in provider.fetched)


def test_a_header_does_not_bring_its_key_along(node, provider):
    attacker = new_key("RS256")
    for key_id in ("first", "theirs"):
        header = {"alg": "RS256", "kid": key_id, "jwk": jwk(attacker, key_id)}
        token = provider.sign(header, provider.claims(node.now), attacker)
        assert refusal(node, token)[0] == "InvalidIdentityToken"


@pytest.mark.parametrize("further", [{"crit": ["exp"]}, {"crit": []}, {"b64": False}])
def test_a_header_that_must_be_understood_is_refused(node, provider, further):
    header = {"alg": "RS256", "kid": "first", **further}
    token = provider.sign(header, provider.claims(node.now), provider.keys["first"][1])
    assert refusal(node, token)[0] == "InvalidIdentityToken"


# -- E 71: keys that were taken back -----------------------------------------------------------


def test_tokens_of_a_removed_key_die_within_five_minutes_and_sessions_go_on(node, provider):
    token = provider.token(node.now)
    credentials = session_credentials(assume(node, token))
    del provider.keys["first"]
    provider.add_key("second")
    node.now += 301
    assert refusal(node, token)[0] == "InvalidIdentityToken"
    assert assume(node, provider.token(node.now, "second"))
    # A session is not its token: it ends at its end, or when it is revoked.
    node.client("iam", credentials).list_roles()


# -- E 72: what is not verified is not repeated ------------------------------------------------


def test_nothing_of_an_unverified_token_is_answered_or_logged(node, provider, caplog):
    caplog.set_level("DEBUG")
    marker = "Marker4711"
    tokens = [
        provider.sign(
            {"alg": "RS256", "kid": f"{marker}\r\nforged line"},
            provider.claims(node.now, sub=marker, aud=marker),
            new_key("RS256"),
        ),
        provider.token(node.now, iss=f"{marker}\r\nforged line"),
        provider.token(node.now, iss=f"https://{marker}.example.com/<script>"),
        provider.token(node.now, aud=marker),
        f"{marker}.{marker}.{marker}",
    ]
    for token in tokens:
        _, message = refusal(node, token)
        assert marker not in message
    logged = [record for record in caplog.records if record.name.startswith("daypass")]
    assert len(logged) >= len(tokens)
    for record in logged:
        assert marker not in record.getMessage()
        assert "forged line" not in record.getMessage()


def test_a_role_that_exists_and_one_that_does_not_are_refused_alike(node, provider):
    node.role("closed", trust({"AWS": ACCOUNT}))
    there = refusal(node, provider.token(node.now), f"arn:aws:iam::{ACCOUNT}:role/closed")
    missing = refusal(node, provider.token(node.now), f"arn:aws:iam::{ACCOUNT}:role/missing")
    assert there == missing


@pytest.mark.parametrize(
    "text",
    [
        *("." * 100, "aa.bb", "a.b.c.d", "é.é.é", "e30.e30.e30", "eyJ.eyJ.eyJ", "null.null.null"),
        encoded(b"[" * 5000) + "." + encoded(b"{}") + ".AA",
        encoded(b'{"alg":"RS256"}') + "." + encoded(b"[" * 12_000) + ".AA",
        encoded(b'{"alg":"RS256"}') + "." + encoded(b"\xff\xfe") + ".AA",
        encoded(b'{"alg":"RS256"}') + "." + encoded(b'{"iss":"x","exp":1e999}') + ".AA",
        "a" * 20_000,
    ],
)
def test_nonsense_is_never_the_servers_fault(node, provider, text):
    assert refusal(node, text)[0] == "InvalidIdentityToken"


# -- E 73: the way in for tokens is for tokens -------------------------------------------------


def unsigned(node: LocalNode, **given: str) -> tuple[int, str]:
    """An unsigned request to STS or IAM."""
    body = urlencode(given).encode()
    fields = [
        ("host", "127.0.0.1:9311"),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("content-length", str(len(body))),
    ]
    answer = node.send("POST", "/", "", fields, body)
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    "action",
    [
        *("GetCallerIdentity", "AssumeRole", "GetSessionToken", "GetFederationToken"),
        *("GetWebIdentityToken", "GetAccessKeyInfo", "NoSuchAction", ""),
        *("assumeRoleWithWebIdentity", "AssumeRoleWithWebIdentity "),
    ],
)
def test_nothing_else_is_open_to_unsigned_requests(node, provider, action):
    status, text = unsigned(
        node,
        Action=action,
        Version="2011-06-15",
        RoleArn=ROLE,
        RoleSessionName="session",
        WebIdentityToken=provider.token(node.now),
    )
    assert status == 403
    assert "<Code>MissingAuthenticationToken</Code>" in text


def test_iam_has_no_way_in_for_tokens(node, provider):
    status, text = unsigned(node, Action="ListRoles", Version="2010-05-08")
    assert (status, "MissingAuthenticationToken" in text) == (403, True)


def test_a_token_does_not_heal_a_signature_that_is_wrong(node, provider):
    body = urlencode(
        {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "session",
            "WebIdentityToken": provider.token(node.now),
        }
    ).encode()
    key_id = node.root["aws_access_key_id"]
    for authorization in (
        "nonsense",
        "Bearer token",
        f"AWS4-HMAC-SHA256 Credential={key_id}/20270115/eu-central-1/sts/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={sha256(b'').hexdigest()}",
    ):
        fields = [
            ("host", "127.0.0.1:9311"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-amz-date", "20270115T080000Z"),
            ("authorization", authorization),
            ("content-length", str(len(body))),
        ]
        answer = node.send("POST", "/", "", fields, body)
        assert answer.status_code in {400, 403}
        assert "AccessKeyId" not in answer.text


def test_an_unsigned_body_is_read_to_a_quarter_of_a_mebibyte(node, provider):
    status, text = unsigned(node, Action="AssumeRoleWithWebIdentity", Padding="x" * 262_144)
    assert status == 413
    assert "RequestEntityTooLarge" in text


# -- E 74: a Deny holds for tagged tokens too --------------------------------------------------


@pytest.mark.parametrize("denied", ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:*"])
def test_a_deny_in_the_trust_policy_holds_whatever_the_token_carries(node, provider, denied):
    document = json.loads(
        federated_trust(ARN, actions=["sts:AssumeRoleWithWebIdentity", "sts:TagSession"])
    )
    deny = {"Effect": "Deny", "Principal": {"Federated": ARN}, "Action": denied}
    document["Statement"].append(deny)
    role = node.role("denied", json.dumps(document))
    tags = {"principal_tags": {"Project": ["Automation"]}}
    assert refusal(node, provider.token(node.now, **{TAGS: tags}), role)[0] == "AccessDenied"


def test_a_token_sent_twice_gives_two_sessions_of_one_descent(node, provider):
    """AWS takes a token as often as it is sent; what revokes one provider revokes both."""
    token = provider.token(node.now)
    sessions = [
        node.node.keys.open(assume(node, token)["Credentials"]["SessionToken"]) for _ in range(2)
    ]
    assert sessions[0].accessor != sessions[1].accessor
    assert sessions[0].parents[0].subject_id == sessions[1].parents[0].subject_id
