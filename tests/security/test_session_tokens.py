"""Attacks on session tokens: reading them, forging them, using them as something else."""

import base64
import binascii
import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from daypass.tokens import (
    DecryptionError,
    KeyRing,
    KeyState,
    RingKey,
    Session,
    SessionKind,
    TokenError,
    new_ring,
    rotate,
)
from tests.local_node import LocalNode, allow, local_node, trust

NOW = 1_800_000_000
MASTER = bytes(range(32))
SESSION = Session(
    accessor="abcdefgh23456722",
    access_key_id="ASIAQNZGKIQY56JQ7WML",
    account="123456789012",
    kind=SessionKind.ASSUMED_ROLE,
    subject_id="AROAJQABLZS4A3QDU576Q",
    subject_name="administrator",
    session_name="alice",
    issued=NOW,
    expires=NOW + 3600,
)
FIELDS = (
    *(SESSION.accessor, SESSION.access_key_id, SESSION.account, "assumed-role"),
    *(SESSION.subject_id, SESSION.subject_name, SESSION.session_name, NOW, NOW + 3600),
    *(None, (), False, "", {}, (), (), "", {}, ()),
)


def key_of(material: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"daypass/{purpose}".encode()).derive(material)


def forge(
    key: RingKey,
    fields: Any = FIELDS,
    *,
    material: bytes | None = None,
    purpose: str = "session-token",
    version: int = 1,
) -> str:
    """A token made outside of the ring, by whoever has `material`, the key's own by default."""
    head = bytes([version]) + bytes.fromhex(key.id)
    nonce = os.urandom(12)
    packed = msgpack.packb(fields)
    aead = AESGCM(key_of(key.material if material is None else material, purpose))
    payload = struct.pack(">BI", 0, len(packed)) + packed
    sealed = aead.encrypt(nonce, payload, head + purpose.encode())
    return base64.b64encode(head + nonce + sealed).decode()


@pytest.fixture
def keys() -> list[RingKey]:
    return new_ring(NOW)


@pytest.fixture
def ring(keys: list[RingKey]) -> KeyRing:
    return KeyRing(MASTER, keys)


def refused(ring: KeyRing, token: str) -> bool:
    try:
        ring.open(token)
    except TokenError:
        return True
    return False


# -- reading the secret or the session from a token --------------------------------------------


def test_token_tells_its_holder_nothing(ring):
    raw = base64.b64decode(ring.seal(SESSION))
    secret = ring.secret_access_key(SESSION)
    for told in (secret.encode(), base64.b64decode(secret), b"administrator", b"alice", b"AROA"):
        assert told not in raw
        assert told not in base64.b64encode(raw)


def test_not_even_who_opens_the_token_reads_the_secret_in_it(ring, keys):
    raw = base64.b64decode(ring.seal(SESSION))
    aead = AESGCM(key_of(keys[0].material, "session-token"))
    payload = aead.decrypt(raw[5:17], raw[17:], raw[:5] + b"session-token")
    secret = ring.secret_access_key(SESSION)
    assert secret.encode() not in payload
    assert base64.b64decode(secret) not in payload
    assert secret[:20].encode() not in payload


# -- forging -----------------------------------------------------------------------------------


def test_the_forger_of_these_tests_makes_good_tokens_with_the_right_key(ring, keys):
    assert ring.open(forge(keys[0])).session_name == "alice"


def test_every_altered_character_is_refused(ring):
    token = ring.seal(SESSION)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for index, character in enumerate(token):
        for other in (alphabet[(alphabet.find(character) + 1) % 64], "=", " ", "\n", "é", "-"):
            if other != character:
                assert refused(ring, token[:index] + other + token[index + 1 :]), index


def test_other_spellings_of_a_token_are_refused(ring):
    token = ring.seal(SESSION)
    for other in (
        "",
        token[:-1],
        token[:20],
        token + "=",
        token + "A",
        token + token,
        " " + token,
        token + "\n",
        token.rstrip("=") + "===",
        token.replace("+", "-").replace("/", "_") + "_",
        token.lower(),
        binascii.hexlify(base64.b64decode(token)).decode(),
    ):
        assert other == token or refused(ring, other), other


@pytest.mark.parametrize(
    "material",
    [b"", b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", bytes(32), MASTER, b"abcdefgh"],
    ids=["empty", "own-secret", "zeros", "master", "default"],
)
def test_token_sealed_with_a_key_of_ones_own_is_refused(ring, keys, material):
    assert refused(ring, forge(keys[0], material=material))


def test_token_of_another_server_is_refused(ring):
    assert refused(ring, KeyRing(MASTER, new_ring(NOW)).seal(SESSION))


def test_token_that_names_another_key_or_none_is_refused(ring, keys):
    sealed = base64.b64decode(ring.seal(SESSION))
    prepared = sealed[:1] + bytes.fromhex(keys[1].id) + sealed[5:]
    unknown = sealed[:1] + b"\x00\x00\x00\x00" + sealed[5:]
    for raw in (prepared, unknown, sealed[5:], b"\x00" + sealed[1:]):
        assert refused(ring, base64.b64encode(raw).decode())
    for version in (0, 2, 255):
        assert refused(ring, forge(keys[0], version=version))


def test_token_of_a_key_that_left_the_ring_is_refused(ring, keys):
    token = ring.seal(SESSION)
    assert not refused(ring, token)
    rotated = rotate(keys, NOW)
    ring.use(rotated)
    assert not refused(ring, token)
    ring.use([key for key in rotated if key.state is not KeyState.RETIRED])
    assert refused(ring, token)


@pytest.mark.parametrize(
    "unsigned",
    [
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJyb290In0.",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJyb290In0.c2lnbmF0dXJl",
        base64.b64encode(b"\x01" + msgpack.packb(FIELDS)).decode(),
        "IQoJb3JpZ2luX2VjEXAMPLETOKEN",
        "A" * 100_000,
        "é" * 100,
        "\x00" * 64,
    ],
)
def test_what_is_no_token_is_refused(ring, unsigned):
    assert refused(ring, unsigned)


# -- expiry ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expires",
    [
        *(None, "", str(NOW + 3600), [NOW + 3600], True, False, 0, -1, 2**63, 2**64 - 1),
        *(NOW + 3600.5, math.inf, -math.inf, math.nan, 1e300, NOW, NOW - 1),
    ],
)
def test_expiry_that_is_no_second_to_come_is_refused_even_well_sealed(ring, keys, expires):
    assert refused(ring, forge(keys[0], (*FIELDS[:8], expires, *FIELDS[9:])))


