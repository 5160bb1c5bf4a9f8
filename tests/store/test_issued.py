"""The rows of issued sessions: each once, however often the trail says so, and bounded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daypass.store.engine import Store, open_store
from daypass.store.issued import (
    Selection,
    add_issued,
    count_issued,
    drop_ended,
    find_issued,
    followed_to,
    list_issued,
    note_uses,
)

ACCOUNT = "123456789012"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def details(number: int, **further: Any) -> dict[str, Any]:
    return {
        "accessor": f"{number:016}",
        "accessKeyId": f"ASIA{number:016}",
        "kind": "assumed-role",
        "subjectId": "AROAEXAMPLE",
        "subjectName": "reader",
        "sessionName": "session",
        "issued": 1000.5 + number,
        "expires": 5000 + number,
        **further,
    }


def add(store: Store, *issued: dict[str, Any], at: tuple[int, int] = (1, 10)) -> None:
    store.write_now(lambda transaction: add_issued(transaction, issued, ACCOUNT, at))


def test_session_is_found_as_the_trail_has_it(store: Store) -> None:
    given = details(
        7,
        parents=[["0000000000000003", "AROAOTHER", 900.25], ["abcdefgh", "AIDAALICE", 800.0]],
        tags={"Team": "blue"},
        transitiveTags=["Team"],
        sourceIdentity="alice",
        mfa=True,
    )
    add(store, given)
    found = find_issued(store.reader, "0000000000000007")
    assert found is not None
    session = found.session
    assert (session.account, session.issued, session.expires) == (ACCOUNT, 1007.5, 5007)
    assert (session.tags, session.transitive_tags) == ({"Team": "blue"}, ("Team",))
    assert (session.source_identity, session.mfa) == ("alice", True)
    assert [one.subject_id for one in session.parents] == ["AROAOTHER", "AIDAALICE"]
    assert found.parent == "0000000000000003"
    assert find_issued(store.reader, "0000000000000008") is None


def test_what_was_added_is_not_added_again(store: Store) -> None:
    add(store, details(1), details(2), at=(1, 10))
    add(store, details(2), details(3), details(3), at=(2, 20))
    assert count_issued(store.reader) == (3, 0)
    assert followed_to(store.reader) == (2, 20)


def test_one_issued_to_a_long_term_key_has_no_parent_and_an_origin(store: Store) -> None:
    add(store, details(1, parents=[["abcdefgh", "AIDAALICE", 800.0]]), details(2))
    first = find_issued(store.reader, "0000000000000001")
    assert first is not None
    assert first.parent == ""
    found = list(list_issued(store.reader, Selection(user_id="AIDAALICE"), 0, None, 10))
    assert [one.session.accessor for one in found] == ["0000000000000001"]


def test_many_are_added_at_once(store: Store) -> None:
    add(store, *(details(number) for number in range(1700)))
    assert count_issued(store.reader) == (1700, 0)


def test_expired_rows_go_and_then_the_oldest(store: Store) -> None:
    add(store, *(details(number) for number in range(10)))
    store.write_now(lambda transaction: drop_ended(transaction, 5003, most=4))
    left = [one.session.accessor for one in list_issued(store.reader, Selection(), 0, None, 99)]
    assert left == [f"{number:016}" for number in (9, 8, 7, 6)]
    assert count_issued(store.reader) == (4, 2)


def test_last_use_of_one_that_is_gone_is_nothing(store: Store) -> None:
    add(store, details(1))
    uses = {"0000000000000001": (2000.5, "192.0.2.1"), "0000000000000009": (2001.0, "192.0.2.2")}
    store.write_now(lambda transaction: note_uses(transaction, uses))
    found = find_issued(store.reader, "0000000000000001")
    assert found is not None
    assert (found.used, found.address) == (2000.5, "192.0.2.1")
