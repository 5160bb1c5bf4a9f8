"""Which operations only read, as declared, against what AWS's own models say of them."""

from typing import Any

import botocore.session
import pytest

from daypass.gateway.operation import Effect, Operation
from daypass.server.assemble import services

SERVICES = services().by_scope
READING = {Effect.READ, Effect.DATA_READ}


def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def operations(service: str) -> list[Operation]:
    return list(SERVICES[service].operations.values())


# PostObject is for browsers: no SDK has it, nor does the model.
MODELLED = [each for each in operations("s3") if each.name != "PostObject"]


@pytest.mark.parametrize("operation", MODELLED, ids=lambda each: each.name)
def test_s3_operation_reads_as_its_http_method_says(operation: Operation) -> None:
    method = model("s3").operation_model(operation.name).http["method"]
    assert (operation.effect in READING) is (method in {"GET", "HEAD"})


@pytest.mark.parametrize("operation", operations("lambda"), ids=lambda each: each.name)
def test_lambda_operation_reads_as_its_model_says(operation: Operation) -> None:
    definition = model("lambda")._service_description["operations"][operation.name]
    assert (operation.effect in READING) is definition.get("readonly", False)


@pytest.mark.parametrize("operation", operations("iam"), ids=lambda each: each.name)
def test_iam_operation_reads_as_its_verb_says(operation: Operation) -> None:
    reads = operation.name.startswith(("Get", "List", "Generate", "Simulate"))
    assert (operation.effect in READING) is reads


def test_what_issues_credentials_is_a_change() -> None:
    for operation in operations("sts"):
        output = model("sts").operation_model(operation.name).output_shape
        if "Credentials" in output.members:
            assert operation.effect is Effect.CHANGE
