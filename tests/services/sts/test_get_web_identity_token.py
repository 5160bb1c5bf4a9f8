"""GetWebIdentityToken and what the account publishes as an issuer, verified with PyCA alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from daypass.federation.oidc import rotate_signing_keys
from daypass.gateway.issue import issue_session
from daypass.services.sts.upkeep import rotate_now, rotate_when_due
from daypass.tokens import KeyState, SessionKind
from tests.local_node import (
    ACCOUNT,
    REGION,
    LocalNode,
    allow,
    credentials_of,
    local_node,
    trust,
)
from tests.openid import verified_claims

NAMESPACE = "https://sts.amazonaws.com/"
BOTH = ["sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def issuer(node: LocalNode) -> str:
    return str(node.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"])


def get_token(node: LocalNode, credentials: Any = None, **given: Any) -> dict[str, Any]:
    valid = {"Audience": ["https://api.example.com"], "SigningAlgorithm": "ES384"}
    return node.client("sts", credentials).get_web_identity_token(**{**valid, **given})


def refusal(node: LocalNode, credentials: Any = None, **given: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        get_token(node, credentials, **given)
    response = caught.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return response["Error"]["Code"], response["Error"]["Message"], status


def published(node: LocalNode, url: str) -> dict[str, Any]:
    """What anybody may read, unsigned."""
    path = url.removeprefix("http://127.0.0.1:9311")
    answer = node.send("GET", path, "", [("host", "127.0.0.1:9311")])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return json.loads(answer.text)


def verified(node: LocalNode, token: str, issuer: str) -> dict[str, Any]:
    """The claims, verified as any other service would."""
    configuration = published(node, f"{issuer}/.well-known/openid-configuration")
    assert configuration["issuer"] == issuer
    claims = verified_claims(token, published(node, configuration["jwks_uri"])["keys"])
    assert claims["iat"] <= node.now < claims["exp"]
    return claims


# -- the account as an issuer --------------------------------------------------------------------


def test_it_is_enabled_shown_and_disabled(node):
    iam = node.client("iam")
    with pytest.raises(ClientError, match="FeatureDisabled") as caught:
        iam.get_outbound_web_identity_federation_info()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    first = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert first.startswith("http://127.0.0.1:9311/_daypass/oidc/")
    info = iam.get_outbound_web_identity_federation_info()
    assert (info["IssuerIdentifier"], info["JwtVendingEnabled"]) == (first, True)
    with pytest.raises(ClientError, match="FeatureEnabled") as caught:
        iam.enable_outbound_web_identity_federation()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    token = get_token(node)["WebIdentityToken"]
    iam.disable_outbound_web_identity_federation()
    with pytest.raises(ClientError, match="FeatureDisabled"):
        iam.disable_outbound_web_identity_federation()
    code, _, status = refusal(node)
    assert (code, status) == ("OutboundWebIdentityFederationDisabledException", 403)
    # What was issued before stays good, and so do the issuer's name and keys.
    assert verified(node, token, first)["iss"] == first
    assert iam.enable_outbound_web_identity_federation()["IssuerIdentifier"] == first


def test_nothing_is_published_under_another_name(node, issuer):
    for path in (
        "/_daypass/oidc/00000000-0000-0000-0000-000000000000/.well-known/jwks.json",
        "/_daypass/oidc/",
        f"{issuer.removeprefix('http://127.0.0.1:9311')}/.well-known/other",
        f"{issuer.removeprefix('http://127.0.0.1:9311')}/",
    ):
        answer = node.send("GET", path, "", [("host", "127.0.0.1:9311")])
        assert answer.status_code == 404


def test_only_public_halves_are_published(node, issuer):
    keys = published(node, f"{issuer}/.well-known/jwks.json")["keys"]
    assert {key["alg"] for key in keys} == {"ES384", "RS256"}
    for key in keys:
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()
        assert key["use"] == "sig"
        assert key["kid"]


# -- the token -------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ES384", "RS256"])
def test_a_users_token_says_who_calls(node, issuer, algorithm):
    credentials = node.user("alice", allow(BOTH))
    node.client("iam").tag_user(UserName="alice", Tags=[{"Key": "Team", "Value": "blue"}])
    answer = get_token(node, credentials, SigningAlgorithm=algorithm)
    assert int(answer["Expiration"].timestamp()) == int(node.now) + 300
    claims = verified(node, answer["WebIdentityToken"], issuer)
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    own = claims.pop(NAMESPACE)
    jti = claims.pop("jti")
    assert claims == {
        "iss": issuer,
        "aud": "https://api.example.com",
        "sub": arn,
        "iat": int(node.now),
        "exp": int(node.now) + 300,
    }
    assert len(jti) == 36
    assert own == {
        "aws_account": ACCOUNT,
        "source_region": REGION,
        "principal_id": arn,
        "principal_tags": {"Team": "blue"},
    }


def test_a_roles_token_names_the_role_and_its_sessions_tags(node, issuer):
    alice = node.user("alice", allow("sts:*"))
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    role = node.role(
        "worker",
        trust({"AWS": ACCOUNT}, Action=actions),
        allow(BOTH),
        Path="/jobs/",
        Tags=[{"Key": "Team", "Value": "blue"}, {"Key": "Cost", "Value": "7"}],
    )
    session = node.assume(
        alice, role, Tags=[{"Key": "team", "Value": "red"}], SourceIdentity="alice"
    )
    answer = get_token(
        node,
        session,
        Audience=["one", "two"],
        DurationSeconds=900,
        Tags=[{"Key": "job", "Value": "4711"}],
    )
    claims = verified(node, answer["WebIdentityToken"], issuer)
    assert claims["sub"] == f"arn:aws:iam::{ACCOUNT}:role/jobs/worker"
    assert claims["aud"] == ["one", "two"]
    assert claims["exp"] - claims["iat"] == 900
    own = claims[NAMESPACE]
    assert own["principal_tags"] == {"Cost": "7", "team": "red"}
    assert own["request_tags"] == {"job": "4711"}
    assert own["source_identity"] == "alice"
    assert own["original_session_exp"] == "2027-01-15T09:00:00Z"
    assert "lambda_source_function_arn" not in own


def test_a_functions_token_names_the_function(node, issuer):
    node.role("runs", trust({"Service": "lambda.amazonaws.com"}), allow(BOTH))
    node.store.refresh()
    role: Any = node.node.identity.role("runs")
    issued = issue_session(
        node.node,
        kind=SessionKind.ASSUMED_ROLE,
        subject_id=role.id,
        subject_name=role.name,
        session_name="my-function",
        duration=3600,
        now=node.now,
    )
    token = get_token(node, credentials_of(issued))["WebIdentityToken"]
    assert verified(node, token, issuer)[NAMESPACE]["lambda_source_function_arn"] == (
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:my-function"
    )


# -- permissions -----------------------------------------------------------------------------------


def test_it_needs_its_permission_on_the_caller_itself(node, issuer):
    nobody = node.user("nobody")
    code, message, status = refusal(node, nobody)
    assert (code, status) == ("AccessDenied", 403)
    assert f"sts:GetWebIdentityToken on resource: arn:aws:sts::{ACCOUNT}:self" in message
    untagged = node.user("untagged", allow("sts:GetWebIdentityToken"))
    assert get_token(node, untagged)["WebIdentityToken"]
    _, message, _ = refusal(node, untagged, Tags=[{"Key": "a", "Value": "b"}])
    assert "sts:TagGetWebIdentityToken" in message


@pytest.mark.parametrize(
    ("condition", "given", "allowed"),
    [
        ({"NumericLessThanEquals": {"sts:DurationSeconds": "300"}}, {}, True),
        (
            {"NumericLessThanEquals": {"sts:DurationSeconds": "300"}},
            {"DurationSeconds": 301},
            False,
        ),
        ({"StringEquals": {"sts:SigningAlgorithm": "ES384"}}, {}, True),
        (
            {"StringEquals": {"sts:SigningAlgorithm": "ES384"}},
            {"SigningAlgorithm": "RS256"},
            False,
        ),
        ({"ForAllValues:StringEquals": {"sts:IdentityTokenAudience": ["a", "b"]}}, "ab", True),
        ({"ForAllValues:StringEquals": {"sts:IdentityTokenAudience": ["a"]}}, "ab", False),
        ({"StringEquals": {"aws:RequestTag/scope": "read"}}, {}, False),
    ],
)
def test_policies_see_what_is_asked_for(node, issuer, condition, given, allowed):
    user = node.user("alice", allow(BOTH, Condition=condition))
    given = {"Audience": list(given)} if isinstance(given, str) else given
    if allowed:
        assert get_token(node, user, **given)["WebIdentityToken"]
    else:
        assert refusal(node, user, **given)[0] == "AccessDenied"


def test_sessions_that_may_not_call_sts_may_not_call_it(node, issuer):
    alice = node.user("alice", allow("sts:*"))
    answer = node.client("sts", alice).get_session_token()
    session = {
        "aws_access_key_id": answer["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": answer["Credentials"]["SecretAccessKey"],
        "aws_session_token": answer["Credentials"]["SessionToken"],
    }
    assert refusal(node, session)[0] == "AccessDenied"


# -- input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("duration", [60, 3600])
def test_durations_at_their_bounds(node, issuer, duration):
    claims = verified(node, get_token(node, DurationSeconds=duration)["WebIdentityToken"], issuer)
    assert claims["exp"] - claims["iat"] == duration


@pytest.mark.parametrize(
    "given",
    [
        *({"DurationSeconds": seconds} for seconds in (59, 3601, 0, -1)),
        {"Audience": []},
        {"Audience": ["a"] * 11},
        {"Audience": [""]},
        {"Audience": ["a" * 1001]},
        *({"SigningAlgorithm": name} for name in ("ES256", "RS512", "HS256", "none", "es384")),
        {"SubjectMode": "OriginIdentity"},
        {"Scope": "read"},
        {"Tags": [{"Key": f"k{number}", "Value": "v"} for number in range(51)]},
        {"Tags": [{"Key": "aws:x", "Value": "v"}]},
    ],
)
def test_input_beyond_what_the_service_model_allows_is_refused(node, issuer, given):
    code, _, status = refusal(node, **given)
    assert (code, status) == ("ValidationError", 400)


def test_tags_that_come_twice_are_refused(node, issuer):
    tags = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    assert refusal(node, Tags=tags)[0] == "InvalidParameterValue"


def test_a_token_does_not_outlive_the_session_that_asks_for_it(node, issuer):
    alice = node.user("alice", allow("sts:*"))
    role = node.role("worker", trust({"AWS": ACCOUNT}), allow(BOTH))
    session = node.assume(alice, role, DurationSeconds=900)
    assert get_token(node, session, DurationSeconds=900)
    assert refusal(node, session, DurationSeconds=901) == (
        "SessionDurationEscalationException",
        "The requested token duration would extend the session beyond its original expiration "
        "time.",
        403,
    )


def test_a_payload_that_is_too_large_is_refused(node, issuer):
    fifty = [{"Key": f"{number:03}".ljust(128, "k"), "Value": "v" * 256} for number in range(50)]
    code, _, status = refusal(node, Tags=fifty)
    assert (code, status) == ("JWTPayloadSizeExceededException", 400)
    assert get_token(node, Tags=fifty[:20])["WebIdentityToken"]


# -- rotation --------------------------------------------------------------------------------------


def key_id_of(token: str) -> str:
    import base64

    header = token.split(".", maxsplit=1)[0]
    return str(json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])


async def test_keys_rotate_after_90_days_and_old_ones_stay_until_their_tokens_are_over(
    node, issuer
):
    # The test's loop is running: what LocalNode does with its own is done in a thread.
    import asyncio

    async def token() -> str:
        answer = await asyncio.to_thread(get_token, node, None, DurationSeconds=3600)
        return str(answer["WebIdentityToken"])

    async def key_ids() -> set[str]:
        found = await asyncio.to_thread(published, node, f"{issuer}/.well-known/jwks.json")
        return {key["kid"] for key in found["keys"]}

    node.store.refresh()
    before = await token()
    at_first = await key_ids()
    assert not await rotate_when_due(node.node)
    node.now += 90 * 86_400
    assert await rotate_when_due(node.node)
    assert not await rotate_when_due(node.node)
    node.store.refresh()
    after = await token()
    # It was published, as prepared, before it signed.
    assert key_id_of(after) in at_first
    assert key_id_of(after) != key_id_of(before)
    assert at_first < await key_ids()
    node.now += 3600
    assert key_id_of(before) in await key_ids()
    node.now += 900
    assert key_id_of(before) not in await key_ids()
    assert key_id_of(after) in await key_ids()


async def test_two_processes_that_rotate_at_one_moment_rotate_once(node, issuer):
    node.store.refresh()
    since = node.node.token_issuer.active_since()
    active = {key.id for key in node.node.token_issuer.keys if key.state is KeyState.ACTIVE}
    node.now += 1
    await rotate_now(node.node, since)
    await rotate_now(node.node, since)
    node.store.refresh()
    retired = {key.id for key in node.node.token_issuer.keys if key.state is KeyState.RETIRED}
    assert retired == active


def test_a_rotation_leaves_out_what_no_token_needs(node, issuer):
    node.store.refresh()
    keys = list(node.node.token_issuer.keys)
    once = rotate_signing_keys(keys, [], 1000.0)
    assert {key.state for key in once} == {KeyState.ACTIVE, KeyState.RETIRED}
    later = rotate_signing_keys(once, [], 1000.0 + 4501)
    assert len(later) == 2
