"""What an assertion says stays what an identity provider says: it lifts no Deny, becomes no
condition key of AWS's, and outlives no revocation."""

import json

import pytest
from botocore.exceptions import ClientError

from daypass.store.sessions import revoke_subject
from daypass.tokens import provider_subject
from tests.local_node import allow, session_credentials
from tests.saml import ACTIONS, Federation

TAGS = {"PrincipalTag:Project": ["Marketing"], "PrincipalTag:admin": ["true"]}


def _role(federation: Federation, name: str, *denied: dict) -> str:
    statements = [
        {"Effect": "Allow", "Principal": {"Federated": federation.provider}, "Action": ACTIONS},
        *({"Effect": "Deny", "Principal": {"Federated": federation.provider}, **each}
          for each in denied),
    ]  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return federation.node.role(name, document)


def _assume(federation: Federation, role: str, **further):
    response = federation.response(federation.attributes(role, **further))
    return federation.refused(response, role)[0]


@pytest.mark.parametrize(
    "denied",
    [
        {"Action": "sts:AssumeRoleWithSAML"},
        {"Action": "sts:*"},
        {"Action": "sts:TagSession"},
        {"Action": ACTIONS, "Condition": {"Null": {"aws:RequestTag/Project": "false"}}},
        {"Action": ACTIONS, "Condition": {"StringEquals": {"aws:RequestTag/admin": "true"}}},
        {"Action": ACTIONS, "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "admin"}}},
        {"Action": "sts:TagSession", "Condition": {"StringNotEquals": {"saml:iss": "x"}}},
    ],
)
def test_tags_lift_no_deny_of_the_trust_policy(federation, denied):
    role = _role(federation, "denying", denied)
    assert _assume(federation, role, **TAGS) == "AccessDenied"


def test_tags_and_source_identities_need_their_own_permission(federation):
    role = federation.new_role("plain", Action="sts:AssumeRoleWithSAML")
    assert _assume(federation, role, **TAGS) == "AccessDenied"
    assert _assume(federation, role, SourceIdentity=["alice"]) == "AccessDenied"
    response = federation.response(federation.attributes(role))
    assert federation.assume(response, role)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:SourceIp", "10.0.0.1"),
        ("aws:PrincipalTag/admin", "true"),
        ("aws:username", "root"),
        ("aws:PrincipalArn", "arn:aws:iam::123456789012:root"),
        ("sts:ExternalId", "secret"),
        ("saml:admin", "true"),
        ("saml:iss", "https://evil.example.com"),
        ("saml:doc", "999999999999/Example"),
        ("accounts.google.com:sub", "alice"),
    ],
)
def test_an_attribute_named_like_a_condition_key_is_none(federation, key, value):
    condition = {"StringEquals": {key: value}}
    if key == "aws:SourceIp":
        condition = {"IpAddress": {key: value}}
    role = federation.new_role("conditional", Condition=condition)
    last = key.partition(":")[2]
    sent = {name: [value] for name in (key, key.lower(), last, f"urn:{key}", f"saml:{last}")}
    response = federation.response({**federation.attributes(role), **sent})
    assert federation.refused(response, role)[0] == "AccessDenied"


@pytest.mark.parametrize("url", ["https://saml", "https://SAML", "https://saml/x"])
def test_no_openid_provider_speaks_with_samls_keys(federation, url):
    with pytest.raises(ClientError, match="InvalidInput"):
        federation.node.client("iam").create_open_id_connect_provider(Url=url)


@pytest.mark.parametrize("name", ["aws:x", "AWS:x", "aws:PrincipalTag/x"])
def test_no_tag_begins_as_awss_own_do(federation, name):
    assert _assume(federation, federation.role, **{f"PrincipalTag:{name}": ["v"]}) == (
        "IDPRejectedClaim"
    )


@pytest.mark.parametrize("value", ["*", "?", "${aws:username}", "a*", "<script>", "a\nb"])
def test_a_value_is_no_pattern(federation, value):
    for name in ("RoleSessionName", "SourceIdentity"):
        further = {name: [value]}
        assert _assume(federation, federation.role, **further) == "InvalidIdentityToken"
    role = federation.new_role(
        "home", policy=allow("iam:GetUser", "arn:aws:iam::123456789012:user/${saml:sub}")
    )
    if value.isprintable():
        response = federation.response(federation.attributes(role), subject=value)
        credentials = session_credentials(federation.assume(response, role))
        with pytest.raises(ClientError, match="AccessDenied"):
            federation.node.client("iam", credentials).get_user(UserName="alice")


def test_two_roles_or_names_in_one_value_are_none(federation):
    for pair in (
        f"{federation.role},{federation.provider},{federation.role}",
        f"{federation.role};{federation.provider}",
        f"{federation.provider},{federation.provider}",
        f"{federation.role}x,{federation.provider}",
        federation.role,
        "",
    ):
        attributes = {**federation.attributes(), next(iter(federation.attributes())): [pair]}
        code, message = federation.refused(federation.response(attributes))
        assert code == "InvalidIdentityToken"
        assert "Role and Metadata" in message
    names = federation.attributes(RoleSessionName=["alice", "root"])
    assert federation.refused(federation.response(names))[0] == "InvalidIdentityToken"


def test_revoking_the_provider_ends_its_sessions_and_what_descends_from_them(federation):
    node = federation.node
    chained = node.role(
        "chained", json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": federation.role}, "Action": "sts:AssumeRole"},
        ]})
    )  # fmt: skip
    role = federation.new_role("first", policy=allow("sts:AssumeRole"))
    first = session_credentials(
        federation.assume(federation.response(federation.attributes(federation.role)))
    )
    other = node.assume(node.user("bob", allow("sts:*")), _trusting_bob(federation))
    second = node.assume(first, chained)
    for credentials in (first, second, other):
        assert node.client("sts", credentials).get_caller_identity()
    node.now += 1
    node.store.write_now(
        lambda transaction: revoke_subject(
            transaction, provider_subject(federation.provider), node.now, node.now
        )
    )
    for credentials in (first, second):
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            node.client("sts", credentials).get_caller_identity()
    assert node.client("sts", other).get_caller_identity()
    node.now += 1
    fresh = federation.assume(federation.response(federation.attributes(role)), role)
    assert node.client("sts", session_credentials(fresh)).get_caller_identity()


def _trusting_bob(federation: Federation) -> str:
    account = federation.node.node.account_id
    document = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"},
    ]}  # fmt: skip
    return federation.node.role("bobs", json.dumps(document))
