"""What an account has of Lambda: concurrency, storage, the operator's options, and what is not."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import botocore.session
import httpx
import pytest

from daypass.services.functions import SERVICE
from tests.clients.test_lambda import ECHO, refused
from tests.conftest import Server, start_server, stop_server
from tests.functions import allow, call_url, create_role, create_user, deploy, invoke, pack

ACCESS_POINT = (
    "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0"
)
HOST = "fn.example.com"
URL_ID = "h" * 32


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose operator has decided all there is to decide about functions."""
    server = start_server(
        tmp_path_factory.mktemp("account") / "data",
        *("--concurrency", "20", "--url-permissions", "url", "--url-host", f"{HOST}={URL_ID}"),
    )
    yield server
    assert stop_server(server) == 0


@pytest.fixture(scope="module")
def own_role(own: Server) -> str:
    return create_role(own, "own")


# -- concurrency and storage -----------------------------------------------------------------


def test_the_account_and_what_its_functions_reserve(own: Server, own_role: str) -> None:
    client = own.client("lambda")
    empty = client.get_account_settings()
    assert empty["AccountLimit"] == {
        "TotalCodeSize": 80_530_636_800,
        "CodeSizeUnzipped": 262_144_000,
        "CodeSizeZipped": 52_428_800,
        "ConcurrentExecutions": 20,
        "UnreservedConcurrentExecutions": 20,
    }
    assert empty["AccountUsage"] == {"TotalCodeSize": 0, "FunctionCount": 0}
    deploy(own, "reserves", ECHO, role=own_role, Publish=True)
    deploy(own, "reserves-too", ECHO, role=own_role)
    size = len(pack({"app.py": ECHO}))
    assert client.get_account_settings()["AccountUsage"] == {
        "TotalCodeSize": 3 * size,
        "FunctionCount": 2,
    }

    def reserve(name: str, executions: int) -> Any:
        return client.put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=executions
        )

    assert reserve("reserves", 6)["ReservedConcurrentExecutions"] == 6
    below = (
        "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [10].",
        400,
    )
    assert refused(reserve, name="reserves-too", executions=5) == below
    assert reserve("reserves-too", 4)
    # What a function has reserved counts for itself.
    assert refused(reserve, name="reserves", executions=7) == below
    assert reserve("reserves", 5)
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 11
    assert client.get_function(FunctionName="reserves")["Concurrency"] == {
        "ReservedConcurrentExecutions": 5
    }
    assert reserve("reserves", 0)
    for name in ("reserves:1", "reserves:$LATEST"):
        assert refused(reserve, name=name, executions=1) == (
            "InvalidParameterValueException",
            "This operation is permitted on Lambda functions only. Aliases and versions do not "
            "support this operation. Please specify either a function name or an unqualified "
            "function ARN.",
            400,
        )
    client.delete_function_concurrency(FunctionName="reserves")
    client.delete_function(FunctionName="reserves-too")
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 20


def test_code_beyond_the_accounts_storage_is_refused(own: Server, own_role: str) -> None:
    deploy(own, "stored", ECHO, role=own_role)
    with sqlite3.connect(own.data / "daypass.db") as database:
        database.execute("UPDATE function_versions SET code_size = 80530636800")
    client = own.client("lambda")
    package = pack({"app.py": ECHO})
    assert refused(client.update_function_code, FunctionName="stored", ZipFile=package) == (
        "CodeStorageExceededException",
        "Code storage limit exceeded.",
        400,
    )
    assert refused(client.publish_layer_version, LayerName="stored", Content={"ZipFile": package})[
        0
    ] == ("CodeStorageExceededException")
    client.delete_function(FunctionName="stored")
    with sqlite3.connect(own.data / "daypass.db") as database:
        database.execute("UPDATE function_versions SET code_size = 1")


# -- the operator's options for URLs ---------------------------------------------------------


