"""The algebra of policies, for policies that nobody thought of."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.policy import (
    AuthorizationRequest,
    Decision,
    Layers,
    Outcome,
    PolicyError,
    PolicyKind,
    PolicySet,
    Principal,
    PrincipalKind,
    evaluate,
    parse_policy,
    parse_session_policy,
)
from daypass.policy.patterns import Context, compile_pattern, glob_tokens
from daypass.policy.principals import NONE, name_principals
from daypass.policy.variables import parse_template

ACCOUNT = "123456789012"
ALICE = Principal(PrincipalKind.USER, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/alice")
WORDS = st.text(alphabet="ab/", max_size=4)
GLOBS = st.text(alphabet="ab/*?", max_size=6)
ACTIONS = st.sampled_from(["s3:Get", "s3:Put", "s3:GetAll", "ec2:Run"])
ACTION_PATTERNS = st.sampled_from(
    ["*", "s3:*", "s3:Get*", "s3:?et", "ec2:*", "s3:Put", "S3:GETALL"]
)
KEYS = st.sampled_from(["a:one", "a:two", "A:Many"])
CONDITIONS = st.dictionaries(
    st.sampled_from(
        [
            "StringEquals",
            "StringNotEquals",
            "StringLike",
            "StringEqualsIfExists",
            "ForAllValues:StringLike",
            "ForAnyValue:StringNotEquals",
            "Null",
        ]
    ),
    st.dictionaries(KEYS, st.sampled_from(["true", "false", "a", "b", "a*"]), max_size=2).filter(
        lambda keys: len({key.lower() for key in keys}) == len(keys)
    ),
    max_size=2,
)
CONTEXTS = st.dictionaries(
    KEYS.map(str.lower), st.one_of(WORDS, st.lists(st.sampled_from("ab"), max_size=2)), max_size=3
)


@st.composite
def statements(draw: st.DrawFn, effect: str | None = None) -> dict[str, Any]:
    action = draw(st.sampled_from(["Action", "NotAction"]))
    resource = draw(st.sampled_from(["Resource", "NotResource"]))
    statement: dict[str, Any] = {
        "Effect": effect or draw(st.sampled_from(["Allow", "Deny"])),
        action: draw(st.lists(ACTION_PATTERNS, min_size=1, max_size=2)),
        resource: [
            f"arn:aws:s3:::{name}" for name in draw(st.lists(GLOBS, min_size=1, max_size=2))
        ],
        "Condition": draw(CONDITIONS),
    }
    # A Deny may not hold values its operator cannot read.
    if "Null" in statement["Condition"]:
        keys = statement["Condition"]["Null"]
        statement["Condition"]["Null"] = {
            k: "true" if v == "a" else "false" for k, v in keys.items()
        }
    return statement


DOCUMENTS = st.lists(statements(), max_size=4)
REQUESTS = st.tuples(ACTIONS, WORDS.map(lambda name: f"arn:aws:s3:::{name}"), CONTEXTS)
SLOW = settings(deadline=None, max_examples=150)


def policies(*documents: list[dict[str, Any]]) -> PolicySet:
    return PolicySet(
        parse_policy(json.dumps({"Version": "2012-10-17", "Statement": document}), "identity")
        for document in documents
        if document
    )


def decide(request: tuple[str, str, dict[str, Any]], *documents: list[dict[str, Any]]) -> Decision:
    action, resource, context = request
    asked = AuthorizationRequest(ALICE, action, resource, context)
    return evaluate(asked, Layers(identity=policies(*documents)))


@SLOW
@given(DOCUMENTS, statements("Deny"), REQUESTS)
def test_adding_a_deny_never_widens(document: Any, deny: Any, request: Any) -> None:
    after = decide(request, [*document, deny])
    assert decide(request, document).allowed or not after.allowed


@SLOW
@given(DOCUMENTS, statements("Allow"), REQUESTS)
def test_adding_an_allow_never_narrows(document: Any, allow: Any, request: Any) -> None:
    """It holds for whole statements. Within one, adding to NotAction, NotResource, NotPrincipal
    or a negated condition narrows, which is what these are for."""
    before = decide(request, document)
    after = decide(request, [*document, allow])
    assert after.allowed or not before.allowed


@SLOW
@given(DOCUMENTS, st.randoms(), REQUESTS)
def test_the_order_of_statements_is_irrelevant(document: Any, random: Any, request: Any) -> None:
    shuffled = list(document)
    random.shuffle(shuffled)
    assert decide(request, document).outcome is decide(request, shuffled).outcome


@SLOW
@given(DOCUMENTS, DOCUMENTS, REQUESTS)
def test_the_order_of_policies_and_their_split_are_irrelevant(
    one: Any, other: Any, request: Any
) -> None:
    outcome = decide(request, one, other).outcome
    assert decide(request, other, one).outcome is outcome
    assert decide(request, [*one, *other]).outcome is outcome


@SLOW
@given(DOCUMENTS.filter(bool), REQUESTS)
def test_printing_and_parsing_again_gives_the_same_policy(document: Any, request: Any) -> None:
    first = parse_policy(json.dumps({"Statement": document}), PolicyKind.IDENTITY)
    again = parse_policy(first.print(), PolicyKind.IDENTITY)
    assert again.document == first.document == {"Statement": document}


@SLOW
@given(DOCUMENTS, REQUESTS)
def test_a_limit_only_limits(document: Any, request: Any) -> None:
    """A boundary, session policy or SCP allows nothing that identity does not."""
    action, resource, context = request
    asked = AuthorizationRequest(ALICE, action, resource, context)
    limit = policies(document)
    for layers in (
        Layers(boundary=limit),
        Layers(session=limit),
        Layers(scps=[limit]),
        Layers(scopes=[limit]),
    ):
        assert not evaluate(asked, layers).allowed


@SLOW
@given(DOCUMENTS, DOCUMENTS, REQUESTS)
def test_keys_given_when_they_are_asked_for_decide_the_same(
    document: Any, limiting: Any, request: Any
) -> None:
    """Whether the keys are there from the beginning or come when the first policy reads one."""
    action, resource, context = request
    given = 0

    def give() -> Context:
        nonlocal given
        given += 1
        return {name.upper(): value for name, value in context.items()}

    limit = policies(limiting)
    layers = Layers(policies(document), boundary=limit, session=limit, scps=[limit], rcps=[limit])
    early = evaluate(AuthorizationRequest(ALICE, action, resource, context), layers)
    late = evaluate(AuthorizationRequest(ALICE, action, resource, give), layers)
    assert (late.outcome, late.layer, late.statement) == (
        early.outcome,
        early.layer,
        early.statement,
    )
    assert late.explain().data() == early.explain().data()
    assert given <= 1


@SLOW
@given(DOCUMENTS.filter(bool), st.sampled_from(["", "One"]), REQUESTS)
def test_a_session_policy_that_was_read_before_decides_the_same(
    document: Any, sid: str, request: Any
) -> None:
    """A Sid that is used twice is refused, however often it is tried."""
    text = json.dumps({"Statement": [{**statement, "Sid": sid} for statement in document]})
    asked = AuthorizationRequest(ALICE, *request)
    if sid and len(document) > 1:
        for _ in range(2):
            with pytest.raises(PolicyError):
                parse_session_policy(text, "session policy")
        return
    expected = PolicySet([parse_policy(text, PolicyKind.SESSION, label="session policy")])
    explained = evaluate(asked, Layers(session=expected)).explain().data()
    for _ in range(2):
        limit = PolicySet([parse_session_policy(text, "session policy")])
        assert evaluate(asked, Layers(session=limit)).explain().data() == explained
    assert parse_session_policy(text, "scope down policy").label == "scope down policy"


NAMES = st.lists(
    st.sampled_from(
        [
            ACCOUNT,
            f"arn:aws:iam::{ACCOUNT}:root",
            f"arn:aws:iam::{ACCOUNT}:user/alice",
            f"arn:aws:iam::{ACCOUNT}:role/path/worker",
            f"arn:aws:iam::{ACCOUNT}:role/other",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/run",
            f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
            "AIDAALICEALICEALICE00",
            "AROAWORKERWORKERWOR00",
        ]
    )
)
CALLERS = st.sampled_from(
    [
        Principal(PrincipalKind.ROOT, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"),
        ALICE,
        Principal(PrincipalKind.ROLE, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/path/worker"),
        Principal(
            PrincipalKind.ROLE_SESSION,
            ACCOUNT,
            f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/run",
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/path/worker",
            unique_id="AROAWORKERWORKERWOR00",
        ),
        Principal(
            PrincipalKind.ROLE_SESSION,
            ACCOUNT,
            f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/run",
        ),
        Principal(
            PrincipalKind.FEDERATED_USER,
            ACCOUNT,
            f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
            user_arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
            user_id="AIDAALICEALICEALICE00",
        ),
    ]
)


@settings(deadline=None, max_examples=500)
@given(NAMES, CALLERS)
def test_of_several_names_the_one_that_reaches_farthest_counts(names: Any, caller: Any) -> None:
    together = name_principals({"AWS": tuple(names)}).grant(caller)
    alone = [name_principals({"AWS": (name,)}).grant(caller) for name in names]
    assert together is max(alone, default=NONE)


@SLOW
@given(DOCUMENTS, REQUESTS)
def test_the_explanation_agrees_with_the_decision(document: Any, request: Any) -> None:
    """Explaining looks at every statement without the index; the two must not differ."""
    decision = decide(request, document)
    (answer,) = decision.explain().answers
    expected = {
        Outcome.ALLOW: "allows",
        Outcome.EXPLICIT_DENY: "denies",
        Outcome.IMPLICIT_DENY: "does not allow",
    }
    assert answer.verdict == expected[decision.outcome]


@SLOW
@given(DOCUMENTS, REQUESTS)
def test_the_remedies_are_enough(document: Any, request: Any) -> None:
    decision = decide(request, document)
    remedies = decision.explain().remedies()
    removed = [each.remove.number for each in remedies if each.remove is not None]
    added = [each.add for each in remedies if each.add is not None]
    kept = [each for number, each in enumerate(document) if number not in removed]
    assert decide(request, [*kept, *added]).allowed


def reference_glob(pattern: str, text: str) -> bool:
    """The definition of `*` and `?`, in a table of every prefix against every prefix."""
    row = [True] + [False] * len(text)
    for token in pattern:
        above = row
        row = [above[0] and token == "*"]
        for place, character in enumerate(text):
            if token == "*":
                row.append(above[place + 1] or row[place])
            else:
                row.append(above[place] and token in ("?", character))
    return row[-1]


@settings(max_examples=2000, deadline=None)
@given(st.text(alphabet="ab*?", max_size=12), st.text(alphabet="ab", max_size=14))
def test_globs_agree_with_their_definition(pattern: str, text: str) -> None:
    assert compile_pattern(glob_tokens(pattern))(text, {}) is reference_glob(pattern, text)


@settings(max_examples=1000, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", "b", "*", "?", "${k:v}", "${k:w}", "${k:x, 'ab'}", "${*}"]),
        max_size=6,
    ),
    st.text(alphabet="ab*?", max_size=3),
    st.text(alphabet="ab*", max_size=8),
)
def test_variables_are_their_text_escaped(parts: list[str], value: str, text: str) -> None:
    """A pattern with variables means what it means with their values written out as text."""
    context = {"k:v": value}
    pattern = parse_template("".join(parts), wildcards=True, variables=True)
    matches = compile_pattern(pattern)(text, context)
    if "${k:w}" in parts:
        assert not matches
        return
    tokens: list[Any] = []
    for part in parts:
        literal = {"${k:v}": value, "${k:x, 'ab'}": "ab", "${*}": "*"}.get(part)
        tokens += [literal] if literal is not None else list(glob_tokens(part))
    assert compile_pattern(tuple(tokens))(text, {}) is matches
