"""AssumeRoleWithWebIdentity as botocore calls it: unsigned, with a provider's token."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_node import (
    ACCOUNT,
    LocalNode,
    allow,
    local_node,
    session_credentials,
    trust,
)
from tests.openid import (
    ARN,
    CLIENT_ID,
    ISSUER,
    NAME,
    SUBJECT,
    Provider,
    federated_trust,
    trusting,
)

ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"
TAGS = "https://aws.amazon.com/tags"
SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
ALL_ACTIONS = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def provider(node: LocalNode) -> Provider:
    made = Provider()
    made.add_key()
    trusting(node, made)
    return made


def assume(node: LocalNode, token: str, role: str = ROLE, **further: Any) -> dict[str, Any]:
    return node.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="session", WebIdentityToken=token, **further
    )


def refused(node: LocalNode, token: str, role: str = ROLE, **further: Any) -> tuple[str, str, int]:
    """Code, message and status of the refusal."""
    with pytest.raises(ClientError) as caught:
        assume(node, token, role, **further)
    response = caught.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return response["Error"]["Code"], response["Error"]["Message"], status


def test_a_token_is_exchanged_for_the_roles_credentials(node, provider):
    node.role("web", federated_trust(ARN), allow("iam:ListRoles"))
    answer = assume(node, provider.token(node.now))
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT
    assert answer["Audience"] == CLIENT_ID
    assert answer["Provider"] == ISSUER
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/web/session"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    credentials = session_credentials(answer)
    assert node.client("sts", credentials).get_caller_identity()["Arn"] == arn
    node.client("iam", credentials).list_roles()
    assert int(answer["Credentials"]["Expiration"].timestamp()) == int(node.now) + 3600


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"])
def test_every_algorithm_aws_takes_is_taken(node, provider, algorithm):
    provider.add_key("other", algorithm)
    node.role("web", federated_trust(ARN))
    assert assume(node, provider.token(node.now, "other"))["Provider"] == ISSUER


def test_a_token_without_a_key_id_is_verified_with_the_only_key_that_fits(node, provider):
    node.role("web", federated_trust(ARN))
    key = provider.keys["first"][1]
    token = provider.sign({"alg": "RS256"}, provider.claims(node.now), key)
    assert assume(node, token)["Provider"] == ISSUER
    provider.add_key("second")
    node.now += 301
    assert refused(node, provider.sign({"alg": "RS256"}, provider.claims(node.now), key))[0] == (
        "InvalidIdentityToken"
    )


# -- the trust policy decides ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conditions", "allowed"),
    [
        ({"StringEquals": {f"{NAME}:sub": SUBJECT}}, True),
        ({"StringEquals": {f"{NAME}:sub": "somebody-else"}}, False),
        ({"StringEquals": {f"{NAME}:aud": CLIENT_ID}}, True),
        ({"StringEquals": {f"{NAME}:aud": "stranger"}}, False),
        ({"ForAnyValue:StringEquals": {f"{NAME}:amr": "mfa"}}, True),
        ({"ForAnyValue:StringEquals": {f"{NAME}:amr": "sms"}}, False),
        ({"StringEquals": {f"{NAME}:email": "alice@example.com"}}, True),
        ({"StringEquals": {"aws:FederatedProvider": ARN}}, True),
        ({"StringEquals": {"sts:RoleSessionName": "session"}}, True),
        ({"StringEquals": {"sts:RoleSessionName": "other"}}, False),
        # Claims that AWS has no condition key for do not exist in policies.
        ({"StringEquals": {f"{NAME}:groups": "admins"}}, False),
        ({"Null": {f"{NAME}:groups": "true"}}, True),
    ],
)
def test_conditions_see_the_claims_aws_has_keys_for(node, provider, conditions, allowed):
    node.role("web", federated_trust(ARN, conditions))
    token = provider.token(
        node.now, amr=["pwd", "mfa"], email="alice@example.com", groups=["admins"]
    )
    if allowed:
        assert assume(node, token)["Provider"] == ISSUER
    else:
        assert refused(node, token) == (
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            403,
        )


@pytest.mark.parametrize(
    "document",
    [
        trust({"AWS": ACCOUNT}),
        federated_trust(f"arn:aws:iam::{ACCOUNT}:oidc-provider/other.example.com"),
        federated_trust("accounts.google.com"),
        federated_trust(ARN, actions="sts:AssumeRoleWithSAML"),
        federated_trust(ARN, actions="sts:AssumeRole"),
    ],
)
def test_a_role_that_does_not_trust_the_provider_is_refused(node, provider, document):
    node.role("web", document)
    code, message, status = refused(node, provider.token(node.now))
    assert (code, status) == ("AccessDenied", 403)
    assert message == "Not authorized to perform sts:AssumeRoleWithWebIdentity"


@pytest.mark.parametrize(
    "role",
    [
        f"arn:aws:iam::{ACCOUNT}:role/missing",
        f"arn:aws:iam::{ACCOUNT}:role/path/web",
        "arn:aws:iam::210987654321:role/web",
    ],
)
def test_a_role_that_does_not_exist_is_refused_as_one_that_does_not_trust(node, provider, role):
    node.role("web", federated_trust(ARN))
    assert refused(node, provider.token(node.now), role)[:2] == (
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    )


def test_the_session_keeps_its_provider_and_claims_for_its_policies(node, provider):
    conditions = {"StringEquals": {f"{NAME}:sub": SUBJECT, "aws:FederatedProvider": ARN}}
    node.role("web", federated_trust(ARN), allow("iam:ListRoles", Condition=conditions))
    good = session_credentials(assume(node, provider.token(node.now)))
    node.client("iam", good).list_roles()
    other = session_credentials(assume(node, provider.token(node.now, sub="another-user")))
    with pytest.raises(ClientError, match="AccessDenied"):
        node.client("iam", other).list_roles()


# -- session tags and source identity ----------------------------------------------------------


def tagged(node: LocalNode, provider: Provider, **changed: Any) -> str:
    tags = {
        "principal_tags": {"Project": ["Automation"], "Team": ["Blue"]},
        "transitive_tag_keys": ["Project"],
    }
    return provider.token(node.now, **{TAGS: tags, **changed})


def test_tags_of_the_token_are_session_tags(node, provider):
    conditions = {"StringEquals": {"aws:PrincipalTag/Project": "Automation"}}
    node.role("web", federated_trust(ARN, actions=ALL_ACTIONS), allow("iam:*"))
    answer = assume(node, tagged(node, provider))
    session = node.node.keys.open(answer["Credentials"]["SessionToken"])
    assert session.tags == {"Project": "Automation", "Team": "Blue"}
    assert session.transitive_tags == ("Project",)
    assert answer["PackedPolicySize"] > 0
    trusted = trust({"AWS": ROLE}, Action=["sts:AssumeRole", "sts:TagSession"])
    second = node.role("second", trusted, allow("iam:ListRoles", Condition=conditions))
    chained = node.assume(session_credentials(answer), second)
    assert node.node.keys.open(chained["aws_session_token"]).tags == {"Project": "Automation"}
    node.client("iam", chained).list_roles()


def test_flat_tag_claims_are_session_tags_too(node, provider):
    node.role("web", federated_trust(ARN, actions=ALL_ACTIONS))
    flat = {
        f"{TAGS}/principal_tags/Project": "Automation",
        f"{TAGS}/transitive_tag_keys": ["Project"],
    }
    answer = assume(node, provider.token(node.now, **flat))
    session = node.node.keys.open(answer["Credentials"]["SessionToken"])
    assert session.tags == {"Project": "Automation"}
    assert session.transitive_tags == ("Project",)


def test_tags_need_tag_session_and_a_source_identity_its_own_permission(node, provider):
    node.role("web", federated_trust(ARN))
    assert refused(node, tagged(node, provider))[1] == "Not authorized to perform sts:TagSession"
    token = provider.token(node.now, **{SOURCE_IDENTITY: "alice"})
    assert refused(node, token)[1] == "Not authorized to perform sts:SetSourceIdentity"


def test_the_trust_policy_sees_tags_and_source_identity(node, provider):
    conditions = {
        "StringEquals": {"aws:RequestTag/Project": "Automation", "sts:SourceIdentity": "alice"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["Project", "Team"]},
    }
    node.role("web", federated_trust(ARN, conditions, ALL_ACTIONS))
    answer = assume(node, tagged(node, provider, **{SOURCE_IDENTITY: "alice"}))
    assert answer["SourceIdentity"] == "alice"
    assert refused(node, tagged(node, provider, **{SOURCE_IDENTITY: "mallory"}))[0] == (
        "AccessDenied"
    )


@pytest.mark.parametrize(
    "tags",
    [
        "Project=Automation",
        {"principal_tags": ["Project"]},
        {"principal_tags": {"Project": ["one", "two"]}},
        {"principal_tags": {"Project": 7}},
        {"principal_tags": {"aws:PrincipalTag/admin": ["true"]}},
        {"principal_tags": {"AWS:x": ["true"]}},
        {"principal_tags": {"Project": ["a"], "project": ["b"]}},
        {"principal_tags": {"": ["x"]}},
        {"principal_tags": {"k" * 129: ["x"]}},
        {"principal_tags": {"k": ["v" * 257]}},
        {"principal_tags": {"k": ["<script>"]}},
        {"principal_tags": {f"k{n}": ["v"] for n in range(51)}},
        {"principal_tags": {"Project": ["a"]}, "transitive_tag_keys": ["Team"]},
        {"principal_tags": {"Project": ["a"]}, "transitive_tag_keys": [{}]},
    ],
)
def test_tags_that_cannot_be_session_tags_are_refused(node, provider, tags):
    node.role("web", federated_trust(ARN, actions=ALL_ACTIONS))
    code, _, status = refused(node, provider.token(node.now, **{TAGS: tags}))
    assert (code, status) == ("IDPRejectedClaim", 403)


@pytest.mark.parametrize("identity", ["a", "a" * 65, "two words", "${aws:username}", 7, ["alice"]])
def test_a_source_identity_of_another_form_is_refused(node, provider, identity):
    node.role("web", federated_trust(ARN, actions=ALL_ACTIONS))
    token = provider.token(node.now, **{SOURCE_IDENTITY: identity})
    assert refused(node, token)[0] == "IDPRejectedClaim"


def test_the_most_tags_there_may_be_are_taken(node, provider):
    node.role("web", federated_trust(ARN, actions=ALL_ACTIONS))
    tags = {"principal_tags": {f"k{n}": ["v"] for n in range(50)}}
    answer = assume(node, provider.token(node.now, **{TAGS: tags}))
    assert len(node.node.keys.open(answer["Credentials"]["SessionToken"]).tags) == 50


# -- parameters --------------------------------------------------------------------------------


def test_duration_and_session_policies_are_as_of_assume_role(node, provider):
    node.role("web", federated_trust(ARN), allow("*"), MaxSessionDuration=7200)
    token = provider.token(node.now)
    answer = assume(node, token, DurationSeconds=7200, Policy=allow("iam:ListRoles"))
    assert int(answer["Credentials"]["Expiration"].timestamp()) == int(node.now) + 7200
    narrowed = session_credentials(answer)
    node.client("iam", narrowed).list_roles()
    with pytest.raises(ClientError, match="no session policy allows"):
        node.client("iam", narrowed).list_users()
    assert refused(node, token, DurationSeconds=7201) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        400,
    )
    for wrong in (899, 43_201):
        assert refused(node, token, DurationSeconds=wrong)[0] == "ValidationError"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"RoleSessionName": "two words"}, "at 'roleSessionName' failed to satisfy constraint"),
        ({"RoleSessionName": "x"}, "at 'roleSessionName' failed to satisfy constraint"),
        ({"WebIdentityToken": "abc"}, "at 'webIdentityToken' failed to satisfy constraint"),
        ({"WebIdentityToken": "a" * 20_001}, "length less than or equal to 20000"),
        ({"RoleArn": "short"}, "at 'roleArn' failed to satisfy constraint"),
        ({"ProviderId": "www.amazon.com"}, "ProviderId is for the OAuth 2.0 access tokens"),
    ],
)
def test_input_is_checked_as_the_service_model_says(node, provider, given, message):
    node.role("web", federated_trust(ARN))
    valid = {
        "RoleArn": ROLE,
        "RoleSessionName": "session",
        "WebIdentityToken": provider.token(node.now),
    }
    with pytest.raises(ClientError) as caught:
        node.client("sts").assume_role_with_web_identity(**{**valid, **given})
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert message in caught.value.response["Error"]["Message"]


# -- times -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"exp": 299}, ""),
        ({"exp": 0}, ""),
        ({"exp": -299}, ""),
        ({"exp": -300}, "ExpiredTokenException"),
        ({"exp": -86_000}, "ExpiredTokenException"),
        ({"iat": 300}, ""),
        ({"iat": 302}, "InvalidIdentityToken"),
        ({"iat": -86_700}, ""),
        ({"iat": -86_701}, "ExpiredTokenException"),
        ({"nbf": 300}, ""),
        ({"nbf": 302}, "InvalidIdentityToken"),
    ],
)
def test_clocks_may_differ_by_five_minutes(node, provider, changed, code):
    """The five minutes are those of "OIDC federation" in the IAM User Guide."""
    node.role("web", federated_trust(ARN))
    node.now = float(int(node.now))
    times = {name: int(node.now) + offset for name, offset in changed.items()}
    if "exp" in times and times["exp"] < node.now:
        times["iat"] = times["exp"] - 60
    token = provider.token(node.now, **times)
    if code:
        assert refused(node, token)[0] == code
    else:
        assert assume(node, token)["Provider"] == ISSUER


def test_an_expired_token_is_refused_in_aws_words(node, provider):
    node.role("web", federated_trust(ARN))
    now = int(node.now)
    token = provider.token(now - 4000, exp=now - 3000)
    assert refused(node, token) == (
        "ExpiredTokenException",
        f"Token expired: current date/time {now} must be before the expiration date/time "
        f"{now - 3000}",
        400,
    )


# -- claims ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sub", "aud", "exp", "iat"])
def test_a_missing_claim_is_named(node, provider, name):
    node.role("web", federated_trust(ARN))
    token = provider.token(node.now, **{name: None})
    assert refused(node, token) == (
        "InvalidIdentityToken",
        f"Missing a required claim: {name}",
        400,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("exp", value) for value in ("soon", 1.9e9, True, 0, -1, 2**63, [1], {})),
        *(("iat", value) for value in ("now", 1.8e9, True, 0)),
        *(("nbf", value) for value in ("now", 1.8e9, False)),
        *(("sub", value) for value in ("", 7, ["user"], "line\nbreak", "nul\x00")),
    ],
)
def test_a_claim_of_another_type_is_refused(node, provider, name, value):
    node.role("web", federated_trust(ARN))
    code, message, _ = refused(node, provider.token(node.now, **{name: value}))
    assert (code, message) == ("InvalidIdentityToken", f"Invalid value for claim: {name}")


def test_a_subject_of_255_characters_is_the_longest(node, provider):
    node.role("web", federated_trust(ARN))
    assert assume(node, provider.token(node.now, sub="s" * 255))
    assert refused(node, provider.token(node.now, sub="s" * 256))[0] == "IDPRejectedClaim"


# -- the provider ------------------------------------------------------------------------------


def test_a_provider_that_is_not_registered_is_named(node, provider):
    node.role("web", federated_trust(ARN))
    token = provider.token(node.now, iss="https://stranger.example.com")
    assert refused(node, token) == (
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account for https://stranger.example.com",
        400,
    )


def test_a_deleted_provider_proves_nothing_from_the_next_request_on(node, provider):
    node.role("web", federated_trust(ARN))
    token = provider.token(node.now)
    assert assume(node, token)
    node.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
    assert refused(node, token)[0] == "InvalidIdentityToken"


def test_a_provider_that_does_not_answer_is_asked_again_later(node, provider):
    node.role("web", federated_trust(ARN))
    provider.down = True
    token = provider.token(node.now)
    code, _, status = refused(node, token)
    assert (code, status) == ("IDPCommunicationError", 400)
    provider.down = False
    node.now += 10
    assert assume(node, token)


@pytest.mark.parametrize("text", ["not-a-jwt", "a.b.c", "e30.e30.AA", "...."])
def test_what_is_no_jwt_is_refused_in_aws_words(node, provider, text):
    node.role("web", federated_trust(ARN))
    assert refused(node, text) == (
        "InvalidIdentityToken",
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access "
        "Token)",
        400,
    )
