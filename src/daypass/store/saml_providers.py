"""The SAML providers that the account trusts, and which assertions were used."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from daypass.federation.saml import Issuers, SamlProvider, provider_arn
from daypass.store.engine import Transaction
from daypass.store.schema import metadata

_KIND: Final = "saml-provider"
# The row of no assertion: until when the assertions that were forgotten could have been used.
_FORGOTTEN: Final = ""

# Grows by what administrators create, to IAM's quota of 100. document: up to 10 MB. issuers: by
# entity id, certificates in base64.
saml_providers = Table(
    "saml_providers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(128), nullable=False),
    # Names differ in more than case.
    Column("folded_name", String(128), nullable=False, unique=True),
    Column("document", Text, nullable=False),
    Column("issuers", JSON, nullable=False),
    Column("valid_until", Integer, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("created", Integer, nullable=False),
)

# Grows by the assertions of the last minutes: each can be used for six, and is then forgotten.
# id: SHA-256, hex. usable_until: Unix seconds.
saml_assertions = Table(
    "saml_assertions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("usable_until", Float, nullable=False, index=True),
)


class SamlProviderCache:
    """The providers in memory, a `store.engine.Cached`, all but their documents."""

    kinds: Sequence[str] = (_KIND,)

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._by_arn: dict[str, SamlProvider] = {}

    def by_arn(self, arn: str) -> SamlProvider | None:
        return self._by_arn.get(arn)

    def all(self) -> Iterable[SamlProvider]:
        return self._by_arn.values()

    def load(self, connection: Connection) -> None:
        """All of them: they are few."""
        columns = [column for column in saml_providers.c if column.name != "document"]
        self._by_arn = {
            provider_arn(self._account_id, row["name"]): SamlProvider(
                id=row["id"],
                account=self._account_id,
                name=row["name"],
                issuers={
                    issuer: tuple(map(b64decode, certificates))
                    for issuer, certificates in row["issuers"].items()
                },
                valid_until=row["valid_until"],
                created=row["created"],
                tags=dict(row["tags"]),
            )
            for row in connection.execute(select(*columns)).mappings()
        }

    def reload(self, connection: Connection, kind: str, keys: Sequence[str]) -> None:  # noqa: ARG002
        self.load(connection)


def read_document(connection: Connection, provider_id: str) -> str | None:
    """A provider's metadata document as it was sent."""
    statement = select(saml_providers.c.document).where(saml_providers.c.id == provider_id)
    return connection.execute(statement).scalar()


# -- changes -----------------------------------------------------------------------------------


def count_providers(transaction: Transaction) -> int:
    statement = select(func.count()).select_from(saml_providers)
    return int(transaction.connection.execute(statement).scalar_one())


def name_is_taken(transaction: Transaction, name: str) -> bool:
    """Whether there is a provider of this name, whatever the case."""
    taken = saml_providers.c.folded_name == name.lower()
    return (
        transaction.connection.execute(select(saml_providers.c.id).where(taken)).first() is not None
    )


def insert_provider(transaction: Transaction, provider: SamlProvider, document: str) -> None:
    transaction.connection.execute(
        insert(saml_providers).values(
            id=provider.id,
            name=provider.name,
            folded_name=provider.name.lower(),
            document=document,
            issuers=_packed(provider.issuers),
            valid_until=provider.valid_until,
            tags=dict(provider.tags),
            created=provider.created,
        )
    )
    transaction.changed(_KIND, provider.id)


def replace_document(
    transaction: Transaction, provider_id: str, document: str, issuers: Issuers, valid_until: int
) -> bool:
    """Give a provider another metadata document; whether it is still there."""
    return _update(
        transaction,
        provider_id,
        document=document,
        issuers=_packed(issuers),
        valid_until=valid_until,
    )


def read_tags(transaction: Transaction, provider_id: str) -> dict[str, str] | None:
    """The tags of a provider as they are now; None if it was deleted."""
    statement = select(saml_providers.c.tags).where(saml_providers.c.id == provider_id)
    tags = transaction.connection.execute(statement).scalar()
    return None if tags is None else dict(tags)


def set_tags(transaction: Transaction, provider_id: str, tags: dict[str, str]) -> bool:
    """Set the tags of a provider; whether it is still there."""
    return _update(transaction, provider_id, tags=tags)


def delete_provider(transaction: Transaction, provider_id: str) -> None:
    transaction.connection.execute(delete(saml_providers).where(saml_providers.c.id == provider_id))
    transaction.changed(_KIND, provider_id)


def use_assertion(
    transaction: Transaction, assertion: str, usable_until: float, now: float
) -> bool:
    """Use an assertion up; False if it was before. usable_until, now: Unix seconds.

    INVARIANT: of all requests with one assertion, in whichever process, one gets True: this runs in
    the store's writer. That holds for a clock that is set back as well: what could have been
    forgotten is never taken again.
    """
    connection = transaction.connection
    over = or_(saml_assertions.c.usable_until <= now, saml_assertions.c.id == _FORGOTTEN)
    ends = select(func.max(saml_assertions.c.usable_until)).where(over)
    forgotten = connection.execute(ends).scalar()
    if forgotten is not None:
        if usable_until <= forgotten:
            return False
        connection.execute(delete(saml_assertions).where(over))
        connection.execute(insert(saml_assertions).values(id=_FORGOTTEN, usable_until=forgotten))
    same = select(saml_assertions.c.id).where(saml_assertions.c.id == assertion)
    if connection.execute(same).first() is not None:
        return False
    connection.execute(insert(saml_assertions).values(id=assertion, usable_until=usable_until))
    return True


# -- parts -------------------------------------------------------------------------------------


def _packed(issuers: Issuers) -> dict[str, list[str]]:
    return {
        issuer: [b64encode(certificate).decode() for certificate in certificates]
        for issuer, certificates in issuers.items()
    }


def _update(transaction: Transaction, provider_id: str, **columns: object) -> bool:
    changed = transaction.connection.execute(
        update(saml_providers).where(saml_providers.c.id == provider_id).values(**columns)
    )
    transaction.changed(_KIND, provider_id)
    return changed.rowcount == 1
