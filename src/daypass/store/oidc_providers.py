"""The OpenID Connect providers that the account trusts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Integer,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from daypass.federation.oidc import OidcProvider
from daypass.store.engine import Transaction
from daypass.store.schema import metadata

_KIND: Final = "oidc-provider"

# Grows by what administrators create, to IAM's quota of 100.
oidc_providers = Table(
    "oidc_providers",
    metadata,
    Column("id", String(32), primary_key=True),
    # Without its scheme: what the ARN ends with, and so what must not come twice.
    Column("name", String(255), nullable=False, unique=True),
    Column("url", String(255), nullable=False),
    Column("client_ids", JSON, nullable=False),
    Column("thumbprints", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("created", Integer, nullable=False),
)


def provider_arn(account_id: str, name: str) -> str:
    """name: the URL without its scheme."""
    return f"arn:aws:iam::{account_id}:oidc-provider/{name}"


class OidcProviderCache:
    """The providers in memory, a `store.engine.Cached`: no token is looked at with a query."""

    kinds: Sequence[str] = (_KIND,)

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._by_arn: dict[str, OidcProvider] = {}
        self._by_url: dict[str, OidcProvider] = {}

    def by_arn(self, arn: str) -> OidcProvider | None:
        return self._by_arn.get(arn)

    def by_url(self, url: str) -> OidcProvider | None:
        """The provider whose tokens say this issuer."""
        return self._by_url.get(url)

    def all(self) -> Iterable[OidcProvider]:
        return self._by_arn.values()

    def load(self, connection: Connection) -> None:
        """All of them: they are few."""
        providers = [
            OidcProvider(
                id=row["id"],
                url=row["url"],
                arn=provider_arn(self._account_id, row["name"]),
                client_ids=tuple(row["client_ids"]),
                thumbprints=tuple(row["thumbprints"]),
                created=row["created"],
                tags=dict(row["tags"]),
            )
            for row in connection.execute(select(oidc_providers)).mappings()
        ]
        self._by_arn = {provider.arn: provider for provider in providers}
        self._by_url = {provider.url: provider for provider in providers}

    def reload(self, connection: Connection, kind: str, keys: Sequence[str]) -> None:  # noqa: ARG002
        self.load(connection)


# -- changes -----------------------------------------------------------------------------------


def count_providers(transaction: Transaction) -> int:
    statement = select(func.count()).select_from(oidc_providers)
    return int(transaction.connection.execute(statement).scalar_one())


def name_is_taken(transaction: Transaction, name: str) -> bool:
    statement = select(oidc_providers.c.id).where(oidc_providers.c.name == name)
    return transaction.connection.execute(statement).first() is not None


def insert_provider(transaction: Transaction, provider: OidcProvider) -> None:
    transaction.connection.execute(
        insert(oidc_providers).values(
            id=provider.id,
            name=provider.name,
            url=provider.url,
            client_ids=list(provider.client_ids),
            thumbprints=list(provider.thumbprints),
            tags=dict(provider.tags),
            created=provider.created,
        )
    )
    transaction.changed(_KIND, provider.id)


def read_lists(
    transaction: Transaction, provider_id: str
) -> tuple[list[str], Mapping[str, str]] | None:
    """The client ids and tags of a provider as they are now; None if it was deleted."""
    statement = select(oidc_providers).where(oidc_providers.c.id == provider_id)
    row = transaction.connection.execute(statement).mappings().first()
    return None if row is None else (list(row["client_ids"]), dict(row["tags"]))


def update_provider(transaction: Transaction, provider_id: str, **columns: object) -> None:
    """Set these columns of a provider that exists."""
    transaction.connection.execute(
        update(oidc_providers).where(oidc_providers.c.id == provider_id).values(**columns)
    )
    transaction.changed(_KIND, provider_id)


def delete_provider(transaction: Transaction, provider_id: str) -> None:
    transaction.connection.execute(delete(oidc_providers).where(oidc_providers.c.id == provider_id))
    transaction.changed(_KIND, provider_id)
