"""Versions, aliases and qualifiers through boto3, with AWS's answers and errors.

The wordings are those that AWS gave where its answers were recorded by others (LocalStack's
snapshots, floci's measurements).
"""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.clients.test_lambda import ECHO, refused
from tests.conftest import Server
from tests.functions import call_url, create_role, create_user, deploy, invoke, pack

NAMES_ITSELF = """
import os
def handler(event, context):
    return [{label!r}, context.function_version, context.invoked_function_arn,
            os.environ["AWS_LAMBDA_FUNCTION_VERSION"]]
"""


def numbered(label: str) -> str:
    return NAMES_ITSELF.replace("{label!r}", repr(label))


@pytest.fixture(scope="module")
def role(server: Server) -> str:
    return create_role(server, "lambda-versions")


def arn_of(server: Server, name: str) -> str:
    return f"arn:aws:lambda:{server.region}:{server.account_id}:function:{name}"


def publish(server: Server, name: str, source: str, **parameters: Any) -> str:
    """Make this the code of $LATEST and publish it; the version."""
    version: str = server.client("lambda").update_function_code(
        FunctionName=name, ZipFile=pack({"app.py": source}), Publish=True, **parameters
    )["Version"]
    return version


@pytest.fixture(scope="module")
def versioned(server: Server, role: str) -> str:
    """A function with versions 1 and 2, $LATEST beyond both, and the aliases v1 and newest."""
    client = server.client("lambda")
    deploy(server, "versioned", numbered("one"), role=role, Publish=True)
    publish(server, "versioned", numbered("two"))
    client.update_function_code(
        FunctionName="versioned", ZipFile=pack({"app.py": numbered("three")})
    )
    client.create_alias(FunctionName="versioned", Name="v1", FunctionVersion="1")
    client.create_alias(FunctionName="versioned", Name="newest", FunctionVersion="$LATEST")
    return "versioned"


# -- versions --------------------------------------------------------------------------------


