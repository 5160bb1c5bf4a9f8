"""The account as an issuer of web identity tokens: its name, and the keys it signs them with."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from daypass.federation.oidc import SigningKey, TokenSigner, published_keys
from daypass.store.engine import Transaction
from daypass.store.schema import metadata
from daypass.tokens import KeyRing, KeyState

_KIND: Final = "token-issuer"
# The purpose under which signing keys are encrypted; their context is the key id.
_PURPOSE: Final = "web-identity-signing-key"

# One row, from the first time the account's tokens are enabled. id: the last part of the issuer's
# URL, for ever the same.
token_issuer = Table(
    "token_issuer",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("created", Integer, nullable=False),
)

# For each algorithm an active and a prepared key, and those retired in the last hour.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("algorithm", String(8), nullable=False),
    Column("encrypted_private", LargeBinary, nullable=False),
    Column("public", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("since", Integer, nullable=False),
)


class TokenIssuerCache:
    """The issuer in memory, a `store.engine.Cached`. id: "" until it was enabled once."""

    kinds: Sequence[str] = (_KIND,)

    def __init__(self, keys: KeyRing) -> None:
        self._ring = keys
        self.id = ""
        self.enabled = False
        self.keys: Sequence[SigningKey] = ()
        self._signers: dict[str, TokenSigner] = {}

    def signer(self, algorithm: str) -> TokenSigner:
        """What signs with the active key of an algorithm. Raises `KeyError` if there is none."""
        signer = self._signers.get(algorithm)
        if signer is None:
            active = {key.algorithm: key for key in self.keys if key.state is KeyState.ACTIVE}
            signer = self._signers[algorithm] = TokenSigner(active[algorithm])
        return signer

    def published(self, now: float) -> dict[str, Any]:
        """The JWK set."""
        return published_keys(self.keys, now)

    def active_since(self) -> float:
        """Since when the oldest active key signs, Unix seconds."""
        return min((key.since for key in self.keys if key.state is KeyState.ACTIVE), default=0)

    def load(self, connection: Connection) -> None:
        row = connection.execute(select(token_issuer)).mappings().first()
        self.id = "" if row is None else row["id"]
        self.enabled = row is not None and row["enabled"]
        self.keys = read_signing_keys(connection, self._ring)
        self._signers = {}

    def reload(self, connection: Connection, kind: str, keys: Sequence[str]) -> None:  # noqa: ARG002
        self.load(connection)


def read_signing_keys(connection: Connection, ring: KeyRing) -> list[SigningKey]:
    return [
        SigningKey(
            row["id"],
            row["algorithm"],
            ring.decrypt(_PURPOSE, row["encrypted_private"], row["id"]),
            row["public"],
            KeyState(row["state"]),
            row["since"],
        )
        for row in connection.execute(select(signing_keys)).mappings()
    ]


# -- changes -----------------------------------------------------------------------------------


def enable_issuer(
    transaction: Transaction,
    issuer_id: str,
    keys: Iterable[SigningKey],
    ring: KeyRing,
    now: float,
) -> bool:
    """Enable it, under its old id and with its old keys if it ever was. False: it is enabled."""
    connection = transaction.connection
    row = connection.execute(select(token_issuer)).mappings().first()
    if row is not None and row["enabled"]:
        return False
    if row is None:
        connection.execute(
            insert(token_issuer).values(id=issuer_id, enabled=True, created=int(now))
        )
        write_signing_keys(transaction, keys, ring)
    else:
        connection.execute(update(token_issuer).values(enabled=True))
    transaction.changed(_KIND, "")
    return True


def disable_issuer(transaction: Transaction) -> bool:
    """Disable it; False: it is not enabled. What it issued stays good until its end."""
    result = transaction.connection.execute(
        update(token_issuer).where(token_issuer.c.enabled).values(enabled=False)
    )
    transaction.changed(_KIND, "")
    return result.rowcount > 0


def write_signing_keys(transaction: Transaction, keys: Iterable[SigningKey], ring: KeyRing) -> None:
    """These keys, in the place of all that were there."""
    transaction.connection.execute(delete(signing_keys))
    transaction.connection.execute(
        insert(signing_keys),
        [
            {
                "id": key.id,
                "algorithm": key.algorithm,
                "encrypted_private": ring.encrypt(_PURPOSE, key.private, key.id),
                "public": dict(key.public),
                "state": key.state.value,
                "since": key.since,
            }
            for key in keys
        ],
    )
    transaction.changed(_KIND, "")
