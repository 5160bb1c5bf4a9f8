"""The key ring's rows and the revocations."""

from dataclasses import replace

import pytest

from daypass.store.engine import Store, open_store
from daypass.store.sessions import (
    RevocationCache,
    keys,
    load_or_create_key_ring,
    revocations,
    revoke_access_key,
    revoke_before,
    revoke_session,
    revoke_subject,
    rotate_key_ring,
)
from daypass.tokens import (
    LONGEST_SESSION,
    Ancestor,
    DecryptionError,
    Session,
    SessionKind,
    TokenError,
    accessor_prefix,
    new_access_key_id,
    new_accessor,
    new_unique_id,
)

NOW = 1_800_000_000.5
MASTER = bytes(range(32))
ACCOUNT = "123456789012"


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def cache(store):
    held = RevocationCache()
    store.keep(held)
    return held


def session_of(subject_id: str, parent: Session | None = None, issued: float = NOW) -> Session:
    access_key_id = new_access_key_id("ASIA", ACCOUNT)
    parents: tuple[Ancestor, ...] = ()
    if parent is not None:
        nearest = Ancestor(parent.accessor, parent.subject_id, parent.issued)
        parents = (nearest, *parent.parents)
    return Session(
        new_accessor(access_key_id),
        access_key_id,
        ACCOUNT,
        SessionKind.ASSUMED_ROLE,
        subject_id,
        "role",
        "session",
        issued,
        int(issued) + 3600,
        parents=parents,
    )


def write(store: Store, change) -> None:
    store.write_now(change)
    store.refresh()


# -- the key ring ------------------------------------------------------------------------------


def test_ring_is_made_once_and_the_same_for_every_process(tmp_path, store):
    ring = load_or_create_key_ring(store, MASTER, NOW)
    token = ring.seal(session_of("AROA1"))
    other = open_store(tmp_path)
    try:
        assert load_or_create_key_ring(other, MASTER, NOW).open(token).subject_id == "AROA1"
    finally:
        other.close()


def test_ring_is_encrypted_in_the_database(tmp_path, store):
    ring = load_or_create_key_ring(store, MASTER, NOW)
    rows = store.reader.execute(keys.select()).all()
    assert {row.state for row in rows} == {"active", "prepared"}
    assert ring.active_id in {row.id for row in rows}
    with pytest.raises(DecryptionError):
        load_or_create_key_ring(store, bytes(32), NOW)


def test_rotation_reaches_the_rings_of_other_processes(tmp_path, store):
    mine = load_or_create_key_ring(store, MASTER, NOW)
    other_store = open_store(tmp_path)
    try:
        theirs = load_or_create_key_ring(other_store, MASTER, NOW)
        old = theirs.seal(session_of("AROA1"))
        write(store, lambda transaction: rotate_key_ring(transaction, MASTER, NOW + 1))
        new = mine.seal(session_of("AROA2"))
        other_store.refresh()
        assert theirs.active_id == mine.active_id
        assert theirs.open(new).subject_id == "AROA2"
        assert mine.open(old).subject_id == "AROA1"
    finally:
        other_store.close()


def test_key_retired_for_longer_than_any_session_lives_is_removed(store):
    ring = load_or_create_key_ring(store, MASTER, NOW)
    token = ring.seal(session_of("AROA1"))
    write(store, lambda transaction: rotate_key_ring(transaction, MASTER, NOW))
    later = NOW + LONGEST_SESSION + 1
    write(store, lambda transaction: rotate_key_ring(transaction, MASTER, later))
    with pytest.raises(TokenError):
        ring.open(token)


# -- revocations -------------------------------------------------------------------------------


def test_nothing_is_revoked_at_first(cache):
    assert not cache.revoked(session_of("AROA1"))


def test_revoked_session_takes_its_descendants_along_and_no_other(store, cache):
    parent = session_of("AROA1")
    child = session_of("AROA2", parent)
    grandchild = session_of("AROA3", child)
    sibling = session_of("AROA1")
    write(store, lambda transaction: revoke_session(transaction, parent.accessor, NOW + 1))
    assert cache.revoked(parent)
    assert cache.revoked(child)
    assert cache.revoked(grandchild)
    assert not cache.revoked(sibling)