def test_publishing(server: Server, role: str) -> None:
    client = server.client("lambda")
    deploy(server, "published", ECHO, role=role)
    latest = client.get_function_configuration(FunctionName="published")
    arn = latest["FunctionArn"]

    assert refused(client.publish_version, FunctionName="published", CodeSha256="other") == (
        "InvalidParameterValueException",
        f"CodeSHA256 (other) is different from current CodeSHA256 in $LATEST "
        f"({latest['CodeSha256']}). Please try again with the CodeSHA256 in $LATEST.",
        400,
    )
    assert refused(client.publish_version, FunctionName="published", RevisionId="other")[0] == (
        "PreconditionFailedException"
    )
    first = client.publish_version(
        FunctionName="published",
        CodeSha256=latest["CodeSha256"],
        RevisionId=latest["RevisionId"],
        Description="the first",
    )
    assert first["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (first["FunctionArn"], first["Version"]) == (f"{arn}:1", "1")
    assert (first["Description"], first["State"]) == ("the first", "Active")
    client.get_waiter("published_version_active").wait(FunctionName="published", Qualifier="1")
    # Without a change there is nothing to publish.
    again = client.publish_version(FunctionName="published", Description="again")
    assert (again["Version"], again["RevisionId"]) == ("1", first["RevisionId"])

    updated = client.update_function_code(
        FunctionName="published", ZipFile=pack({"app.py": ECHO + "\n"}), Publish=True
    )
    assert (updated["Version"], updated["FunctionArn"]) == ("2", f"{arn}:2")
    listed = client.list_versions_by_function(FunctionName="published")["Versions"]
    assert [found["Version"] for found in listed] == ["$LATEST", "1", "2"]
    assert [found["FunctionArn"] for found in listed] == [f"{arn}:$LATEST", f"{arn}:1", f"{arn}:2"]
    assert "State" not in listed[0]
    pages = client.get_paginator("list_versions_by_function").paginate(
        FunctionName="published", PaginationConfig={"PageSize": 1}
    )
    assert [page["Versions"][0]["Version"] for page in pages] == ["$LATEST", "1", "2"]


def test_a_function_can_be_made_as_version_1(server: Server, role: str) -> None:
    client = server.client("lambda")
    created = client.create_function(
        FunctionName="born-published",
        Runtime="python3.12",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": pack({"app.py": ECHO})},
        Publish=True,
    )
    assert created["Version"] == "1"
    assert client.get_function(FunctionName="born-published")["Configuration"]["Version"] == (
        "$LATEST"
    )
    # An update that changes nothing publishes nothing.
    same = client.update_function_code(
        FunctionName="born-published", ZipFile=pack({"app.py": ECHO}), Publish=True
    )
    assert same["Version"] == "1"


def test_a_qualifier_says_what_runs(server: Server, versioned: str) -> None:
    client = server.client("lambda")
    arn = arn_of(server, versioned)
    expected = {
        "": ("three", "$LATEST"),
        "$LATEST": ("three", "$LATEST"),
        "1": ("one", "1"),
        "2": ("two", "2"),
        "v1": ("one", "1"),
        "newest": ("three", "$LATEST"),
    }
    for qualifier, (label, version) in expected.items():
        invoked = f"{arn}:{qualifier}" if qualifier else arn
        named: list[dict[str, str]] = [{"FunctionName": invoked}]
        if qualifier:
            named += [
                {"FunctionName": versioned, "Qualifier": qualifier},
                {"FunctionName": f"{server.account_id}:function:{versioned}:{qualifier}"},
            ]
        for parameters in named:
            answer = client.invoke(**parameters)
            assert answer["ExecutedVersion"] == version
            assert json.loads(answer["Payload"].read()) == [label, version, invoked, version]


def test_a_qualifier_says_what_is_described(server: Server, versioned: str) -> None:
    client = server.client("lambda")
    arn = arn_of(server, versioned)
    for qualifier, version in (("$LATEST", "$LATEST"), ("1", "1"), ("v1", "1")):
        for shown in (
            client.get_function(FunctionName=versioned, Qualifier=qualifier)["Configuration"],
            client.get_function_configuration(FunctionName=f"{versioned}:{qualifier}"),
        ):
            assert (shown["FunctionArn"], shown["Version"]) == (f"{arn}:{qualifier}", version)
    for absent in ("3", "nobody"):
        for call in (client.get_function, client.get_function_configuration, client.invoke):
            assert refused(call, FunctionName=versioned, Qualifier=absent) == (
                "ResourceNotFoundException",
                f"Function not found: {arn}:{absent}",
                404,
            )


def test_environments_are_of_one_version(server: Server, role: str) -> None:
    source = (
        "runs = 0\ndef handler(event, context):\n    global runs\n    runs += 1\n    return runs\n"
    )
    deploy(server, "counting", source, role=role, Publish=True)

    client = server.client("lambda")

    def runs(qualifier: str) -> Any:
        answer = client.invoke(FunctionName="counting", Qualifier=qualifier)
        return json.loads(answer["Payload"].read())

    # Turn by turn: neither takes the other's environment, nor ends it.
    counts = [(runs("1"), runs("$LATEST")) for _ in range(3)]
    assert counts == [(1, 1), (2, 2), (3, 3)]
    # A change of $LATEST leaves the version's environment as it is.
    client.update_function_configuration(FunctionName="counting", Timeout=9)
    assert (runs("1"), runs("$LATEST")) == (4, 1)


def test_every_version_is_listed_with_all_functions(server: Server, versioned: str) -> None:
    client = server.client("lambda")
    pages = client.get_paginator("list_functions").paginate(
        FunctionVersion="ALL", PaginationConfig={"PageSize": 7}
    )
    found = [
        (shown["FunctionName"], shown["Version"], shown["FunctionArn"])
        for page in pages
        for shown in page["Functions"]
    ]
    arn = arn_of(server, versioned)

    assert [entry[1:] for entry in found if entry[0] == versioned] == [
        ("$LATEST", f"{arn}:$LATEST"),
        ("1", f"{arn}:1"),
        ("2", f"{arn}:2"),
    ]
    assert len(found) == len(set(found))


def test_deleting_a_version(server: Server, role: str) -> None:
    client = server.client("lambda")
    deploy(server, "pruned", numbered("one"), role=role, Publish=True)
    publish(server, "pruned", numbered("two"))
    client.create_alias(FunctionName="pruned", Name="live", FunctionVersion="1")

    def delete(qualifier: str) -> tuple[str, str, int]:
        return refused(client.delete_function, FunctionName="pruned", Qualifier=qualifier)

    assert delete("1") == (
        "ResourceConflictException",
        "Unable to delete version because the following aliases reference it: [live]",
        409,
    )
    assert delete("$LATEST") == (
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
        400,
    )
    assert delete("live")[0] == "InvalidParameterValueException"
    client.delete_function(FunctionName="pruned:2")
    # One that is not there is deleted already.
    client.delete_function(FunctionName="pruned", Qualifier="99")
    listed = client.list_versions_by_function(FunctionName="pruned")["Versions"]
    assert [found["Version"] for found in listed] == ["$LATEST", "1"]
    assert invoke(server, "pruned", Qualifier="live")["Payload"][0] == "one"
    # What it had been is not in its successor's way.
    assert publish(server, "pruned", numbered("three")) == "3"


def test_of_updates_at_once_each_is_whole_or_refused(server: Server, role: str) -> None:
    client = server.client("lambda")
    deploy(server, "contended", ECHO, role=role)
    arn = arn_of(server, "contended")

    def update(timeout: int) -> tuple[str, str] | None:
        try:
            client.update_function_configuration(
                FunctionName="contended", Timeout=timeout, MemorySize=100 + timeout * 100
            )
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        return None

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(update, range(1, 17)))
    assert None in outcomes
    assert set(outcomes) - {None} <= {
        (
            "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress for "
            f"resource: {arn}",
        )
    }
    found = client.get_function_configuration(FunctionName="contended")
    assert outcomes[found["Timeout"] - 1] is None
    assert found["MemorySize"] == 100 + found["Timeout"] * 100