def test_one_permission_is_enough_where_the_operator_says_so(own: Server, own_role: str) -> None:
    url = deploy(own, "one-permission", ECHO, role=own_role, auth_type="NONE")
    assert httpx.get(url).status_code == 403
    own.client("lambda").add_permission(
        FunctionName="one-permission",
        StatementId="public",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    assert httpx.get(url).status_code == 200
    signed = deploy(own, "one-permission-iam", ECHO, role=own_role, auth_type="AWS_IAM")
    caller = create_user(own, "url-only", allow("lambda:InvokeFunctionUrl"))
    assert call_url(own, signed, credentials=caller).status_code == 200
    # It lets nobody invoke by the API.
    client = own.client("lambda", **caller)
    assert refused(client.invoke, FunctionName="one-permission-iam")[2] == 403


def test_a_url_has_a_host_name_of_its_own(own: Server, own_role: str) -> None:
    deploy(
        own,
        "hosted",
        ECHO,
        role=own_role,
        auth_type="AWS_IAM",
        Tags={"daypass:url-id": URL_ID},
    )
    answer = call_url(own, f"{own.endpoint}/a/b?c=d", headers={"host": HOST})
    assert answer.status_code == 200, answer.text
    assert answer.json()["rawPath"] == "/a/b"
    assert answer.json()["headers"]["host"] == HOST
    assert httpx.get(own.endpoint, headers={"host": HOST}).status_code == 403
    # Names like it are no names of it.
    other = call_url(own, own.endpoint, headers={"host": f"x.{HOST}"})
    assert "rawPath" not in other.text


# -- what there is and what there is not -----------------------------------------------------

# What AWS has and this server does not: event sources, durable executions, capacity providers,
# code signing, provisioned concurrency, scaling, recursion and runtime settings.
UNSUPPORTED = """
CheckpointDurableExecution CreateCapacityProvider CreateCodeSigningConfig CreateEventSourceMapping
DeleteCapacityProvider DeleteCodeSigningConfig DeleteDurableExecution DeleteEventSourceMapping
DeleteFunctionCodeSigningConfig DeleteProvisionedConcurrencyConfig DeleteResourcePolicy
GetCapacityProvider GetCodeSigningConfig GetDurableExecution GetDurableExecutionHistory
GetDurableExecutionState GetEventSourceMapping GetFunctionRecursionConfig GetFunctionScalingConfig
GetResourcePolicy ListCapacityProviders ListCodeSigningConfigs ListDurableExecutionsByFunction
ListFunctionVersionsByCapacityProvider ListFunctionsByCodeSigningConfig PauseDurableExecution
PutFunctionCodeSigningConfig PutFunctionRecursionConfig PutFunctionScalingConfig
PutProvisionedConcurrencyConfig PutResourcePolicy PutRuntimeManagementConfig ResumeDurableExecution
SendDurableExecutionCallbackFailure SendDurableExecutionCallbackHeartbeat
SendDurableExecutionCallbackSuccess StopDurableExecution UpdateCapacityProvider
UpdateCodeSigningConfig UpdateEventSourceMapping
"""


def test_every_operation_of_lambdas_is_served_or_known_not_to_be() -> None:
    model = botocore.session.get_session().get_service_model("lambda")
    assert set(model.operation_names) - set(SERVICE.operations) == set(UNSUPPORTED.split())


def test_what_is_not_served_says_so(server: Server) -> None:
    client = server.client("lambda")
    calls = {
        "CreateEventSourceMapping": (client.create_event_source_mapping, {"FunctionName": "f"}),
        "PutProvisionedConcurrencyConfig": (
            client.put_provisioned_concurrency_config,
            {"FunctionName": "f", "Qualifier": "1", "ProvisionedConcurrentExecutions": 1},
        ),
        "ListCodeSigningConfigs": (client.list_code_signing_configs, {}),
    }
    for operation, (call, parameters) in calls.items():
        assert refused(call, **parameters) == (
            "UnknownOperationException",
            f"The operation {operation} is not supported here.",
            404,
        )


@pytest.mark.parametrize(
    "parameters",
    [
        {"PackageType": "Image", "Code": {"ImageUri": "x.dkr.ecr.us-east-1.amazonaws.com/y:z"}},
        {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
        {"TracingConfig": {"Mode": "Active"}},
        {"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:q"}},
        {"SnapStart": {"ApplyOn": "PublishedVersions"}},
        {"FileSystemConfigs": [{"Arn": ACCESS_POINT, "LocalMountPath": "/mnt/x"}]},
    ],
)
def test_what_a_function_cannot_have_says_so(server: Server, parameters: dict[str, Any]) -> None:
    role = create_role(server, f"unsupported-{next(iter(parameters)).lower()}")
    given: dict[str, Any] = {
        "FunctionName": "unsupported",
        "Runtime": "python3.12",
        "Role": role,
        "Handler": "app.handler",
        "Code": {"ZipFile": pack({"app.py": ECHO})},
        **parameters,
    }
    code, message, status = refused(server.client("lambda").create_function, **given)
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert message == (
        f"{next(iter(parameters))} is not supported by this server. Leave it out or give its "
        "default."
    )


def test_tools_that_ask_first_learn_that_there_is_nothing(server: Server) -> None:
    client = server.client("lambda")
    role = create_role(server, "asked-first")
    deploy(server, "asked-first", ECHO, role=role)
    named = {"FunctionName": "asked-first"}

    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(**named)
    assert client.get_runtime_management_config(**named)["UpdateRuntimeOn"] == "Auto"
    assert client.list_event_source_mappings(**named)["EventSourceMappings"] == []
    listed = client.list_provisioned_concurrency_configs(**named)
    assert listed["ProvisionedConcurrencyConfigs"] == []
    assert refused(client.get_provisioned_concurrency_config, Qualifier="$LATEST", **named) == (
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
        404,
    )
    for call in (client.get_function_code_signing_config, client.get_runtime_management_config):
        assert refused(call, FunctionName="nothing")[0] == "ResourceNotFoundException"


def test_every_waiter_ends(server: Server) -> None:
    client = server.client("lambda")
    role = create_role(server, "waited-for")
    deploy(server, "waited-for", ECHO, role=role, Publish=True)
    client.update_function_configuration(FunctionName="waited-for", Timeout=5)
    assert set(client.waiter_names) == {
        *("function_active", "function_active_v2", "function_exists", "function_updated"),
        *("function_updated_v2", "published_version_active"),
    }
    for name in client.waiter_names:
        qualifier = {"Qualifier": "1"} if name == "published_version_active" else {}
        client.get_waiter(name).wait(FunctionName="waited-for", **qualifier)
    assert invoke(server, "waited-for", 1)["Payload"] == 1
