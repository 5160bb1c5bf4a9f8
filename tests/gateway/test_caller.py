"""A caller exists only as the result of verification."""

import copy

import pytest

from daypass.federation import ExternalIdentity
from daypass.federation.vouching import vouch
from daypass.gateway.authenticate import ANONYMOUS
from daypass.gateway.caller import UNSIGNED, Caller, external_caller
from daypass.gateway.operation import Operation
from daypass.policy import Principal, PrincipalKind
from daypass.sigv4 import Verified

ROOT = Principal(PrincipalKind.ROOT, "111122223333", "arn:aws:iam::111122223333:root")


@pytest.mark.parametrize("proof", [None, True, "AKIAIOSFODNN7EXAMPLE", object()])
def test_nothing_but_a_verified_signature_proves_a_caller(proof: object) -> None:
    with pytest.raises(TypeError):
        Caller(proof, ROOT)  # type: ignore[arg-type]


def test_a_verified_signature_cannot_be_made_by_hand() -> None:
    with pytest.raises(TypeError):
        Verified()
    with pytest.raises(TypeError):
        type("Forged", (Verified,), {})


def test_an_external_identity_cannot_be_made_or_changed_by_hand() -> None:
    with pytest.raises(TypeError):
        ExternalIdentity()
    with pytest.raises(TypeError):
        type("Forged", (ExternalIdentity,), {})
    identity = vouch(provider="idp.example", subject="s", audience="a", claims={})
    with pytest.raises(AttributeError):
        identity.subject = "root"
    with pytest.raises(TypeError):
        copy.copy(identity)


@pytest.mark.parametrize(
    "key", ["aws:PrincipalTag/team", "aws:sourceip", "sts:externalid", "Idp.example:sub"]
)
def test_a_provider_says_nothing_under_keys_of_the_servers(key: str) -> None:
    with pytest.raises(ValueError, match="condition keys of its own"):
        vouch(provider="idp.example", subject="s", audience="a", claims={key: "forged"})


def test_the_caller_a_provider_vouches_for_has_no_account_and_no_policies() -> None:
    caller = external_caller(
        vouch(provider="idp.example", subject="s", audience="a", claims={"idp.example:sub": "s"})
    )
    assert not caller.anonymous
    assert caller.signature is None
    assert caller.identity is None
    assert caller.principal == Principal(PrincipalKind.FEDERATED, arn="idp.example")
    assert caller.context == {"idp.example:sub": "s", "aws:federatedprovider": "idp.example"}


def test_an_operation_that_takes_unsigned_requests_proves_its_caller() -> None:
    async def perform(call: object) -> None:
        return None

    with pytest.raises(TypeError):
        Operation("Open", lambda call: (), perform, unsigned=True)


def test_the_anonymous_caller_has_no_account_and_no_policies() -> None:
    assert ANONYMOUS.anonymous
    assert ANONYMOUS.proof is UNSIGNED
    assert ANONYMOUS.signature is None
    assert ANONYMOUS.principal.account == ""
    assert ANONYMOUS.identity is None


def test_a_caller_cannot_be_changed_into_another() -> None:
    with pytest.raises(AttributeError):
        ANONYMOUS.principal = ROOT  # type: ignore[misc]
    assert copy.copy(ANONYMOUS).anonymous