def test_revoked_child_leaves_its_parent(store, cache):
    parent = session_of("AROA1")
    child = session_of("AROA2", parent)
    write(store, lambda transaction: revoke_session(transaction, child.accessor, NOW + 1))
    assert cache.revoked(child)
    assert not cache.revoked(parent)


def test_session_is_revoked_by_accessor_even_if_the_clock_went_back_since(store, cache):
    session = session_of("AROA1")
    write(store, lambda transaction: revoke_session(transaction, session.accessor, NOW - 30))
    assert cache.revoked(session)


def test_session_is_found_by_its_access_key_id(store, cache):
    parent = session_of("AROA1")
    child = session_of("AROA2", parent)
    write(store, lambda transaction: revoke_access_key(transaction, parent.access_key_id, NOW + 1))
    assert cache.revoked(parent)
    assert cache.revoked(child)
    assert not cache.revoked(session_of("AROA1"))


def test_sessions_issued_to_a_long_term_key_end_and_later_ones_live(store, cache):
    key, user_id = new_access_key_id("AKIA", ACCOUNT), new_unique_id("AIDA")

    def issued_to_key(issued: float) -> Session:
        parents = (Ancestor(accessor_prefix(key), user_id, issued),)
        return replace(session_of("AROA1", issued=issued), parents=parents)

    write(store, lambda transaction: revoke_access_key(transaction, key, NOW + 1))
    assert cache.revoked(issued_to_key(NOW))
    assert not cache.revoked(issued_to_key(NOW + 1.01))


def test_role_is_revoked_until_a_moment(store, cache):
    role = new_unique_id("AROA")
    before, after = session_of(role, issued=NOW), session_of(role, issued=NOW + 0.2)
    write(store, lambda transaction: revoke_subject(transaction, role, NOW + 0.1, NOW + 5))
    assert cache.revoked(before)
    assert cache.revoked(session_of("AROA2", before, NOW + 3))
    assert not cache.revoked(after)
    assert not cache.revoked(session_of("AROA2"))


def test_user_is_revoked_with_the_roles_he_assumed(store, cache):
    user = new_unique_id("AIDA")
    session = replace(session_of("AROA1"), parents=(Ancestor("zzzzzzzz", user, NOW),))
    write(store, lambda transaction: revoke_subject(transaction, user, NOW + 1, NOW + 1))
    assert cache.revoked(session)


def test_everything_before_a_moment_is_revoked(store, cache):
    write(store, lambda transaction: revoke_before(transaction, NOW, NOW + 1))
    assert cache.revoked(session_of("AROA1", issued=NOW))
    assert not cache.revoked(session_of("AROA1", issued=NOW + 0.01))


def test_earlier_revocation_does_not_shrink_a_later_one(store, cache):
    write(store, lambda transaction: revoke_subject(transaction, "AROA1", NOW + 10, NOW + 11))
    write(store, lambda transaction: revoke_subject(transaction, "AROA1", NOW - 10, NOW + 12))
    assert cache.revoked(session_of("AROA1", issued=NOW + 5))


def test_revocation_reaches_other_processes_and_restarts(tmp_path, store, cache):
    session = session_of("AROA1")
    other_store = open_store(tmp_path)
    try:
        other = RevocationCache()
        other_store.keep(other)
        write(store, lambda transaction: revoke_session(transaction, session.accessor, NOW + 1))
        other_store.refresh()
        assert other.revoked(session)
        restarted = RevocationCache()
        other_store.keep(restarted)
        assert restarted.revoked(session)
    finally:
        other_store.close()


def test_revocations_that_reach_nothing_alive_are_dropped(store, cache):
    old = session_of("AROA1")
    write(store, lambda transaction: revoke_session(transaction, old.accessor, NOW))
    write(store, lambda transaction: revoke_subject(transaction, "AROA2", NOW, NOW))
    later = NOW + LONGEST_SESSION
    write(store, lambda transaction: revoke_before(transaction, NOW, later))
    assert len(store.reader.execute(revocations.select()).all()) == 3
    write(store, lambda transaction: revoke_subject(transaction, "AROA3", NOW, later + 1))
    rows = store.reader.execute(revocations.select()).all()
    assert {(row.kind, row.target) for row in rows} == {("all", ""), ("subject", "AROA3")}
    assert not cache.revoked(replace(old, issued=later))
