"""The key ring seals, opens, rotates, and keeps purposes apart."""

import base64
import re
import secrets
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from daypass.tokens import (
    LARGEST_TOKEN,
    LONGEST_SESSION,
    Ancestor,
    KeyRing,
    KeyState,
    Session,
    SessionKind,
    SessionPolicies,
    TokenError,
    TokenTooLargeError,
    new_ring,
    rotate,
)

NOW = 1_800_000_000.25
MASTER = bytes(range(32))
SESSION = Session(
    accessor="abcdefgh23456722",
    access_key_id="ASIAQNZGKIQY56JQ7WML",
    account="123456789012",
    kind=SessionKind.ASSUMED_ROLE,
    subject_id="AROAJQABLZS4A3QDU576Q",
    subject_name="role-for-s3-fileserver",
    session_name="alice",
    issued=NOW,
    expires=int(NOW) + 3600,
    session_policies=SessionPolicies(
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject",'
        '"Resource":"arn:aws:s3:::bucket/home/*"}}',
        ("arn:aws:iam::aws:policy/ReadOnlyAccess",),
    ),
    source_identity="alice@example.com",
    tags={"Project": "daypass", "CostCenter": "12345", "Department": "Ingénierie"},
    transitive_tags=("Project",),
    parents=(
        Ancestor("zzzzzzzz22222222", "AROAXXXXXXXXXXXXXXXXX", NOW - 60),
        Ancestor("zzzzzzzz", "AIDAXXXXXXXXXXXXXXXXX", NOW - 90),
    ),
)


def make_ring() -> KeyRing:
    return KeyRing(MASTER, new_ring(NOW))


