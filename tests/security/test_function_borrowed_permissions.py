"""Lambda lends nobody its own access: code from S3 and layers need the caller's permissions.

A confused deputy reads what its caller cannot: a service that fetches code with its own rights
hands every bucket to whoever may create a function.
"""

import json
import sqlite3
import time
from typing import Any

import pytest

from tests.clients.test_lambda import ECHO, refused
from tests.conftest import Server
from tests.functions import allow, create_role, create_user, pack

DENIED = (
    "Your access has been denied by S3, please make sure your request credentials have permission "
    "to GetObject for borrowed-code/{key}. S3 Error Code: AccessDenied. S3 Error Message: Access "
    "Denied"
)


@pytest.fixture(scope="module")
def role(server: Server) -> str:
    return create_role(server, "borrowed-permissions")


@pytest.fixture(scope="module")
def layer(server: Server) -> str:
    server.client("s3").create_bucket(Bucket="borrowed-code")
    server.client("s3").put_object(
        Bucket="borrowed-code", Key="app.zip", Body=pack({"app.py": ECHO})
    )
    arn: str = server.client("lambda").publish_layer_version(
        LayerName="borrowed-layer", Content={"ZipFile": pack({"x": ""})}
    )["LayerVersionArn"]
    return arn


def creation(role: str, **changes: Any) -> dict[str, Any]:
    return {
        "FunctionName": "never-borrowed",
        "Runtime": "python3.12",
        "Role": role,
        "Handler": "app.handler",
        "Code": {"ZipFile": pack({"app.py": ECHO})},
        **changes,
    }


def user(server: Server, name: str, role: str, *statements: Any) -> Any:
    """A Lambda client of a user who may create functions with that role, and these."""
    can = [
        allow(["lambda:CreateFunction", "lambda:PublishLayerVersion", "lambda:UpdateFunctionCode"]),
        allow("iam:PassRole", role),
    ]
    return server.client("lambda", **create_user(server, name, *can, *statements))


def test_code_from_a_bucket_one_may_not_read(server: Server, role: str, layer: str) -> None:
    client = user(server, "no-bucket-reader", role)
    for key in ("app.zip", "absent.zip"):
        code = {"S3Bucket": "borrowed-code", "S3Key": key}
        expected = ("AccessDeniedException", DENIED.format(key=key), 403)
        assert refused(client.create_function, **creation(role, Code=code)) == expected
        assert refused(client.publish_layer_version, LayerName="l", Content=code) == expected


def test_what_a_bucket_lacks_is_told_to_those_who_may_list_it(
    server: Server, role: str, layer: str
) -> None:
    objects = "arn:aws:s3:::borrowed-code/*"
    reader = user(server, "bucket-reader", role, allow("s3:GetObject", objects))
    lister = user(
        server,
        "bucket-lister",
        role,
        allow("s3:GetObject", objects),
        allow("s3:ListBucket", "arn:aws:s3:::borrowed-code"),
    )
    absent = creation(role, Code={"S3Bucket": "borrowed-code", "S3Key": "absent.zip"})

    assert refused(reader.create_function, **absent)[0] == "AccessDeniedException"
    assert "NoSuchKey" in refused(lister.create_function, **absent)[1]


def test_a_deny_on_the_bucket_holds_for_lambda_too(server: Server, role: str, layer: str) -> None:
    client = user(
        server,
        "denied-bucket-reader",
        role,
        allow("s3:*"),
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::borrowed-code/app*"},
    )
    code = {"S3Bucket": "borrowed-code", "S3Key": "app.zip"}
    assert refused(client.create_function, **creation(role, Code=code))[0] == (
        "AccessDeniedException"
    )


def test_a_layer_one_may_not_get(server: Server, role: str, layer: str) -> None:
    client = user(server, "no-layer-user", role)
    code, message, status = refused(client.create_function, **creation(role, Layers=[layer]))

    assert (code, status) == ("AccessDeniedException", 403)
    assert f"lambda:GetLayerVersion on resource: {layer}" in message
    # Its own policy lets everybody have it.
    server.client("lambda").add_layer_version_permission(
        LayerName="borrowed-layer",
        VersionNumber=1,
        StatementId="all",
        Action="lambda:GetLayerVersion",
        Principal="*",
    )
    client.create_function(**creation(role, FunctionName="borrowed-layered", Layers=[layer]))


def test_a_layer_of_another_account(server: Server, role: str) -> None:
    other = f"arn:aws:lambda:{server.region}:210987654321:layer:theirs:1"
    client = user(server, "foreign-layer-user", role, allow("lambda:*"))
    code, message, _ = refused(client.create_function, **creation(role, Layers=[other]))

    assert code == "AccessDeniedException"
    assert f"lambda:GetLayerVersion on resource: {other}" in message


def test_a_policy_can_say_which_layers_functions_have(
    server: Server, role: str, layer: str
) -> None:
    approved = f"{layer.rpartition(':')[0]}:*"
    only = {
        "Effect": "Deny",
        "Action": ["lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"],
        "Resource": "*",
        "Condition": {"ForAnyValue:StringNotLike": {"lambda:Layer": [approved]}},
    }
    client = user(server, "approved-layer-user", role, allow("lambda:GetLayerVersion"), only)
    unapproved = server.client("lambda").publish_layer_version(
        LayerName="unapproved", Content={"ZipFile": pack({"x": ""})}
    )["LayerVersionArn"]

    assert (
        "explicit deny"
        in refused(client.create_function, **creation(role, Layers=[layer, unapproved]))[1]
    )
    client.create_function(**creation(role, FunctionName="approved-layers", Layers=[layer]))