@pytest.mark.parametrize("issued", [None, "now", True, 0, -1, math.nan, -math.inf, NOW + 3600])
def test_time_of_issue_that_is_none_is_refused_even_well_sealed(ring, keys, issued):
    assert refused(ring, forge(keys[0], (*FIELDS[:7], issued, *FIELDS[8:])))


@pytest.mark.parametrize(
    "fields",
    [FIELDS[:-1], (*FIELDS, ""), (), {}, "session", (*FIELDS[:3], "root", *FIELDS[4:])],
)
def test_payload_of_another_form_is_refused_even_well_sealed(ring, keys, fields):
    assert refused(ring, forge(keys[0], fields))


# -- one purpose, one key ----------------------------------------------------------------------


def test_what_is_sealed_for_another_purpose_is_no_token(ring, keys):
    for purpose in ("session-secret", "at-rest/access-key", "at-rest/key-ring", ""):
        assert refused(ring, forge(keys[0], purpose=purpose))
    encrypted = ring.encrypt("access-key", msgpack.packb(FIELDS), "AKIA1")
    assert refused(ring, base64.b64encode(encrypted).decode())


def test_token_is_no_encrypted_secret(ring):
    raw = base64.b64decode(ring.seal(SESSION))
    for start in (0, 1, 4, 5):
        with pytest.raises(DecryptionError):
            ring.decrypt("access-key", b"\x01" + raw[start:], "AKIA1")


def test_two_servers_share_no_key(tmp_path):
    from daypass.store.engine import open_store
    from daypass.store.sessions import load_or_create_key_ring

    tokens = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        store = open_store(tmp_path / name)
        held = load_or_create_key_ring(store, MASTER, NOW)
        tokens.append((held, held.seal(SESSION), held.secret_access_key(SESSION)))
        store.close()
    (one, token, secret), (two, other_token, other_secret) = tokens
    assert refused(one, other_token)
    assert refused(two, token)
    assert secret != other_secret


# -- a token at the server ---------------------------------------------------------------------


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def session(node: LocalNode) -> dict[str, str]:
    alice = node.user("alice", allow("sts:AssumeRole"))
    role = node.role("reader", trust({"AWS": "123456789012"}), allow("iam:*"))
    return node.assume(alice, role)


def answer_to(node: LocalNode, credentials: dict[str, str]) -> tuple[int, str]:
    try:
        node.client("sts", credentials).get_caller_identity()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return 200, ""


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "Token ", "AWS ", ""])
def test_token_as_a_bearer_is_refused(node, session, scheme):
    answer = node.send(
        "POST",
        "/",
        "",
        [
            ("host", "127.0.0.1:9311"),
            ("authorization", scheme + session["aws_session_token"]),
            ("content-type", "application/x-www-form-urlencoded"),
        ],
        b"Action=GetCallerIdentity&Version=2011-06-15",
    )
    assert 400 <= answer.status_code < 500
    assert b"<Arn>" not in answer.content


def test_token_of_one_key_with_the_credentials_of_another_is_refused(node, session):
    alice, other = (
        node.user("bob"),
        node.assume(
            node.user("carol", allow("sts:AssumeRole")), "arn:aws:iam::123456789012:role/reader"
        ),
    )
    for holder in (alice, other, node.root):
        mixed = {**holder, "aws_session_token": session["aws_session_token"]}
        assert answer_to(node, mixed) == (403, "InvalidClientTokenId")


def test_temporary_key_without_its_token_is_refused(node, session):
    bare = {name: value for name, value in session.items() if name != "aws_session_token"}
    assert answer_to(node, bare) == (403, "InvalidClientTokenId")


def test_two_tokens_in_one_request_are_refused(node, session):
    answer = node.send(
        "GET",
        "/",
        "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Security-Token=other",
        [
            ("host", "127.0.0.1:9311"),
            ("x-amz-security-token", session["aws_session_token"]),
            ("x-amz-security-token", session["aws_session_token"] + "A"),
            ("authorization", "AWS4-HMAC-SHA256 Credential=x"),
        ],
    )
    assert 400 <= answer.status_code < 500


def test_session_ends_in_the_second_it_said_even_with_a_valid_signature(node, session):
    node.now = int(node.now) + 3599.9
    assert answer_to(node, session) == (200, "")
    node.now += 0.1
    assert answer_to(node, session) == (403, "ExpiredToken")
    node.now += 10**7
    assert answer_to(node, session) == (403, "ExpiredToken")
