"""Sessions are issued with all they descend from, and nothing is written for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daypass.gateway.issue import Issued, issue_session
from daypass.tokens import SessionKind, accessor_prefix
from tests.local_node import (
    ACCOUNT,
    LocalNode,
    credentials_of,
    local_node,
    trust,
)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def execution_session(node: LocalNode, role_name: str) -> Issued:
    role: Any = node.node.identity.role(role_name)
    return issue_session(
        node.node,
        kind=SessionKind.ASSUMED_ROLE,
        subject_id=role.id,
        subject_name=role.name,
        session_name="lambda-for-sts",
        duration=3600,
        now=node.now,
    )


def test_execution_role_session_works_and_descends_from_nothing(node):
    node.role("runs", trust({"Service": "lambda.amazonaws.com"}))
    node.store.refresh()
    version = node.store.version
    issued = execution_session(node, "runs")
    assert issued.session.parents == ()
    assert issued.expiration == int(node.now) + 3600
    answer = node.client("sts", credentials_of(issued)).get_caller_identity()
    assert answer["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/runs/lambda-for-sts"
    assert node.store.version == version


def test_token_names_every_ancestor_nearest_first(node):
    runs = node.role("runs", trust({"Service": "lambda.amazonaws.com"}))
    alice = node.user("alice")
    name = f"arn:aws:iam::{ACCOUNT}:user/alice"
    first = node.role("first", trust({"AWS": name}))
    second = node.role("second", trust({"AWS": [first, runs]}))
    opened = node.node.keys.open
    parent = opened(node.assume(alice, first)["aws_session_token"])
    user_id = node.client("iam").get_user(UserName="alice")["User"]["UserId"]
    assert [(one.accessor, one.subject_id) for one in parent.parents] == [
        (accessor_prefix(alice["aws_access_key_id"]), user_id)
    ]
    child = opened(node.assume(node.assume(alice, first), second)["aws_session_token"])
    assert [one.subject_id for one in child.parents] == [parent.subject_id, user_id]


def test_secrets_of_issued_credentials_are_not_shown(node):
    node.role("runs", trust({"Service": "lambda.amazonaws.com"}))
    node.store.refresh()
    issued = execution_session(node, "runs")
    assert issued.secret_access_key not in repr(issued)
    assert issued.session_token not in repr(issued)
