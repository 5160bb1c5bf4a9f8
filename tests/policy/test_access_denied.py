"""Refusals read back: AWS's own sentences, and every one that a decision writes."""

import pytest

from daypass.policy import AuthorizationRequest, Layer, Layers, evaluate, read_access_denied
from tests.policy.asking import ACCOUNT, ALICE, EVERYTHING, policy_set

USER = "User: arn:aws:iam::777788889999:user/John is not authorized to perform: "


# From "Troubleshoot access denied error messages" of the IAM User Guide.
@pytest.mark.parametrize(
    ("said", "layer", "explicit"),
    [
        (
            "codecommit:ListRepositories because no service control policy allows the "
            "codecommit:ListRespositories action",
            Layer.SCP,
            False,
        ),
        (
            "codecommit:ListRepositories with an explicit deny in a service control policy",
            Layer.SCP,
            True,
        ),
        (
            "codecommit:ListRepositories because no VPC endpoint policy allows the "
            "codecommit:ListRepositories action",
            Layer.VPC_ENDPOINT,
            False,
        ),
        (
            "codedeploy:ListDeployments with an explicit deny in a VPC endpoint policy "
            "transitively through a service control policy",
            Layer.VPC_ENDPOINT,
            True,
        ),
        (
            "codecommit:ListRepositories with an explicit deny in a permissions boundary",
            Layer.BOUNDARY,
            True,
        ),
        (
            "codecommit:ListRepositories because no session policy allows the "
            "codecommit:ListRepositories action",
            Layer.SESSION,
            False,
        ),
        (
            "codecommit:ListRepositories with an explicit deny in a sessions policy",
            Layer.SESSION,
            True,
        ),
        ("codecommit:ListRepositories", None, False),
    ],
)
def test_sentences_of_the_user_guide(said: str, layer: Layer | None, explicit: bool) -> None:
    denied = read_access_denied(USER + said)
    assert denied.principal == "arn:aws:iam::777788889999:user/John"
    assert (denied.action, denied.resource) == (said.split(maxsplit=1)[0], "*")
    assert (denied.layer, denied.explicit) == (layer, explicit)


def test_resources_with_what_stands_around_them() -> None:
    """S3 quotes the resource; the AWS CLI puts a sentence of its own before."""
    denied = read_access_denied(
        "An error occurred (AccessDenied) when calling the AssumeRole operation: User: "
        "arn:aws:sts::777788889999:assumed-role/r/s is not authorized to perform: s3:GetObject on "
        'resource: "arn:aws:s3:::b/why because no with an explicit deny in it" because no '
        "resource-based policy allows the s3:GetObject action"
    )
    assert denied.principal == "arn:aws:sts::777788889999:assumed-role/r/s"
    assert denied.resource == "arn:aws:s3:::b/why because no with an explicit deny in it"
    assert (denied.layer, denied.explicit) == (Layer.RESOURCE, False)


@pytest.mark.parametrize(
    "layers",
    [
        Layers(),
        Layers(identity=policy_set(EVERYTHING), boundary=policy_set()),
        Layers(identity=policy_set(EVERYTHING), session=policy_set()),
        Layers(identity=policy_set(EVERYTHING), scps=[policy_set()]),
        Layers(identity=policy_set(EVERYTHING), vpc_endpoint=policy_set()),
        Layers(identity=policy_set(EVERYTHING), resource_must_allow=True),
        *(
            Layers(**{name: policy_set({**EVERYTHING, "Effect": "Deny"})})
            for name in ("identity", "boundary", "session")
        ),
    ],
)
@pytest.mark.parametrize("resource", ["arn:aws:s3:::b/a because no b", "*"])
def test_every_sentence_of_a_decision_is_read_back(layers: Layers, resource: str) -> None:
    request = AuthorizationRequest(ALICE, "s3:GetObject", resource, {}, ACCOUNT)
    decision = evaluate(request, layers)
    denied = read_access_denied(decision.message())
    assert (denied.principal, denied.action) == (ALICE.arn, "s3:GetObject")
    assert (denied.resource, denied.layer) == (resource, decision.layer)
    assert denied.explicit is (decision.statement is not None)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Access Denied",
        "User: arn is not authorized to perform: ",
        "User: arn is not authorized to perform: something else",
        "is not authorized to perform: s3:GetObject",
    ],
)
def test_what_is_no_such_sentence(message: str) -> None:
    with pytest.raises(ValueError, match="is not authorized to perform"):
        read_access_denied(message)