# -- aliases ---------------------------------------------------------------------------------


def test_the_life_of_an_alias(server: Server, versioned: str) -> None:
    client = server.client("lambda")
    created = client.create_alias(
        FunctionName=versioned,
        Name="live",
        FunctionVersion="1",
        Description="what users get",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.2}},
    )
    assert created.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    revision = created["RevisionId"]
    arn = f"{arn_of(server, versioned)}:live"
    assert created == {
        "AliasArn": arn,
        "Name": "live",
        "FunctionVersion": "1",
        "Description": "what users get",
        "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.2}},
        "RevisionId": revision,
    }
    found = client.get_alias(FunctionName=versioned, Name="live")
    del found["ResponseMetadata"]
    assert found == created
    assert refused(
        client.create_alias, FunctionName=versioned, Name="live", FunctionVersion="1"
    ) == ("ResourceConflictException", f"Alias already exists: {arn}", 409)
    assert refused(client.update_alias, FunctionName=versioned, Name="live", RevisionId="other")[
        ::2
    ] == ("PreconditionFailedException", 412)

    updated = client.update_alias(
        FunctionName=versioned,
        Name="live",
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {}},
        RevisionId=revision,
    )
    assert (updated["FunctionVersion"], updated["Description"]) == ("2", "what users get")
    assert "RoutingConfig" not in updated
    assert updated["RevisionId"] != revision
    listed = client.list_aliases(FunctionName=versioned)["Aliases"]
    assert [alias["Name"] for alias in listed] == ["live", "newest", "v1"]
    of_2 = client.list_aliases(FunctionName=versioned, FunctionVersion="2")["Aliases"]
    assert [alias["Name"] for alias in of_2] == ["live"]
    pages = client.get_paginator("list_aliases").paginate(
        FunctionName=versioned, PaginationConfig={"PageSize": 2}
    )
    assert [len(page["Aliases"]) for page in pages] == [2, 1]
    for _ in range(2):  # it is idempotent
        answer = client.delete_alias(FunctionName=versioned, Name="live")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(client.get_alias, FunctionName=versioned, Name="live") == (
        "ResourceNotFoundException",
        f"Cannot find alias arn: {arn}",
        404,
    )


