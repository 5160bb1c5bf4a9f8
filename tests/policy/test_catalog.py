"""The services' data, against botocore's service models where these know the same."""

import botocore.loaders
import pytest

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
    catalog = service_catalog(service)
    assert catalog is not None
    missing = [name for name in model["operations"] if name.lower() not in catalog.actions]
    # The service model may be newer than the data by an operation or two.
    assert len(missing) <= 1 + len(model["operations"]) // 20, missing


@pytest.mark.parametrize("service", sorted(RENAMED))
def test_operations_with_another_name_have_their_action(service: str) -> None:
    catalog = service_catalog(service)
    assert catalog is not None
    for action in RENAMED[service].values():
        assert [each.name for each in catalog.matching(action)] == [action]


@pytest.mark.parametrize("service", OWN_SERVICES)
def test_every_resource_type_and_key_that_is_used_is_described(service: str) -> None:
    catalog = service_catalog(service)
    assert catalog is not None
    for action in catalog.actions.values():
        assert set(action.resources) <= set(catalog.resources)
        for key in action.keys:
            known = key_type(key, catalog.keys) or key_type(key, global_keys())
            prefix = key.partition(":")[0]
            assert known is not None or prefix != service, key
    for resource in catalog.resources.values():
        assert resource.arn.startswith("arn:${Partition}:")


def test_keys_with_a_tag_name_have_the_type_of_their_family() -> None:
    assert key_type("aws:PrincipalTag/Team", global_keys()) == "String"
    assert key_type("AWS:TAGKEYS", global_keys()) == "ArrayOfString"
    assert key_type("aws:nothing", global_keys()) is None


def test_services_are_found_in_any_case_and_unknown_ones_are_none() -> None:
    assert service_catalog("S3") is not None
    assert service_catalog("no-such-service") is None
