"""CloudWatch Logs by boto3 and the AWS CLI, against what AWS answered LocalStack's recordings
(tests/aws/services/logs of localstack/localstack, February 2026)."""

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Server
from tests.functions import allow, create_user

HOUR = 3_600_000


@pytest.fixture(scope="module")
def logs(server: Server) -> Any:
    return server.client("logs")


@pytest.fixture
def group(logs: Any) -> str:
    name = f"group/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=name)
    return name


@pytest.fixture
def stream(logs: Any, group: str) -> str:
    logs.create_log_stream(logGroupName=group, logStreamName="a/stream")
    return "a/stream"


def put(logs: Any, group: str, *messages: str, stream: str = "a/stream", start: int = 0) -> int:
    """Put messages a millisecond apart; the time of the first."""
    first = start or int(time.time() * 1000)
    logs.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[
            {"timestamp": first + number, "message": message}
            for number, message in enumerate(messages)
        ],
    )
    return first


def refused(call: Any, **parameters: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    response = error.value.response
    status: int = response["ResponseMetadata"]["HTTPStatusCode"]
    return response["Error"]["Code"], response["Error"]["Message"], status


def texts(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


# -- groups and streams --------------------------------------------------------------------------


def test_a_group_is_described_as_aws_describes_it(server, logs, group):
    [found] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    created = found.pop("creationTime")
    assert abs(created - time.time() * 1000) < 60_000
    arn = f"arn:aws:logs:{server.region}:{server.account_id}:log-group:{group}"
    assert found == {
        "logGroupName": group,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
        "deletionProtectionEnabled": False,
    }


def test_groups_are_listed_in_pages(logs):
    prefix = f"pages-{uuid.uuid4().hex}-"
    names = [f"{prefix}{number:02}" for number in range(7)]
    for name in names:
        logs.create_log_group(logGroupName=name)
    pages = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=prefix, PaginationConfig={"PageSize": 3}
    )
    sizes = [[found["logGroupName"] for found in page["logGroups"]] for page in pages]
    assert sizes == [names[:3], names[3:6], names[6:]]
    found = logs.describe_log_groups(logGroupNamePattern=prefix[8:-1])["logGroups"]
    assert [one["logGroupName"] for one in found] == names


def test_a_stream_is_described_as_aws_describes_it(server, logs, group, stream):
    arn = f"arn:aws:logs:{server.region}:{server.account_id}:log-group:{group}"
    for named in ({"logGroupName": group}, {"logGroupIdentifier": group}):
        [found] = logs.describe_log_streams(**named)["logStreams"]
        del found["creationTime"]
        assert found == {
            "arn": f"{arn}:log-stream:{stream}",
            "logStreamName": stream,
            "storedBytes": 0,
        }
    first = put(logs, group, "one", "two")
    [found] = logs.describe_log_streams(logGroupIdentifier=arn)["logStreams"]
    assert (found["firstEventTimestamp"], found["lastEventTimestamp"]) == (first, first + 1)


def test_streams_are_ordered_by_their_last_event(logs, group):
    now = int(time.time() * 1000)
    for number, name in enumerate(("b", "c", "a")):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        put(logs, group, "x", stream=name, start=now + number)
    found = logs.describe_log_streams(
        logGroupName=group, orderBy="LastEventTime", descending=True, limit=2
    )
    assert [one["logStreamName"] for one in found["logStreams"]] == ["a", "c"]
    rest = logs.describe_log_streams(
        logGroupName=group,
        orderBy="LastEventTime",
        descending=True,
        limit=2,
        nextToken=found["nextToken"],
    )
    assert [one["logStreamName"] for one in rest["logStreams"]] == ["b"]
    assert "nextToken" not in rest


def test_what_aws_refuses_is_refused_in_its_words(logs, group, stream):
    missing = ("ResourceNotFoundException", "The specified log group does not exist.", 400)
    no_stream = ("ResourceNotFoundException", "The specified log stream does not exist.", 400)
    events = [{"timestamp": int(time.time() * 1000), "message": "x"}]
    assert refused(logs.get_log_events, logGroupName="no", logStreamName="no") == missing
    assert refused(logs.filter_log_events, logGroupName="no") == missing
    assert refused(logs.delete_log_group, logGroupName="no") == missing
    assert refused(logs.get_log_events, logGroupName=group, logStreamName="no") == no_stream
    assert (
        refused(logs.put_log_events, logGroupName=group, logStreamName="no", logEvents=events)
        == no_stream
    )
    assert refused(logs.create_log_group, logGroupName=group) == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
        400,
    )
    assert refused(logs.create_log_stream, logGroupName=group, logStreamName=stream) == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
        400,
    )
    for call, more in ((logs.filter_log_events, {}), (logs.get_log_events, {"logStreamName": "s"})):
        assert refused(call, logGroupName=group, limit=10001, **more) == (
            "InvalidParameterException",
            "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: "
            "Member must have value less than or equal to 10000",
            400,
        )
    invalid = ("InvalidParameterException", "The specified nextToken is invalid.", 400)
    named = {"logGroupName": group, "nextToken": "invalid-token"}
    assert refused(logs.get_log_events, logStreamName=stream, **named) == invalid
    assert refused(logs.filter_log_events, **named) == invalid
    assert refused(logs.describe_log_groups, logGroupNamePrefix="a", logGroupNamePattern="b") == (
        "InvalidParameterException",
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        400,
    )
    assert refused(logs.describe_log_streams, logGroupName=group, logGroupIdentifier=group) == (
        "ValidationException",
        "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
        400,
    )