@pytest.mark.parametrize(
    ("version", "weights", "code", "message"),
    [
        (
            "1",
            {"1": 0.5},
            "InvalidParameterValueException",
            "Invalid function version 1. Function version 1 is already included in routing "
            "configuration.",
        ),
        (
            "1",
            {"2": 0.1, "3": 0.1},
            "InvalidParameterValueException",
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ),
        (
            "$LATEST",
            {"1": 0.5},
            "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
        (
            "1",
            {"$LATEST": 0.5},
            "ValidationException",
            "1 validation error detected: Value '{{$LATEST=0.5}}' at "
            "'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must "
            "satisfy constraint: [Member must have length less than or equal to 1024, Member must "
            "have length greater than or equal to 1, Member must satisfy regular expression "
            "pattern: [0-9]+, Member must not be null]",
        ),
        ("1", {"10": 0.5}, "ResourceNotFoundException", "Function not found: {arn}:10"),
        ("10", {}, "ResourceNotFoundException", "Function not found: {arn}:10"),
    ],
)
def test_aliases_that_cannot_be(
    server: Server, versioned: str, version: str, weights: dict[str, float], code: str, message: str
) -> None:
    assert refused(
        server.client("lambda").create_alias,
        FunctionName=versioned,
        Name="impossible",
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": weights},
    )[:2] == (code, message.format(arn=arn_of(server, versioned)))


def test_weights_share_the_load(server: Server, versioned: str) -> None:
    client = server.client("lambda")
    client.create_alias(
        FunctionName=versioned,
        Name="shared",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    executed = Counter(
        client.invoke(FunctionName=versioned, Qualifier="shared")["ExecutedVersion"]
        for _ in range(60)
    )
    # Fewer than five of sixty have a chance of one in a hundred billion.
    assert min(executed["1"], executed["2"]) >= 5
    client.update_alias(
        FunctionName=versioned,
        Name="shared",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.0}},
    )
    executed = Counter(
        client.invoke(FunctionName=versioned, Qualifier="shared")["ExecutedVersion"]
        for _ in range(10)
    )
    assert executed == {"1": 10}
    client.delete_alias(FunctionName=versioned, Name="shared")


# -- policies and URLs of qualifiers ---------------------------------------------------------


