"""Decisions in AWS's words, and explained.

The sentences are those of "Troubleshoot access denied error messages" of the IAM User Guide.
"""

import json
from collections.abc import Mapping

import pytest

from daypass.policy import (
    ANONYMOUS,
    AuthorizationRequest,
    Decision,
    Layers,
    Mismatch,
    PolicyKind,
    PolicySet,
    Principal,
    PrincipalKind,
    evaluate,
)
from tests.policy.asking import ACCOUNT, ALICE, EVERYTHING, ask, policy_set

GET = {"Sid": "Get", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
DENY = {"Sid": "Deny", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}
ANYONE = {**GET, "Principal": "*"}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/target"
SESSION = Principal(
    PrincipalKind.ROLE_SESSION,
    ACCOUNT,
    f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/run",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/team/worker",
)


def get_object(layers: Layers, account: str = ACCOUNT, principal: Principal = ALICE) -> Decision:
    asked = AuthorizationRequest(principal, "s3:GetObject", "arn:aws:s3:::b/k", {}, account)
    return evaluate(asked, layers)


EMPTY = PolicySet()
DENIES = policy_set(DENY)
ALLOWS = policy_set(EVERYTHING)


@pytest.mark.parametrize(
    ("layers", "because"),
    [
        (Layers(), "because no identity-based policy allows the s3:GetObject action"),
        (
            Layers(identity=ALLOWS, boundary=EMPTY),
            "because no permissions boundary allows the s3:GetObject action",
        ),
        (
            Layers(identity=ALLOWS, session=EMPTY),
            "because no session policy allows the s3:GetObject action",
        ),
        (
            Layers(ALLOWS, policy_set(ANYONE, kind=PolicyKind.RESOURCE), scopes=[ALLOWS, EMPTY]),
            "because no scope down policy allows the s3:GetObject action",
        ),
        (
            Layers(identity=ALLOWS, scps=[EMPTY]),
            "because no service control policy allows the s3:GetObject action",
        ),
        (
            Layers(identity=ALLOWS, vpc_endpoint=EMPTY),
            "because no VPC endpoint policy allows the s3:GetObject action",
        ),
        (
            Layers(identity=ALLOWS, resource_must_allow=True),
            "because no resource-based policy allows the s3:GetObject action",
        ),
        (Layers(identity=DENIES), "with an explicit deny in an identity-based policy"),
        (Layers(boundary=DENIES), "with an explicit deny in a permissions boundary"),
        (Layers(session=DENIES), "with an explicit deny in a session policy"),
        (Layers(scps=[DENIES]), "with an explicit deny in a service control policy"),
        (Layers(rcps=[DENIES]), "with an explicit deny in a resource control policy"),
        (Layers(vpc_endpoint=DENIES), "with an explicit deny in a VPC endpoint policy"),
        (
            Layers(resource=policy_set({**DENY, "Principal": "*"}, kind=PolicyKind.RESOURCE)),
            "with an explicit deny in a resource-based policy",
        ),
    ],
)
def test_refusals_are_worded_as_aws_words_them(layers: Layers, because: str) -> None:
    decision = get_object(layers)
    assert decision.because() == because
    assert decision.message() == (
        f"User: {ALICE.arn} is not authorized to perform: s3:GetObject "
        f"on resource: arn:aws:s3:::b/k {because}"
    )


def assume(trust: dict[str, object], **layers: PolicySet) -> Decision:
    asked = AuthorizationRequest(ALICE, "sts:AssumeRole", ROLE, {}, ACCOUNT)
    trusted = policy_set(trust, kind=PolicyKind.TRUST, label="target")
    return evaluate(asked, Layers(resource=trusted, resource_must_allow=True, **layers))


def trusts(principal: object, effect: str = "Allow") -> dict[str, object]:
    return {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole"}


def test_a_trust_policy_that_names_another_is_named_in_the_refusal() -> None:
    decision = assume(trusts({"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"}), identity=ALLOWS)
    assert decision.message() == (
        f"User: {ALICE.arn} is not authorized to perform: sts:AssumeRole on resource: {ROLE} "
        "because no role trust policy allows the sts:AssumeRole action"
    )


def test_a_trust_policy_that_delegates_leaves_the_refusal_to_identity() -> None:
    because = assume(trusts({"AWS": ACCOUNT})).because()
    assert because == "because no identity-based policy allows the sts:AssumeRole action"


def test_a_trust_policy_that_denies() -> None:
    assert assume(trusts("*", "Deny")).because() == (
        "with an explicit deny in the role trust policy"
    )


def test_anonymous_callers_are_told_nothing() -> None:
    assert get_object(Layers(), principal=ANONYMOUS).message() == "Access Denied"


def test_what_is_allowed_has_no_message() -> None:
    decision = get_object(Layers(identity=ALLOWS))
    assert (decision.allowed, decision.because(), decision.message()) == (True, "", "")
    assert decision.statement is not None
    assert decision.statement.sid == "All"


def test_s3_names_no_resource_where_there_is_none() -> None:
    assert " on resource" not in ask(action="s3:ListAllMyBuckets", resource="*").message()
    assert " on resource: * " in ask(action="lambda:ListFunctions", resource="*").message()


@pytest.mark.parametrize(
    ("statement", "mismatch"),
    [
        ({**GET, "Action": "s3:PutObject"}, Mismatch.ACTION),
        ({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}, Mismatch.NOT_ACTION),
        ({**GET, "Resource": "arn:aws:s3:::other/*"}, Mismatch.RESOURCE),
        (
            {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::bucket/*"},
            Mismatch.NOT_RESOURCE,
        ),
        ({**GET, "Condition": {"Bool": {"a:b": "true"}}}, Mismatch.CONDITION_KEY_MISSING),
        ({**GET, "Condition": {"Bool": {"aws:x": "true"}}}, Mismatch.CONDITION),
        (GET, None),
    ],
)
def test_the_first_element_that_does_not_match_is_named(
    statement: dict[str, object], mismatch: Mismatch | None
) -> None:
    (answer,) = ask(statement, context={"aws:x": "false"}).explain().answers
    assert answer.statements[0].mismatch is mismatch


@pytest.mark.parametrize(
    ("statement", "mismatch"),
    [
        ({**GET, "Principal": {"AWS": "999988887777"}}, Mismatch.PRINCIPAL),
        ({**GET, "NotPrincipal": {"AWS": ACCOUNT}}, Mismatch.NOT_PRINCIPAL),
        (ANYONE, None),
    ],
)
def test_principals_that_do_not_match_are_named(
    statement: dict[str, object], mismatch: Mismatch | None
) -> None:
    policies = policy_set(statement, kind=PolicyKind.RESOURCE)
    (answer, *_) = get_object(Layers(resource=policies)).explain().answers
    assert answer.statements[0].mismatch is mismatch


def test_the_short_explanation_names_the_nearest_statement() -> None:
    condition = {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}
    policies = policy_set(
        {**GET, "Sid": "Other", "Action": "s3:PutObject"},
        {**GET, "Condition": condition},
        label="readers",
    )
    asked = AuthorizationRequest(
        ALICE, "s3:GetObject", "arn:aws:s3:::b/k", {"aws:requestedregion": "us-east-1"}
    )
    assert evaluate(asked, Layers(identity=policies)).explain().short() == (
        "Denied: no identity-based policy allows s3:GetObject on arn:aws:s3:::b/k. Nearest is "
        'statement "Get" of "readers", but its condition StringEquals aws:RequestedRegion '
        "'eu-central-1' is not met: the request has 'us-east-1'."
    )


def test_the_short_explanation_names_the_statement_that_decided() -> None:
    denied = policy_set(DENY, label="guard")
    assert get_object(Layers(identity=denied)).explain().short() == (
        'Denied: statement "Deny" in the identity-based policy "guard" covers '
        "s3:GetObject on arn:aws:s3:::b/k."
    )
    assert get_object(Layers(identity=ALLOWS)).explain().short().startswith("Allowed: statement")


def test_the_full_explanation_lists_every_layer_and_statement() -> None:
    layers = Layers(
        identity=policy_set(GET, label="readers"),
        boundary=policy_set({**GET, "Sid": "Puts", "Action": "s3:PutObject"}, label="fence"),
        scps=[ALLOWS, ALLOWS],
    )
    full = get_object(layers).explain().full()
    for line in (
        "Service control policy (level 1): allows",
        "Service control policy (level 2): allows",
        "Identity-based policy: allows",
        '  + Allow statement "Get" of "readers": it matches',
        "Permissions boundary: does not allow",
        '  - Allow statement "Puts" of "fence": its Action does not include s3:GetObject',
        "- add to the permissions boundary of the caller:",
    ):
        assert line in full.splitlines()


@pytest.mark.parametrize(
    ("principal", "reach"),
    [
        ({"AWS": ACCOUNT}, "it matches, and leaves it to the policies of the account it names"),
        ({"AWS": SESSION.role_arn}, "it matches, within the caller's boundary and session policy"),
        ({"AWS": SESSION.arn}, "it matches"),
    ],
)
def test_the_explanation_says_how_far_a_grant_reaches(principal: object, reach: str) -> None:
    policies = policy_set({**GET, "Principal": principal}, kind=PolicyKind.RESOURCE)
    decision = get_object(Layers(resource=policies), principal=SESSION)
    assert f'  + Allow statement "Get": {reach}' in decision.explain().full().splitlines()


def test_explanations_are_json() -> None:
    condition = {"ForAnyValue:StringEquals": {"aws:TagKeys": ["a", "b"]}}
    decision = ask({**GET, "Condition": condition}, context={"aws:tagkeys": ["c", "d"]})
    told = json.loads(json.dumps(decision.explain().data()))
    assert told["decision"] == "implicit_deny"
    assert told["message"] == decision.message()
    (layer,) = told["layers"]
    assert layer["verdict"] == "does not allow"
    assert layer["statements"][0]["condition"] == {
        "operator": "ForAnyValue:StringEquals",
        "key": "aws:TagKeys",
        "values": ["a", "b"],
        "found": ["c", "d"],
    }


def test_levels_of_an_organization_are_counted_and_other_layers_have_none() -> None:
    decision = get_object(Layers(identity=ALLOWS, scps=[ALLOWS, EMPTY]))
    answers = decision.explain().answers
    assert [each.level for each in answers] == [0, 1, None]
    assert "Service control policy (level 2): does not allow" in decision.explain().full()


def test_remedies_of_scopes_name_each_that_refuses() -> None:
    decision = get_object(Layers(identity=ALLOWS, scopes=[ALLOWS, EMPTY, DENIES]))
    remedies = decision.explain().remedies()
    assert [each.data()["layer"] for each in remedies] == ["scope down policy"] * 3
    assert [each.remove is not None for each in remedies] == [True, False, False]
    assert "passed to GetScopedCredentials" in remedies[1].text()


def test_remedies_name_all_that_is_missing() -> None:
    decision = get_object(
        Layers(identity=EMPTY, boundary=EMPTY, scps=[ALLOWS, EMPTY]), account="999988887777"
    )
    remedies = decision.explain().remedies()
    assert [str(each.layer) for each in remedies] == [
        "service control policy",
        "resource-based policy",
        "identity-based policy",
        "permissions boundary",
    ]
    assert remedies[1].add == {
        "Effect": "Allow",
        "Principal": {"AWS": ALICE.arn},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b/k",
    }


def test_the_remedy_of_an_explicit_deny_is_the_statement_that_denies() -> None:
    remedies = ask(DENY).explain().remedies()
    assert [remedy.remove is not None for remedy in remedies] == [True, False]
    assert "no Allow outweighs an explicit deny" in remedies[0].text()


def test_a_remedy_names_a_key_with_a_star_and_no_other() -> None:
    (remedy,) = ask(resource="arn:aws:s3:::bucket/*").explain().remedies()
    assert remedy.add is not None
    assert remedy.add["Resource"] == "arn:aws:s3:::bucket/${*}"
    assert ask(remedy.add, resource="arn:aws:s3:::bucket/*").allowed
    assert not ask(remedy.add, resource="arn:aws:s3:::bucket/secret").allowed


def test_a_role_is_named_rather_than_its_session() -> None:
    decision = get_object(Layers(), account="999988887777", principal=SESSION)
    remedy = decision.explain().remedies()[0]
    assert remedy.add is not None
    assert remedy.add["Principal"] == {"AWS": SESSION.role_arn}


def test_context_names_in_any_case_are_condition_keys() -> None:
    statement = {**GET, "Condition": {"StringEquals": {"aws:PrincipalTag/Team": "red"}}}
    assert ask(statement, context={"aws:PrincipalTag/Team": "red"}).allowed


def _nobody_asks() -> Mapping[str, str]:
    raise AssertionError("No condition and no variable needs a key.")


def test_condition_keys_are_asked_for_only_if_a_policy_reads_one() -> None:
    trusted = {"Effect": "Allow", "Principal": {"AWS": ALICE.arn}, "Action": "sts:AssumeRole"}
    elsewhere = {**DENY, "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    layers = Layers(
        identity=policy_set(EVERYTHING, elsewhere),
        resource=policy_set(trusted, kind=PolicyKind.TRUST),
        boundary=ALLOWS,
        resource_must_allow=True,
    )
    asked = AuthorizationRequest(ALICE, "sts:AssumeRole", ROLE, _nobody_asks, ACCOUNT)
    assert evaluate(asked, layers).allowed
    about_it = AuthorizationRequest(ALICE, "s3:GetObject", "arn:aws:s3:::b/k", _nobody_asks)
    with pytest.raises(AssertionError):
        evaluate(about_it, layers)


def test_a_decision_is_written_without_the_keys_of_its_request() -> None:
    asked = AuthorizationRequest(ALICE, "s3:GetObject", "*", {"aws:sourceip": "192.0.2.77"})
    assert "192.0.2.77" not in repr(evaluate(asked, Layers(identity=ALLOWS)))


def test_the_same_statement_is_named_every_time() -> None:
    twins = [{**GET, "Sid": f"S{number}"} for number in range(20)]
    for _ in range(3):
        decision = ask(*twins)
        assert decision.statement is not None
        assert decision.statement.sid == "S0"
