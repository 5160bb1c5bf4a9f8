"""The buckets of the node in memory, each with its compiled policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from daypass.policy import PolicyError, PolicyKind, PolicySet, parse_policy
from daypass.store.buckets.tables import buckets

# What a stored policy that this version cannot read becomes: it might have denied anything.
_DENY_EVERYTHING = (
    '{"Version":"2012-10-17","Statement":[{"Sid":"UnreadablePolicy","Effect":"Deny",'
    '"Principal":"*","Action":"s3:*","Resource":"*"}]}'
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket. owner: an account id. created: Unix seconds. policy_text: as stored, with unique
    ids as principals; policy: the same compiled, None if there is none."""

    id: int
    name: str
    owner: str
    region: str
    created: int
    policy_text: str | None = None
    policy: PolicySet | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.name}"


class BucketCache:
    """Buckets by name, kept current by the store."""

    kinds: Sequence[str] = ("bucket",)

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def bucket(self, name: str) -> Bucket | None:
        return self._buckets.get(name)

    def all(self) -> Sequence[Bucket]:
        """Every bucket, by name."""
        return [self._buckets[name] for name in sorted(self._buckets)]

    def load(self, connection: Connection) -> None:
        rows = connection.execute(select(buckets)).all()
        self._buckets = {row.name: _bucket(row) for row in rows}

    def reload(
        self,
        connection: Connection,
        kind: str,  # noqa: ARG002 - there is one
        keys: Sequence[str],
    ) -> None:
        for name in keys:
            self._buckets.pop(name, None)
        for row in connection.execute(select(buckets).where(buckets.c.name.in_(keys))):
            self._buckets[row.name] = _bucket(row)


def _bucket(row: Row[Any]) -> Bucket:
    return Bucket(
        id=row.id,
        name=row.name,
        owner=row.owner,
        region=row.region,
        created=row.created,
        policy_text=row.policy,
        policy=None if row.policy is None else _compiled(row.policy, row.name),
    )


def _compiled(text: str, name: str) -> PolicySet:
    label = f"the policy of bucket {name}"
    try:
        policy = parse_policy(text, PolicyKind.RESOURCE, label=label)
    except PolicyError:
        policy = parse_policy(_DENY_EVERYTHING, PolicyKind.RESOURCE, label=label)
    return PolicySet([policy])
