"""A caller exists only as the result of verification."""

import copy

import pytest

from daypass.gateway.authenticate import ANONYMOUS
from daypass.gateway.caller import UNSIGNED, Caller
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