def test_a_permission_for_a_services_source_lets_nobody_else_in(server: Server, role: str) -> None:
    """The conditions that keep a service from being a confused deputy hold for every caller."""
    root = server.client("lambda")
    root.create_function(**creation(role, FunctionName="has-a-source"))
    headers = {
        "aws-sourceaccount": server.account_id,
        "x-amz-source-account": server.account_id,
        "x-amz-source-arn": "arn:aws:s3:::source",
        "x-amz-invokedviafunctionurl": "true",
    }
    guest = server.client("lambda", **create_user(server, "claims-a-source"))

    def claim(request: Any, **_: Any) -> None:
        for name, value in headers.items():
            request.headers[name] = value

    guest.meta.events.register("before-sign.lambda.Invoke", claim)
    for number, condition in enumerate(
        [
            {"SourceAccount": server.account_id},
            {"SourceArn": "arn:aws:s3:::source"},
            {"PrincipalOrgID": "o-abc1234567"},
            {"InvokedViaFunctionUrl": True},
        ]
    ):
        root.add_permission(
            FunctionName="has-a-source",
            StatementId=f"s{number}",
            Action="lambda:InvokeFunction",
            Principal="*",
            **condition,
        )
        assert refused(guest.invoke, FunctionName="has-a-source")[2] == 403
    root.add_permission(
        FunctionName="has-a-source",
        StatementId="everybody",
        Action="lambda:InvokeFunction",
        Principal="*",
    )
    assert guest.invoke(FunctionName="has-a-source", Payload=b"1")["Payload"].read() == b"1"


def test_a_resource_policy_has_a_size(server: Server, role: str) -> None:
    client = server.client("lambda")
    client.create_function(**creation(role, FunctionName="much-permitted"))
    added = 0

    def add_until_refused() -> None:
        nonlocal added
        for added in range(40):
            client.add_permission(
                FunctionName="much-permitted",
                StatementId=f"{added:03}{'x' * 90}",
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
                SourceArn=f"arn:aws:events:us-east-1:123456789012:rule/{'y' * 900}",
            )

    code, message, _ = refused(add_until_refused)
    assert code == "PolicyLengthExceededException"
    assert message.endswith("is bigger than the limit (20480).")
    policy = client.get_policy(FunctionName="much-permitted")["Policy"]
    assert len(json.loads(policy)["Statement"]) == added
    assert len(policy) <= 20_480


def test_a_destination_that_the_role_may_not_invoke(server: Server, role: str) -> None:
    """Records would carry one function's events into another that it may not reach."""
    root = server.client("lambda")
    iam = server.client("iam")
    permitted = create_role(server, "sends-records", allow("lambda:InvokeFunction"))
    source = (
        "events = []\ndef handler(event, context):\n    events.append(event)\n    return events"
    )
    target = root.create_function(
        **creation(role, FunctionName="guarded-target", Code={"ZipFile": pack({"app.py": source})})
    )["FunctionArn"]
    root.create_function(**creation(permitted, FunctionName="sends-records"))
    wanted = {
        "FunctionName": "sends-records",
        "MaximumRetryAttempts": 0,
        "DestinationConfig": {"OnSuccess": {"Destination": target}},
    }
    root.put_function_event_invoke_config(**wanted)
    # What was configured while it was allowed is not sent any more when it is not.
    iam.delete_role_policy(RoleName="sends-records", PolicyName="own")
    root.invoke(FunctionName="sends-records", InvocationType="Event", Payload=b"1")
    with sqlite3.connect(server.data / "daypass.db") as database:
        while database.execute("SELECT id FROM function_events").fetchall():
            time.sleep(0.02)
    assert len(json.loads(root.invoke(FunctionName="guarded-target")["Payload"].read())) == 1
    code, message, _ = refused(root.put_function_event_invoke_config, **wanted)
    assert code == "InvalidParameterValueException"
    assert message == (
        "The function's execution role does not have permissions to call InvokeFunction on "
        f"{target}"
    )
    # The target's own policy may let the role in.
    root.add_permission(
        FunctionName="guarded-target",
        StatementId="records",
        Action="lambda:InvokeFunction",
        Principal=permitted,
    )
    root.put_function_event_invoke_config(**wanted)


def test_a_qualifier_does_not_lead_around_a_deny(server: Server, role: str) -> None:
    root = server.client("lambda")
    root.create_function(**creation(role, FunctionName="guarded-by-policy", Publish=True))
    arn = f"arn:aws:lambda:{server.region}:{server.account_id}:function:guarded-by-policy"
    client = server.client(
        "lambda",
        **create_user(
            server,
            "around-a-deny",
            allow("lambda:*"),
            {"Effect": "Deny", "Action": "lambda:*", "Resource": arn},
        ),
    )
    for name in ("guarded-by-policy", f"{arn}:$LATEST", f"{arn}:1"):
        for call, given in (
            (client.update_function_configuration, {"Timeout": 9}),
            (client.update_function_code, {"ZipFile": pack({"app.py": ECHO})}),
            (client.publish_version, {}),
            (client.create_alias, {"Name": "a", "FunctionVersion": "1"}),
            (client.put_function_concurrency, {"ReservedConcurrentExecutions": 0}),
        ):
            code, message, _ = refused(call, FunctionName=name, **given)
            assert code in {"AccessDeniedException", "ValidationException"}, (name, message)
    assert root.get_function_configuration(FunctionName="guarded-by-policy")["Timeout"] == 3
