"""Asynchronous events through boto3: their configuration, retries' end, ages and destinations.

The records and errors are those that AWS gave where its answers were recorded (LocalStack's
snapshots of test_lambda_destinations and test_lambda_api).
"""

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_lambda import ECHO, refused
from tests.conftest import Server, start_server, stop_server
from tests.functions import allow, create_role, create_user, deploy, invoke

# Remembers the events it gets, and says them when asked.
REMEMBERS = """
events = []
def handler(event, context):
    if event == "say":
        return events
    events.append(event)
"""
FAILS = "def handler(event, context):\n    raise ValueError('on purpose')\n"


@pytest.fixture(scope="module")
def role(server: Server) -> str:
    """A role that may invoke functions."""
    return create_role(server, "lambda-events", allow("lambda:InvokeFunction"))


def arn_of(server: Server, name: str) -> str:
    return f"arn:aws:lambda:{server.region}:{server.account_id}:function:{name}"


def remembered(server: Server, name: str, count: int) -> list[Any]:
    """The events that a function got, once there are so many."""
    client = server.client("lambda")
    events: list[Any] = []
    for _ in range(80):
        # Seldom: an event that comes while the function is being asked gets an environment of its
        # own, which no question may ever reach.
        time.sleep(0.25)
        answer = client.invoke(FunctionName=name, Payload=b'"say"')
        events = json.loads(answer["Payload"].read())
        if len(events) >= count:
            break
    assert len(events) == count
    return events


# -- configuration ---------------------------------------------------------------------------