def test_events_out_of_order_too_old_and_too_new(logs, group, stream):
    now = int(time.time() * 1000)

    def events(*times: int) -> dict[str, Any]:
        given = [{"timestamp": one, "message": "m"} for one in times]
        return {"logGroupName": group, "logStreamName": stream, "logEvents": given}

    assert refused(logs.put_log_events, **events(now, now - 2 * 24 * HOUR)) == (
        "InvalidParameterException",
        "Log events in a single PutLogEvents request must be in chronological order.",
        400,
    )
    old = logs.put_log_events(**events(now - 30 * 24 * HOUR))
    assert old["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    new = logs.put_log_events(**events(now, now + 3 * HOUR))
    assert new["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert len(logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]) == 1


def test_retention_hides_what_is_older(logs, group, stream):
    now = int(time.time() * 1000)
    put(logs, group, "old", start=now - 25 * HOUR)
    put(logs, group, "new", start=now)
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    [found] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found["retentionInDays"] == 1
    assert texts(logs.filter_log_events(logGroupName=group)) == ["new"]
    logs.delete_retention_policy(logGroupName=group)
    assert (
        "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    )
    code, message, _ = refused(logs.put_retention_policy, logGroupName=group, retentionInDays=2)
    assert code == "InvalidParameterException"
    assert "'retentionInDays'" in message


def test_tags(logs, server):
    name = f"tagged-{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=name, tags={"env": "testing"})
    arn = f"arn:aws:logs:{server.region}:{server.account_id}:log-group:{name}"
    logs.tag_resource(resourceArn=arn, tags={"one": "1", "two": "2"})
    logs.untag_resource(resourceArn=arn, tagKeys=["env", "one"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"two": "2"}


# -- events --------------------------------------------------------------------------------------


def test_events_keep_every_character(logs, group, stream):
    body = "🙀 - 参よ - 日本語\n\ttab\u0000 and a half \ud83d"
    put(logs, group, body)
    [event] = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    assert event["message"] == body.replace("\ud83d", "?")


def test_a_stream_is_read_forward_and_backward(logs, group, stream):
    messages = [f"message {number}" for number in range(20)]
    put(logs, group, *messages)
    named = {"logGroupName": group, "logStreamName": stream, "limit": 8}
    head = logs.get_log_events(**named, startFromHead=True)
    assert texts(head) == messages[:8]
    following = logs.get_log_events(**named, nextToken=head["nextForwardToken"])
    assert texts(following) == messages[8:16]
    back = logs.get_log_events(**named, nextToken=following["nextBackwardToken"])
    assert texts(back) == messages[:8]
    tail = logs.get_log_events(**named)
    assert texts(tail) == messages[12:]
    end = logs.get_log_events(**named, nextToken=tail["nextForwardToken"])
    assert texts(end) == []
    assert end["nextForwardToken"] == tail["nextForwardToken"], "AWS: the same at the end"
    put(logs, group, "later")
    again = logs.get_log_events(**named, nextToken=end["nextForwardToken"])
    assert texts(again) == ["later"]


def test_events_are_chosen_by_time(logs, group, stream):
    first = put(logs, group, *"abcde")
    between = {"startTime": first + 1, "endTime": first + 3}
    got = logs.get_log_events(logGroupName=group, logStreamName=stream, **between)
    assert texts(got) == ["b", "c"], "the end is exclusive"
    found = logs.filter_log_events(logGroupName=group, **between)
    assert texts(found) == ["b", "c", "d"], "the end is inclusive"


def test_streams_are_read_together_in_the_order_of_time(logs, group):
    now = int(time.time() * 1000)
    for number, name in enumerate(("x/1", "x/2", "y/1")):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        put(logs, group, f"{name}a", f"{name}b", stream=name, start=now + number)
    everything = texts(logs.filter_log_events(logGroupName=group))
    assert everything == ["x/1a", "x/1b", "x/2a", "x/2b", "y/1a", "y/1b"]
    assert (
        texts(logs.filter_log_events(logGroupName=group, logStreamNamePrefix="x/"))
        == (everything[:4])
    )
    assert texts(logs.filter_log_events(logGroupName=group, logStreamNames=["y/1", "x/1"])) == [
        "x/1a",
        "x/1b",
        "y/1a",
        "y/1b",
    ]


def test_pages_of_a_filter_have_every_event_once(logs, group, stream):
    messages = [f"Message number {number}" for number in range(25)]
    put(logs, group, *messages)
    first = logs.filter_log_events(logGroupName=group, logStreamNames=[stream], limit=20)
    assert len(first["events"]) == 20
    second = logs.filter_log_events(
        logGroupName=group, logStreamNames=[stream], limit=20, nextToken=first["nextToken"]
    )
    assert texts(first) + texts(second) == messages
    assert "nextToken" not in second
    assert len({event["eventId"] for event in first["events"] + second["events"]}) == 25


def test_a_tail_polls_as_the_aws_cli_does_and_misses_nothing(logs, group, stream):
    """`aws logs tail --follow` of version 2: no token at the end; start where the newest was."""
    seen: list[str] = []
    start, known = 0, set()
    for number in range(4):
        put(logs, group, *[f"{number}.{line}" for line in range(3)])
        token: dict[str, str] = {}
        while True:
            answer = logs.filter_log_events(
                logGroupName=group, interleaved=True, startTime=start, limit=2, **token
            )
            for event in answer["events"]:
                if event["eventId"] not in known:
                    known.add(event["eventId"])
                    seen.append(event["message"])
                start = max(start, event["timestamp"])
            if "nextToken" not in answer:
                break
            token = {"nextToken": answer["nextToken"]}
    assert sorted(seen) == sorted(f"{number}.{line}" for number in range(4) for line in range(3))


def test_the_aws_cli(server):
    name = f"cli-{uuid.uuid4().hex}"
    now = int(time.time() * 1000)
    for command in (
        ["create-log-group"],
        ["create-log-stream", "--log-stream-name", "s"],
        ["put-log-events", "--log-stream-name", "s", "--log-events", f"timestamp={now},message=hi"],
        ["put-retention-policy", "--retention-in-days", "7"],
    ):
        ended = server.aws("logs", command[0], "--log-group-name", name, *command[1:])
        assert ended.returncode == 0, ended.stderr
    found = server.aws("logs", "filter-log-events", "--log-group-name", name, "--output", "json")
    assert texts(json.loads(found.stdout)) == ["hi"], found.stderr
    streams = server.aws("logs", "describe-log-streams", "--log-group-name", name)
    assert '"s"' in streams.stdout
    assert server.aws("logs", "delete-log-group", "--log-group-name", name).returncode == 0
    gone = server.aws("logs", "get-log-events", "--log-group-name", name, "--log-stream-name", "s")
    assert "(ResourceNotFoundException)" in gone.stderr
    unsupported = server.aws("logs", "describe-queries")
    assert "DescribeQueries" in unsupported.stderr
    assert "not supported here" in unsupported.stderr


# -- permissions ---------------------------------------------------------------------------------


def test_permissions_are_asked_for_on_aws_s_resources(server, group):
    user = create_user(
        server,
        f"logs-{uuid.uuid4().hex[:8]}",
        allow(
            ["logs:FilterLogEvents", "logs:CreateLogStream"],
            f"arn:aws:logs:{server.region}:{server.account_id}:log-group:{group}:*",
        ),
        allow("logs:PutLogEvents", f"arn:aws:logs:*:*:log-group:{group}:log-stream:mine"),
    )
    logs = server.client("logs", **user)
    for name in ("mine", "other"):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
    put(logs, group, "hello", stream="mine")
    assert texts(logs.filter_log_events(logGroupName=group)) == ["hello"]
    arn = f"arn:aws:logs:{server.region}:{server.account_id}:log-group"
    for resource, call, parameters in (
        (f"{group}:log-stream:other", logs.get_log_events, {"logStreamName": "other"}),
        (f"{group}:log-stream:", logs.delete_log_group, {}),
    ):
        code, message, status = refused(call, logGroupName=group, **parameters)
        assert (code, status) == ("AccessDeniedException", 400)
        assert f" on resource: {arn}:{resource} because no identity-based policy" in message
    code, message, _ = refused(logs.describe_log_groups)
    assert f" on resource: {arn}::log-stream: because" in message
    code, _, _ = refused(
        logs.put_log_events,
        logGroupName=group,
        logStreamName="other",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": "x"}],
    )
    assert code == "AccessDeniedException"