def identifier(**limits: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8"), **limits)


sessions = st.builds(
    Session,
    accessor=identifier(max_size=16),
    access_key_id=identifier(max_size=20),
    account=identifier(max_size=12),
    kind=st.sampled_from(SessionKind),
    subject_id=identifier(max_size=21),
    subject_name=identifier(max_size=64),
    session_name=identifier(max_size=64),
    issued=st.floats(1, 2e9),
    expires=st.integers(2_000_000_001, 2**40 - 1),
    session_policies=st.builds(
        SessionPolicies,
        st.none() | st.text(st.characters(max_codepoint=255), max_size=1000),
        st.lists(identifier(max_size=60), max_size=3).map(tuple),
    ),
    mfa=st.booleans(),
    source_identity=identifier(max_size=64),
    tags=st.dictionaries(identifier(max_size=20), identifier(max_size=20), max_size=5),
    transitive_tags=st.lists(identifier(max_size=20), max_size=5).map(tuple),
    parents=st.lists(
        st.builds(Ancestor, identifier(max_size=16), identifier(max_size=21), st.floats(1, 2e9)),
        max_size=5,
    ).map(tuple),
)


@given(sessions)
def test_what_is_sealed_is_opened(session):
    ring = make_ring()
    assert ring.open(ring.seal(session)) == replace(session, key_id=ring.active_id)


def test_another_process_with_the_same_keys_opens_the_token_and_derives_the_secret():
    keys = new_ring(NOW)
    issuer, verifier = KeyRing(MASTER, keys), KeyRing(MASTER, keys)
    opened = verifier.open(issuer.seal(SESSION))
    assert opened == replace(SESSION, key_id=issuer.active_id)
    assert verifier.secret_access_key(opened) == issuer.secret_access_key(SESSION)


def test_token_with_typical_tags_is_short():
    token = make_ring().seal(SESSION)
    assert len(token) < 1500
    assert re.fullmatch("[A-Za-z0-9+/]+={0,2}", token)


def test_long_policies_are_deflated():
    statement = '{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"},'
    policy = '{"Version":"2012-10-17","Statement":[' + statement * 20 + "]}"
    session = replace(SESSION, session_policies=SessionPolicies(policy))
    ring = make_ring()
    token = ring.seal(session)
    assert len(token) < len(policy)
    assert ring.open(token).session_policies.inline == policy


def test_session_that_makes_too_large_a_token_is_refused():
    tags = {f"key{number}": secrets.token_hex(128) for number in range(50)}
    with pytest.raises(TokenTooLargeError) as refused:
        make_ring().seal(replace(SESSION, tags=tags))
    assert refused.value.size > LARGEST_TOKEN


@pytest.mark.parametrize("smallest", [0, 1, 1000, 1001, 1002, 1003, 4093, 4096])
def test_token_is_padded_to_the_size_asked_for(smallest):
    ring = make_ring()
    token = ring.seal(SESSION, smallest)
    assert smallest <= len(token) <= LARGEST_TOKEN
    assert ring.open(token).tags == SESSION.tags


def test_two_tokens_of_one_session_differ():
    ring = make_ring()
    assert ring.seal(SESSION) != ring.seal(SESSION)


def test_secret_is_forty_characters_and_differs_for_every_session():
    ring = make_ring()
    secret = ring.secret_access_key(SESSION)
    assert re.fullmatch("[A-Za-z0-9+/]{40}", secret)
    assert secret != ring.secret_access_key(replace(SESSION, accessor="abcdefgh23456723"))
    assert secret != ring.secret_access_key(replace(SESSION, access_key_id="ASIA" + "Q" * 16))


def test_token_is_aes_gcm_under_a_key_derived_for_tokens_alone():
    keys = new_ring(NOW)
    raw = base64.b64decode(KeyRing(MASTER, keys).seal(SESSION))
    derived = HKDF(SHA256(), 32, salt=None, info=b"daypass/session-token").derive(keys[0].material)
    head, nonce, sealed = raw[:5], raw[5:17], raw[17:]
    assert head == b"\x01" + bytes.fromhex(keys[0].id)
    assert SESSION.session_name.encode() in AESGCM(derived).decrypt(
        nonce, sealed, head + b"session-token"
    )


def test_keys_are_not_shown():
    keys = new_ring(NOW)
    shown = repr(keys) + repr(KeyRing(MASTER, keys))
    for key in keys:
        assert repr(key.material) not in shown
        assert key.material.hex() not in shown


# -- rotation ----------------------------------------------------------------------------------


def test_rotation_seals_with_the_prepared_key_and_opens_old_tokens():
    keys = new_ring(NOW)
    ring = KeyRing(MASTER, keys)
    old = ring.seal(SESSION)
    old_secret = ring.secret_access_key(ring.open(old))
    rotated = rotate(keys, NOW + 10)
    ring.use(rotated)
    assert ring.active_id == keys[1].id
    assert ring.secret_access_key(ring.open(old)) == old_secret
    new = ring.seal(SESSION)
    assert base64.b64decode(new)[1:5].hex() == keys[1].id
    assert ring.open(new).key_id == keys[1].id
    assert {key.id: key.state for key in rotated} == {
        keys[0].id: KeyState.RETIRED,
        keys[1].id: KeyState.ACTIVE,
        rotated[0].id: KeyState.PREPARED,
    }


def test_node_that_missed_a_rotation_opens_what_the_others_seal():
    keys = new_ring(NOW)
    behind, ahead = KeyRing(MASTER, keys), KeyRing(MASTER, rotate(keys, NOW + 10))
    assert behind.open(ahead.seal(SESSION)).session_name == "alice"


def test_retired_key_stays_as_long_as_its_sessions_may_live_and_then_goes():
    keys = rotate(new_ring(NOW), NOW)
    retired = next(key for key in keys if key.state is KeyState.RETIRED)
    kept = rotate(keys, NOW + LONGEST_SESSION - 1)
    assert retired in kept
    assert retired.id not in {key.id for key in rotate(keys, NOW + LONGEST_SESSION + 1)}


def test_token_of_a_removed_key_is_refused_even_if_it_was_opened_before():
    keys = new_ring(NOW)
    ring = KeyRing(MASTER, keys)
    token = ring.seal(SESSION)
    session = ring.open(token)
    ring.use([key for key in rotate(keys, NOW + 10) if key.id != keys[0].id])
    with pytest.raises(TokenError):
        ring.open(token)
    with pytest.raises(TokenError):
        ring.secret_access_key(session)


def test_ring_has_exactly_one_active_key():
    keys = new_ring(NOW)
    for wrong in ([], keys[1:], [keys[0], replace(keys[1], state=KeyState.ACTIVE)]):
        with pytest.raises(ValueError, match="one active key"):
            KeyRing(MASTER, wrong)


# -- the cache of opened tokens ----------------------------------------------------------------


def test_opened_tokens_are_opened_once():
    ring = make_ring()
    token = ring.seal(SESSION)
    assert ring.open(token) is ring.open(token)


def test_opened_tokens_are_kept_in_bounded_number():
    ring = make_ring()
    for number in range(10_000):
        ring.open(ring.seal(replace(SESSION, session_name=str(number), tags={})))
    assert len(ring._newer) + len(ring._older) <= 4096