def test_a_permission_is_for_the_qualifier_it_names(server: Server, versioned: str) -> None:
    client = server.client("lambda")
    guest = server.client("lambda", **create_user(server, "version-guest"))
    arn = arn_of(server, versioned)
    given = {
        "StatementId": "guest",
        "Action": "lambda:InvokeFunction",
        "Principal": f"arn:aws:iam::{server.account_id}:user/version-guest",
    }
    before = client.get_alias(FunctionName=versioned, Name="v1")["RevisionId"]
    statement = client.add_permission(
        FunctionName=versioned, Qualifier="v1", RevisionId=before, **given
    )["Statement"]

    assert json.loads(statement)["Resource"] == f"{arn}:v1"
    policy = client.get_policy(FunctionName=versioned, Qualifier="v1")
    assert policy["RevisionId"] == client.get_alias(FunctionName=versioned, Name="v1")["RevisionId"]
    assert policy["RevisionId"] != before
    assert refused(client.get_policy, FunctionName=versioned)[0] == "ResourceNotFoundException"
    assert guest.invoke(FunctionName=versioned, Qualifier="v1")["ExecutedVersion"] == "1"
    # The version behind the alias, the function, and $LATEST were not given away with it.
    for qualifier in ("1", "$LATEST", "newest"):
        assert refused(guest.invoke, FunctionName=versioned, Qualifier=qualifier)[2] == 403
    assert refused(guest.invoke, FunctionName=versioned)[2] == 403
    # The same id is another statement in another policy.
    client.add_permission(FunctionName=versioned, Qualifier="2", **given)
    assert guest.invoke(FunctionName=f"{arn}:2")["ExecutedVersion"] == "2"
    client.remove_permission(FunctionName=versioned, Qualifier="v1", StatementId="guest")
    assert refused(guest.invoke, FunctionName=versioned, Qualifier="v1")[2] == 403
    assert refused(client.add_permission, FunctionName=versioned, Qualifier="gone", **given) == (
        "ResourceNotFoundException",
        f"Cannot find alias arn: {arn}:gone",
        404,
    )
    assert refused(client.add_permission, FunctionName=versioned, Qualifier="77", **given)[1] == (
        f"Function not found: {arn}:77"
    )


def test_an_alias_has_a_url_of_its_own(server: Server, versioned: str) -> None:
    client = server.client("lambda")
    client.tag_resource(Resource=arn_of(server, versioned), Tags={"daypass:url-id:v1": "a" * 32})
    created = client.create_function_url_config(
        FunctionName=versioned, Qualifier="v1", AuthType="AWS_IAM"
    )
    url = created["FunctionUrl"]
    own = client.create_function_url_config(FunctionName=versioned, AuthType="AWS_IAM")

    assert "a" * 32 in url
    assert created["FunctionArn"] == f"{arn_of(server, versioned)}:v1"
    assert own["FunctionArn"] == arn_of(server, versioned)
    assert call_url(server, url).json()[:3] == ["one", "1", created["FunctionArn"]]
    assert call_url(server, own["FunctionUrl"]).json()[:3] == [
        "three",
        "$LATEST",
        own["FunctionArn"],
    ]
    listed = client.list_function_url_configs(FunctionName=versioned)["FunctionUrlConfigs"]
    assert [found["FunctionUrl"] for found in listed] == [own["FunctionUrl"], url]
    pages = client.get_paginator("list_function_url_configs").paginate(
        FunctionName=versioned, PaginationConfig={"PageSize": 1}
    )
    assert [len(page["FunctionUrlConfigs"]) for page in pages] == [1, 1]
    for version in ("1", "$LATEST"):
        code, message, _ = refused(
            client.create_function_url_config,
            FunctionName=versioned,
            Qualifier=version,
            AuthType="NONE",
        )
        assert code == "ValidationException"
        assert "((?!^\\d+$)^[0-9a-zA-Z-_]+$)" in message
    assert refused(
        client.create_function_url_config,
        FunctionName=versioned,
        Qualifier="nobody",
        AuthType="NONE",
    )[:2] == ("ResourceNotFoundException", "Function does not exist")
    client.delete_function_url_config(FunctionName=versioned)
    assert call_url(server, own["FunctionUrl"]).json() == {"Message": None}
    assert call_url(server, url).status_code == 200
    client.delete_function_url_config(FunctionName=versioned, Qualifier="v1")


def test_the_url_of_a_deleted_alias_is_forbidden(server: Server, versioned: str) -> None:
    client = server.client("lambda")
    client.create_alias(FunctionName=versioned, Name="doomed", FunctionVersion="1")
    url = client.create_function_url_config(
        FunctionName=versioned, Qualifier="doomed", AuthType="NONE"
    )["FunctionUrl"]
    client.delete_alias(FunctionName=versioned, Name="doomed")
    answer = httpx.get(url)

    assert answer.status_code == 403
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert answer.json()["Message"].startswith("Forbidden. For troubleshooting Function URL")
