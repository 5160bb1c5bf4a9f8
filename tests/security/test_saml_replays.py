"""An assertion is good for one session: in every process, after a restart, whatever the clock."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import start_server, stop_server
from tests.local_node import trust
from tests.saml import Federation, IdentityProvider, attributes_for, encoded, part

USED = (
    "InvalidIdentityToken",
    "The assertion was used before. Each is good for one session; get a new one from the identity "
    "provider.",
)


def test_an_assertion_is_good_once(federation: Federation):
    response = federation.response()
    assert federation.assume(response)
    assert federation.refused(response) == USED
    assert federation.assume(federation.response())


def test_another_form_of_the_same_assertion_is_the_same(federation: Federation):
    response = federation.response(sign_assertion=True, sign_response=True)
    assert federation.assume(response)
    assert federation.refused(f"<?xml version='1.0'?>{response}") == USED
    assert federation.refused(response.replace("><", ">\n<", 1))[0] == "InvalidIdentityToken"


def test_an_assertion_is_good_for_one_of_its_roles(federation: Federation):
    role = federation.new_role("another")
    name = next(iter(federation.attributes()))
    both = [f"{each},{federation.provider}" for each in (federation.role, role)]
    response = federation.response({**federation.attributes(), name: both})
    assert federation.assume(response)
    assert federation.refused(response, role) == USED


def test_a_refusal_does_not_use_it_up(federation: Federation):
    untrusting = federation.new_role("untrusting", Action="sts:AssumeRole")
    name = next(iter(federation.attributes()))
    both = [f"{each},{federation.provider}" for each in (federation.role, untrusting)]
    response = federation.response({**federation.attributes(), name: both})
    assert federation.refused(response, untrusting)[0] == "AccessDenied"
    assert federation.refused(response, DurationSeconds=43200)[0] == "ValidationError"
    assert federation.refused(response, Policy="{}")[0] == "MalformedPolicyDocument"
    assert federation.assume(response)


def _issued_at(federation: Federation, moment: float) -> str:
    def change(root: Any) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment + 300))
        assertion = part(root, "./saml:Assertion")
        assertion.set("IssueInstant", stamp)
        for element in assertion.iterfind(".//*[@NotOnOrAfter]"):
            element.set("NotOnOrAfter", end)
        part(root, "./saml:Assertion/saml:Conditions").attrib.pop("NotBefore", None)

    return federation.response(change=change)


def test_what_was_forgotten_is_not_good_again_when_the_clock_is_set_back(federation: Federation):
    start = int(federation.node.now)
    response = _issued_at(federation, start)
    assert federation.assume(response)
    federation.node.now = start + 3600
    assert federation.assume(_issued_at(federation, start + 3600))
    federation.node.now = start + 10_000
    assert federation.assume(_issued_at(federation, start + 10_000))
    federation.node.now = start
    assert federation.refused(response) == USED


def test_used_assertions_are_remembered_for_minutes_only(federation: Federation):
    start = int(federation.node.now)
    for number in range(20):
        federation.node.now = start + number * 100
        assert federation.assume(_issued_at(federation, federation.node.now))
    rows = federation.node.store.reader.exec_driver_sql("SELECT count(*) FROM saml_assertions")
    # Three hundred seconds' worth, and the row that says until when others were forgotten.
    assert rows.scalar_one() <= 5


@pytest.fixture
def idp(tmp_path):
    return IdentityProvider(tmp_path / "idp")


def _attempt(clients: list[Any], given: dict[str, str]) -> Callable[[int], str]:
    def attempt(number: int) -> str:
        try:
            clients[number].assume_role_with_saml(**given)
        except ClientError as error:
            return str(error.response["Error"]["Message"])
        return "in"

    return attempt


def test_of_many_at_one_moment_in_several_processes_one_gets_in_and_none_after_a_restart(
    tmp_path, idp
):
    running = start_server(tmp_path / "data", "--workers", "2")
    root = (running.access_key_id, running.secret_access_key)
    iam = running.client("iam")
    made = iam.create_saml_provider(Name="Example", SAMLMetadataDocument=idp.metadata())
    provider = made["SAMLProviderArn"]
    trusted = trust({"Federated": provider}, Action="sts:AssumeRoleWithSAML")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    given = {
        "RoleArn": role,
        "PrincipalArn": provider,
        "SAMLAssertion": encoded(idp.response(attributes_for(role, provider))),
    }
    unsigned = Config(signature_version=UNSIGNED)
    clients = [running.client("sts", config=unsigned) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(_attempt(clients, given), range(8)))
    assert outcomes == [USED[1]] * 7 + ["in"]
    running.process.kill()
    running.process.wait()
    running.process.stdout.close()
    again = start_server(tmp_path / "data", credentials=root)
    try:
        assert _attempt([again.client("sts", config=unsigned)], given)(0) == USED[1]
    finally:
        stop_server(again)