def test_event_configurations(server: Server, role: str) -> None:
    client = server.client("lambda")
    deploy(server, "configured", ECHO, role=role, Publish=True)
    deploy(server, "configured-target", ECHO, role=role)
    client.create_alias(FunctionName="configured", Name="live", FunctionVersion="1")
    arn, target = arn_of(server, "configured"), arn_of(server, "configured-target")
    put = client.put_function_event_invoke_config(
        FunctionName="configured",
        MaximumRetryAttempts=1,
        MaximumEventAgeInSeconds=300,
        DestinationConfig={"OnFailure": {"Destination": target}},
    )
    assert put["FunctionArn"] == f"{arn}:$LATEST"
    assert (put["MaximumRetryAttempts"], put["MaximumEventAgeInSeconds"]) == (1, 300)
    assert put["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {"Destination": target}}
    updated = client.update_function_event_invoke_config(
        FunctionName="configured", MaximumRetryAttempts=0
    )
    assert (updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]) == (0, 300)
    assert updated["DestinationConfig"] == put["DestinationConfig"]
    assert updated["LastModified"] >= put["LastModified"]
    # Put again, what is not said is not configured.
    again = client.put_function_event_invoke_config(
        FunctionName="configured", MaximumEventAgeInSeconds=60
    )
    assert "MaximumRetryAttempts" not in again
    assert again["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    for qualifier in ("1", "live"):
        client.put_function_event_invoke_config(
            FunctionName="configured", Qualifier=qualifier, MaximumRetryAttempts=2
        )
    pages = client.get_paginator("list_function_event_invoke_configs").paginate(
        FunctionName="configured", PaginationConfig={"PageSize": 2}
    )
    listed = [
        config["FunctionArn"] for page in pages for config in page["FunctionEventInvokeConfigs"]
    ]
    assert listed == [f"{arn}:$LATEST", f"{arn}:1", f"{arn}:live"]
    found = client.get_function_event_invoke_config(FunctionName=f"{arn}:live")
    assert found["MaximumRetryAttempts"] == 2
    client.delete_function_event_invoke_config(FunctionName="configured", Qualifier="live")
    absent = (
        "ResourceNotFoundException",
        f"The function {arn}:live doesn't have an EventInvokeConfig",
        404,
    )
    named = {"FunctionName": "configured", "Qualifier": "live"}
    assert refused(client.get_function_event_invoke_config, **named) == absent
    assert refused(client.delete_function_event_invoke_config, **named) == absent
    assert (
        refused(client.update_function_event_invoke_config, MaximumRetryAttempts=1, **named)
        == absent
    )
    # They go with the alias that they are of.
    client.put_function_event_invoke_config(MaximumRetryAttempts=2, **named)
    client.delete_alias(FunctionName="configured", Name="live")
    client.create_alias(FunctionName="configured", Name="live", FunctionVersion="1")
    assert refused(client.get_function_event_invoke_config, **named) == absent


def test_event_configurations_that_cannot_be(server: Server, role: str) -> None:
    client = server.client("lambda")
    deploy(server, "misconfigured", ECHO, role=role)
    arn = arn_of(server, "misconfigured")

    def put(**parameters: Any) -> tuple[str, str, int]:
        given = {"FunctionName": "misconfigured", **parameters}
        return refused(client.put_function_event_invoke_config, **given)

    def to(destination: str) -> tuple[str, str]:
        return put(DestinationConfig={"OnSuccess": {"Destination": destination}})[:2]

    invalid = "InvalidParameterValueException"
    assert put()[:2] == (
        invalid,
        "You must specify at least one of error handling or destination setting.",
    )
    assert put(FunctionName="nothing", MaximumRetryAttempts=0) == (
        "ResourceNotFoundException",
        "The function doesn't exist.",
        404,
    )
    assert put(Qualifier="nothing", MaximumRetryAttempts=0)[0] == "ResourceNotFoundException"
    assert to(arn) == (invalid, "You can't specify the function as a destination for itself.")
    absent = arn_of(server, "nothing")
    assert to(absent) == (invalid, f"The destination ARN {absent} is invalid.")
    elsewhere = arn.replace(server.region, "eu-west-3")
    assert to(elsewhere) == (invalid, f"The destination ARN {elsewhere} is invalid.")
    queue = f"arn:aws:sqs:{server.region}:{server.account_id}:queue"
    assert to(queue)[1].startswith("A destination of sqs is not supported")
    assert put(MaximumRetryAttempts=3)[0] == "ValidationException"


# -- what becomes of events ------------------------------------------------------------------


def test_success_and_failure_reach_their_destinations(server: Server, role: str) -> None:
    client = server.client("lambda")
    source = """
def handler(event, context):
    if event["fail"]:
        raise ValueError("on purpose")
    return {"got": event}
"""
    deploy(server, "sends", source, role=role, Publish=True)
    deploy(server, "on-success", REMEMBERS, role=role)
    deploy(server, "on-failure", REMEMBERS, role=role)
    client.create_alias(FunctionName="sends", Name="live", FunctionVersion="1")
    client.put_function_event_invoke_config(
        FunctionName="sends",
        Qualifier="live",
        MaximumRetryAttempts=0,
        DestinationConfig={
            "OnSuccess": {"Destination": arn_of(server, "on-success")},
            "OnFailure": {"Destination": arn_of(server, "on-failure")},
        },
    )
    # The function itself has no destinations: only the alias has.
    invoke(server, "sends", {"fail": False}, InvocationType="Event")
    good = invoke(server, "sends", {"fail": False}, InvocationType="Event", Qualifier="live")
    bad = invoke(server, "sends", {"fail": True}, InvocationType="Event", Qualifier="live")
    (success,) = remembered(server, "on-success", 1)
    (failure,) = remembered(server, "on-failure", 1)

    assert success.pop("timestamp").endswith("Z")
    assert success == {
        "version": "1.0",
        "requestContext": {
            "requestId": good["ResponseMetadata"]["RequestId"],
            "functionArn": f"{arn_of(server, 'sends')}:live",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"fail": False},
        "responseContext": {"statusCode": 200, "executedVersion": "1"},
        "responsePayload": {"got": {"fail": False}},
    }
    assert failure["requestContext"] == {
        "requestId": bad["ResponseMetadata"]["RequestId"],
        "functionArn": f"{arn_of(server, 'sends')}:live",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 1,
    }
    assert failure["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "1",
        "functionError": "Unhandled",
    }
    assert failure["responsePayload"]["errorType"] == "ValueError"


def test_an_event_that_would_be_too_old_ends_where_it_is(server: Server, role: str) -> None:
    client = server.client("lambda")
    deploy(server, "ages", FAILS, role=role)
    deploy(server, "aged", REMEMBERS, role=role)
    client.put_function_event_invoke_config(
        FunctionName="ages",
        # The second attempt is a minute after the first.
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": arn_of(server, "aged")}},
    )
    invoke(server, "ages", {"message": "x"}, InvocationType="Event")
    (record,) = remembered(server, "aged", 1)

    context = record["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 1)
    assert context["functionArn"] == f"{arn_of(server, 'ages')}:$LATEST"
    assert record["responseContext"]["functionError"] == "Unhandled"


def test_no_concurrency_at_all_ends_an_event_unrun(server: Server, role: str) -> None:
    client = server.client("lambda")
    deploy(server, "closed", ECHO, role=role)
    deploy(server, "closed-failure", REMEMBERS, role=role)
    client.put_function_event_invoke_config(
        FunctionName="closed",
        DestinationConfig={"OnFailure": {"Destination": arn_of(server, "closed-failure")}},
    )
    client.put_function_concurrency(FunctionName="closed", ReservedConcurrentExecutions=0)
    invoke(server, "closed", 1, InvocationType="Event")
    (record,) = remembered(server, "closed-failure", 1)

    context = record["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == (
        "ZeroReservedConcurrency",
        0,
    )
    assert "responseContext" not in record
    assert "responsePayload" not in record


def test_invoke_async_is_the_old_way(server: Server, role: str) -> None:
    deploy(server, "old-way", REMEMBERS, role=role)
    client = server.client("lambda")
    answer = client.invoke_async(FunctionName="old-way", InvokeArgs=b'{"old": 1}')
    assert answer["Status"] == 202
    assert remembered(server, "old-way", 1) == [{"old": 1}]
    assert refused(client.invoke_async, FunctionName="old-way", InvokeArgs=b"{")[0] == (
        "InvalidRequestContentException"
    )
    assert refused(client.invoke_async, FunctionName="nothing", InvokeArgs=b"1")[2] == 404
    nobody = server.client("lambda", **create_user(server, "no-async"))
    assert refused(nobody.invoke_async, FunctionName="old-way", InvokeArgs=b"1")[2] == 403


def test_an_accepted_event_survives_the_server_and_is_tried_again(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data")
    try:
        role = create_role(server, "r", allow("lambda:InvokeFunction"))
        deploy(server, "survives", FAILS, role=role)
        deploy(server, "remembers", REMEMBERS, role=role)
        server.client("lambda").put_function_event_invoke_config(
            FunctionName="survives",
            MaximumRetryAttempts=1,
            DestinationConfig={"OnFailure": {"Destination": arn_of(server, "remembers")}},
        )
        sent = invoke(server, "survives", "kept", InvocationType="Event")
        attempts = [0]
        with sqlite3.connect(tmp_path / "data" / "daypass.db") as database:
            while attempts != [1]:
                time.sleep(0.03)
                rows = database.execute("SELECT attempts, sealed FROM function_events").fetchall()
                attempts = [row[0] for row in rows]
        assert b"kept" not in rows[0][1]
    finally:
        server.process.kill()
        server.process.wait()
        assert server.process.stdout is not None
        server.process.stdout.close()
    keys = (server.access_key_id, server.secret_access_key)
    # The second attempt comes a minute after the first.
    again = start_server(tmp_path / "data", "--clock-offset", "61", credentials=keys)
    try:
        (record,) = remembered(again, "remembers", 1)
        assert record["requestPayload"] == "kept"
        assert record["requestContext"] == {
            "requestId": sent["ResponseMetadata"]["RequestId"],
            "functionArn": f"{arn_of(again, 'survives')}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 2,
        }
        with sqlite3.connect(tmp_path / "data" / "daypass.db") as database:
            rows = [1]
            while rows:
                rows = database.execute("SELECT id FROM function_events").fetchall()
    finally:
        assert stop_server(again) == 0
