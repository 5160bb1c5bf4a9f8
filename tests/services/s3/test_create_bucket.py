from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from daypass.gateway.operation import Call
from daypass.protocol.errors import ServiceError
from daypass.services.s3 import SERVICE
from daypass.store.engine import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


async def create(
    store: Store,
    location: str | None = None,
    *,
    region: str = "eu-central-1",
    account: str = "123456789012",
    name: str = "a-bucket",
) -> str:
    """ "" if it was created, else the code it was refused with."""
    given: dict[str, Any] = {"Bucket": name}
    if location is not None:
        given["CreateBucketConfiguration"] = {"LocationConstraint": location}
    node = SimpleNamespace(store=store, region=region, account_id=account)
    call = cast("Call", SimpleNamespace(node=node, input=given, now=1.0))
    try:
        await SERVICE.operations["CreateBucket"].perform(call)
    except ServiceError as error:
        return error.code
    return ""


async def test_outside_us_east_1_the_location_is_required_and_the_endpoint_s(store: Store) -> None:
    assert await create(store) == "IllegalLocationConstraintException"
    assert await create(store, "eu-west-1") == "IllegalLocationConstraintException"
    assert await create(store, "eu-central-1") == ""


async def test_in_us_east_1_there_is_no_location(store: Store) -> None:
    assert await create(store, "us-east-1", region="us-east-1") == "InvalidLocationConstraint"
    assert await create(store, "eu-west-1", region="us-east-1") == (
        "IllegalLocationConstraintException"
    )
    assert await create(store, region="us-east-1") == ""


async def test_a_bucket_of_one_s_own_exists_already(store: Store) -> None:
    assert await create(store, "eu-central-1") == ""
    assert await create(store, "eu-central-1") == "BucketAlreadyOwnedByYou"


async def test_a_bucket_of_somebody_else_s_exists_already(store: Store) -> None:
    assert await create(store, "eu-central-1", account="210987654321") == ""
    assert await create(store, "eu-central-1") == "BucketAlreadyExists"


@pytest.mark.parametrize("name", ["Ab", "192.168.0.1", "a..b"])
async def test_a_name_that_is_none_is_refused(store: Store, name: str) -> None:
    assert await create(store, "eu-central-1", name=name) == "InvalidBucketName"
