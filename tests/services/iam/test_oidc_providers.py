"""OpenID Connect providers, as botocore manages them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from daypass.gateway.respond import Gateway
from tests.local_node import ACCOUNT, LocalNode, allow, local_node

URL = "https://accounts.example.com/tenant"
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/accounts.example.com/tenant"
THUMBPRINT = "990f4193972f2becf12ddeda5237f9c952f20d9e"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    for made in local_node(tmp_path, monkeypatch):
        # As a server is that was told nothing: only https, no ports.
        made.node = replace(made.node, oidc_allow_private=False)
        made.gateway = Gateway(made.node, made.gateway.services, explain=True)
        yield made


@pytest.fixture
def iam(node: LocalNode) -> Any:
    return node.client("iam")


def create(iam: Any, **given: Any) -> dict[str, Any]:
    return iam.create_open_id_connect_provider(**{"Url": URL, **given})


def refusal(call: Any, **given: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    response = caught.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return response["Error"]["Code"], response["Error"]["Message"], status


def test_a_provider_is_created_shown_listed_and_deleted(node, iam):
    made = create(
        iam,
        ClientIDList=["one", "two", "one"],
        ThumbprintList=[THUMBPRINT.upper()],
        Tags=[{"Key": "team", "Value": "blue"}],
    )
    assert made["OpenIDConnectProviderArn"] == ARN
    assert made["Tags"] == [{"Key": "team", "Value": "blue"}]
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
    # AWS shows the URL without its scheme.
    assert shown["Url"] == "accounts.example.com/tenant"
    assert shown["ClientIDList"] == ["one", "two"]
    assert shown["ThumbprintList"] == [THUMBPRINT]
    assert int(shown["CreateDate"].timestamp()) == int(node.now)
    assert shown["Tags"] == [{"Key": "team", "Value": "blue"}]
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert listed == [{"Arn": ARN}]
    assert iam.get_account_summary()["SummaryMap"]["Providers"] == 1
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_the_same_url_is_registered_once(iam):
    create(iam)
    code, message, status = refusal(iam.create_open_id_connect_provider, Url=URL)
    assert (code, status) == ("EntityAlreadyExists", 409)
    assert message == f"Provider with url {URL} already exists."


def test_a_path_is_part_of_the_provider_and_so_is_a_last_slash(iam):
    create(iam)
    create(iam, Url=f"{URL}/")
    create(iam, Url="https://accounts.example.com")
    assert len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]) == 3


_BEGIN = "Invalid Open ID Connect Provider URL. The URL must begin with https://."
_WRONG = "Invalid Open ID Connect Provider URL."


@pytest.mark.parametrize(
    ("url", "code", "message"),
    [
        # The first eight as recorded at AWS.
        ("example.com", "ValidationError", "Invalid Open ID Connect Provider URL"),
        ("https://", "ValidationError", "Invalid Open ID Connect Provider URL"),
        ("http://example.com", "InvalidInput", _BEGIN),
        ("https://user:pass@example.com", "InvalidInput", _WRONG),
        ("https://example.com?foo=1", "InvalidInput", _WRONG),
        ("https://example.com#frag", "InvalidInput", _WRONG),
        ("https://example.com:8443", "InvalidInput", _WRONG),
        ("https://exa_mple.com", "InvalidInput", _WRONG),
        ("ftp://example.com", "InvalidInput", _BEGIN),
        ("https://example.com/a b", "InvalidInput", _WRONG),
        ("https://example.com/\t", "InvalidInput", _WRONG),
        ("https://exam\nple.com", "InvalidInput", _WRONG),
        ("https://example.com:99999", "InvalidInput", _WRONG),
        ("https://[::1]", "InvalidInput", _WRONG),
        ("https://ex\u00e4mple.com", "InvalidInput", _WRONG),
        ("https://example..com", "InvalidInput", _WRONG),
        ("https://-example.com", "InvalidInput", _WRONG),
        ("https://aws", "InvalidInput", _WRONG),
        ("https://sts/path", "InvalidInput", _WRONG),
    ],
)
def test_a_url_that_no_issuer_has_is_refused(iam, url, code, message):
    assert refusal(iam.create_open_id_connect_provider, Url=url) == (code, message, 400)


def test_the_longest_url_has_255_characters(iam):
    create(iam, Url="https://example.com/".ljust(255, "a"))
    code, message, _ = refusal(
        iam.create_open_id_connect_provider, Url="https://example.com/".ljust(256, "a")
    )
    assert code == "ValidationError"
    assert "length less than or equal to 255" in message


def test_limits_of_lists(iam):
    hundred = [f"client-{number}" for number in range(100)]
    five = [f"{number:040}" for number in range(5)]
    create(iam, ClientIDList=hundred, ThumbprintList=five)
    assert refusal(
        iam.add_client_id_to_open_id_connect_provider,
        OpenIDConnectProviderArn=ARN,
        ClientID="one-more",
    ) == ("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", 409)
    other = {"Url": "https://other.example.com"}
    assert refusal(
        iam.create_open_id_connect_provider, **other, ClientIDList=[*hundred, "one-more"]
    ) == ("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", 409)
    assert refusal(
        iam.create_open_id_connect_provider, **other, ThumbprintList=[*five, "f" * 40]
    ) == ("InvalidInput", "Thumbprint list must contain fewer than 5 entries.", 400)
    for wrong in ("a" * 39, "a" * 41):
        code, message, _ = refusal(
            iam.create_open_id_connect_provider, **other, ThumbprintList=[wrong]
        )
        assert code == "ValidationError"
        assert "at 'thumbprintList" in message
    assert refusal(iam.create_open_id_connect_provider, **other, ThumbprintList=["z" * 40])[0] == (
        "InvalidInput"
    )
    assert refusal(iam.create_open_id_connect_provider, **other, ClientIDList=["c" * 256])[0] == (
        "ValidationError"
    )


def test_an_account_has_a_hundred_providers(iam):
    for number in range(100):
        create(iam, Url=f"https://example.com/{number}")
    code, message, status = refusal(iam.create_open_id_connect_provider, Url=URL)
    assert (code, status) == ("LimitExceeded", 409)
    assert message == "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100"


def test_client_ids_are_added_and_removed_as_often_as_one_likes(iam):
    create(iam, ClientIDList=["one"])
    named = {"OpenIDConnectProviderArn": ARN}
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
    assert iam.get_open_id_connect_provider(**named)["ClientIDList"] == ["one", "two"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="one")
    assert iam.get_open_id_connect_provider(**named)["ClientIDList"] == ["two"]


def test_thumbprints_are_replaced_as_a_whole(iam):
    create(iam, ThumbprintList=["a" * 40])
    named = {"OpenIDConnectProviderArn": ARN}
    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=[THUMBPRINT])
    assert iam.get_open_id_connect_provider(**named)["ThumbprintList"] == [THUMBPRINT]


def test_tags(iam):
    create(iam, Tags=[{"Key": "Team", "Value": "blue"}])
    named = {"OpenIDConnectProviderArn": ARN}
    iam.tag_open_id_connect_provider(
        **named, Tags=[{"Key": "team", "Value": "red"}, {"Key": "x", "Value": "y"}]
    )
    tags = iam.list_open_id_connect_provider_tags(**named)["Tags"]
    assert tags == [{"Key": "team", "Value": "red"}, {"Key": "x", "Value": "y"}]
    iam.untag_open_id_connect_provider(**named, TagKeys=["TEAM"])
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == [{"Key": "x", "Value": "y"}]
    many = [{"Key": f"k{number}", "Value": "v"} for number in range(50)]
    assert refusal(iam.tag_open_id_connect_provider, **named, Tags=many) == (
        "LimitExceeded",
        "Cannot exceed quota for TagsPerOpenIdConnectProvider: 50",
        409,
    )
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    assert refusal(iam.tag_open_id_connect_provider, **named, Tags=twice)[0] == "InvalidInput"


@pytest.mark.parametrize(
    ("operation", "further"),
    [
        ("get_open_id_connect_provider", {}),
        ("delete_open_id_connect_provider", {}),
        ("add_client_id_to_open_id_connect_provider", {"ClientID": "x"}),
        ("remove_client_id_from_open_id_connect_provider", {"ClientID": "x"}),
        ("update_open_id_connect_provider_thumbprint", {"ThumbprintList": []}),
        ("tag_open_id_connect_provider", {"Tags": []}),
        ("untag_open_id_connect_provider", {"TagKeys": []}),
        ("list_open_id_connect_provider_tags", {}),
    ],
)
def test_a_provider_that_does_not_exist_is_not_found(iam, operation, further):
    call = getattr(iam, operation)
    assert refusal(call, OpenIDConnectProviderArn=ARN, **further) == (
        "NoSuchEntity",
        f"OpenIDConnect Provider not found for arn {ARN}",
        404,
    )


def test_identity_policies_control_them_by_arn_and_tag(node, iam):
    create(iam, Tags=[{"Key": "team", "Value": "blue"}])
    condition = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
    blue = node.user("blue", allow("iam:GetOpenIDConnectProvider", ARN, Condition=condition))
    named = {"OpenIDConnectProviderArn": ARN}
    node.client("iam", blue).get_open_id_connect_provider(**named)
    iam.untag_open_id_connect_provider(**named, TagKeys=["team"])
    code, message, _ = refusal(node.client("iam", blue).get_open_id_connect_provider, **named)
    assert code == "AccessDenied"
    assert f"iam:GetOpenIDConnectProvider on resource: {ARN}" in message
    creator = node.user("creator", allow("iam:CreateOpenIDConnectProvider"))
    other = {"Url": "https://other.example.com", "Tags": [{"Key": "a", "Value": "b"}]}
    code, message, _ = refusal(node.client("iam", creator).create_open_id_connect_provider, **other)
    assert "iam:TagOpenIDConnectProvider" in message


def test_trusted_identity_propagation_is_refused_rather_than_ignored(iam):
    code, message, _ = refusal(
        iam.create_open_id_connect_provider, Url=URL, ContextProvider={"SubjectSourceKey": "sub"}
    )
    assert code == "InvalidInput"
    assert "IAM Identity Center" in message


# -- trust policies that name providers ----------------------------------------------------------


def trust_with(provider: str, condition: Any = None) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    if condition is not None:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


GITHUB = "token.actions.githubusercontent.com"
GITHUB_ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {f"{GITHUB}:sub": "repo:acme/app:ref:refs/heads/main"}},
        {"StringLike": {f"{GITHUB}:sub": "repo:acme/*"}},
        {"StringLike": {f"{GITHUB}:SUB": ["repo:acme/a:*", "repo:acme/b:*"]}},
        {"ForAnyValue:StringLike": {f"{GITHUB}:sub": "repo:acme/*"}},
        {"StringEqualsIgnoreCase": {f"{GITHUB}:sub": "repo:acme/app:environment:prod"}},
    ],
)
def test_github_is_trusted_for_an_organization_that_is_named(iam, condition):
    iam.create_role(RoleName="ci", AssumeRolePolicyDocument=trust_with(GITHUB_ARN, condition))


@pytest.mark.parametrize("provider", ["not-a-provider", "arn:aws:iam::1:oidc-provider/x", ARN[:-1]])
def test_a_federated_principal_is_a_provider(iam, provider):
    document = trust_with(provider)
    if provider.startswith("arn:aws:iam::1234"):
        iam.create_role(RoleName="web", AssumeRolePolicyDocument=document)
        return
    assert refusal(iam.create_role, RoleName="web", AssumeRolePolicyDocument=document) == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "Federated":"{provider}"',
        400,
    )
