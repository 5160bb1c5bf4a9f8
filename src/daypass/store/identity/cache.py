"""Identity in memory: every request reads it here, none from SQL.

It holds one record for each user, role, group, managed policy and access key, so it grows as
their tables do (about 1 KB a record, and 3 KB a compiled statement of those in use). Of a managed
policy it holds the text of the default version alone. A change loads the records it names and no
others.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection

from daypass.policy import Policy, PolicyKind, PolicySet
from daypass.store.identity.aws_managed import PREFIX as AWS_PREFIX
from daypass.store.identity.aws_managed import aws_managed_policies
from daypass.store.identity.loading import (
    load_access_keys,
    load_groups,
    load_managed_policies,
    load_roles,
    load_users,
    read_account,
)
from daypass.store.identity.records import (
    AccessKey,
    Account,
    Group,
    Identity,
    IdentityKind,
    ManagedPolicy,
    Role,
    User,
    compiled,
    denying_all,
)
from daypass.tokens import KeyRing

R = TypeVar("R", User, Role, Group, ManagedPolicy, AccessKey)

# The kinds of change, as `Transaction.changed` notes them; the key is always the unique id.
KINDS: Final = ("account", "user", "role", "group", "policy", "access-key")
_SHARED: Final = ("group", "policy")


class _Records(Generic[R]):
    """Records by their unique id, and by the name they are asked for."""

    __slots__ = ("_name_of", "by_id", "ids")

    def __init__(self, name_of: Callable[[R], str]) -> None:
        self._name_of: Callable[[R], str] = name_of
        self.by_id: dict[str, R] = {}
        self.ids: dict[str, str] = {}

    def named(self, name: str) -> R | None:
        return self.by_id.get(self.ids.get(name, ""))

    def replace(self, ids: Iterable[str] | None, records: Iterator[R]) -> None:
        """Forget the records with these ids (None: all), then hold what is there of them."""
        if ids is None:
            self.by_id.clear()
            self.ids.clear()
        else:
            for unique_id in ids:
                record = self.by_id.pop(unique_id, None)
                if record is not None and self.ids.get(self._name_of(record)) == unique_id:
                    del self.ids[self._name_of(record)]
        for record in records:
            self.by_id[record.id] = record
            self.ids[self._name_of(record)] = record.id


class IdentityCache:
    """The account's identities; a `store.engine.Cached`: give it to `Store.keep`."""

    def __init__(self, keys: KeyRing, account_id: str) -> None:
        self.account_id = account_id
        self.kinds: Sequence[str] = KINDS
        self.account: Account | None = None
        self._keys = keys
        self._users: _Records[User] = _Records(lambda user: user.name)
        self._roles: _Records[Role] = _Records(lambda role: role.name)
        self._groups: _Records[Group] = _Records(lambda group: group.name)
        self._policies: _Records[ManagedPolicy] = _Records(lambda policy: policy.arn)
        self._access_keys: _Records[AccessKey] = _Records(lambda key: key.id)
        # Counts changes of what identities share. A set compiled before one is compiled again.
        self._shared_version = 0

    # -- one record --------------------------------------------------------------------------

    def access_key(self, access_key_id: str) -> AccessKey | None:
        return self._access_keys.by_id.get(access_key_id)

    def user(self, name: str) -> User | None:
        return self._users.named(name)

    def role(self, name: str) -> Role | None:
        return self._roles.named(name)

    def group(self, name: str) -> Group | None:
        return self._groups.named(name)

    def user_by_id(self, unique_id: str) -> User | None:
        return self._users.by_id.get(unique_id)

    def role_by_id(self, unique_id: str) -> Role | None:
        return self._roles.by_id.get(unique_id)

    def group_by_id(self, unique_id: str) -> Group | None:
        return self._groups.by_id.get(unique_id)

    def managed_policy(self, arn: str) -> ManagedPolicy | None:
        """The account's or AWS's own."""
        if arn.startswith(AWS_PREFIX):
            return aws_managed_policies().get(arn)
        return self._policies.named(arn)

    def identity(self, kind: IdentityKind, name: str) -> Identity | None:
        if kind is IdentityKind.USER:
            return self.user(name)
        return self.role(name) if kind is IdentityKind.ROLE else self.group(name)

    # -- all records -------------------------------------------------------------------------

    def users(self) -> Iterable[User]:
        return self._users.by_id.values()

    def roles(self) -> Iterable[Role]:
        return self._roles.by_id.values()

    def groups(self) -> Iterable[Group]:
        return self._groups.by_id.values()

    def managed_policies(self) -> Iterable[ManagedPolicy]:
        """The account's own."""
        return self._policies.by_id.values()

    def access_keys_of(self, user_id: str | None) -> Sequence[AccessKey]:
        """The access keys of a user (None: the root user), oldest first."""
        if user_id is None:
            found = [key for key in self._access_keys.by_id.values() if key.user_id is None]
        else:
            user = self.user_by_id(user_id)
            ids = () if user is None else user.access_key_ids
            # A user's row may be newer than the last access key loaded.
            found = [
                self._access_keys.by_id[each] for each in ids if each in self._access_keys.by_id
            ]
        return sorted(found, key=lambda key: (key.created, key.id))

    # -- keeping current ---------------------------------------------------------------------

    def load(self, connection: Connection) -> None:
        for kind in KINDS:
            self._load(connection, kind, None)

    def reload(self, connection: Connection, kind: str, keys: Sequence[str]) -> None:
        self._load(connection, kind, keys)

    def _load(self, connection: Connection, kind: str, ids: Sequence[str] | None) -> None:
        if kind in _SHARED:
            self._shared_version += 1
        if kind == "account":
            self.account = read_account(connection)
        elif kind == "user":
            self._users.replace(ids, load_users(connection, ids, self))
        elif kind == "role":
            self._roles.replace(ids, load_roles(connection, ids, self))
        elif kind == "group":
            self._groups.replace(ids, load_groups(connection, ids, self))
        elif kind == "policy":
            self._policies.replace(ids, load_managed_policies(connection, ids))
        elif kind == "access-key":
            self._access_keys.replace(ids, load_access_keys(connection, ids, self._keys))

    # -- compiling (a `loading.Compiler`) ----------------------------------------------------

    def identity_of(self, kind: IdentityKind, unique_id: str) -> Callable[[], PolicySet]:
        return self._once_a_version(lambda: PolicySet(self._policies_of(kind, unique_id)))

    def boundary(self, arn: str | None) -> Callable[[], PolicySet]:
        return self._once_a_version(
            lambda: PolicySet([] if arn is None else [self._managed(arn, PolicyKind.BOUNDARY)])
        )

    def trust(self, document: str, label: str) -> Callable[[], PolicySet]:
        return self._once_a_version(
            lambda: PolicySet([compiled(document, PolicyKind.TRUST, label)])
        )

    def _once_a_version(self, compile_set: Callable[[], PolicySet]) -> Callable[[], PolicySet]:
        kept: PolicySet | None = None
        version = -1

        def current() -> PolicySet:
            nonlocal kept, version
            if kept is None or version != self._shared_version:
                kept, version = compile_set(), self._shared_version
            return kept

        return current

    def _policies_of(self, kind: IdentityKind, unique_id: str) -> list[Policy]:
        owners: list[Identity | None]
        if kind is IdentityKind.USER:
            user = self.user_by_id(unique_id)
            owners = [user, *map(self.group_by_id, user.group_ids if user else ())]
        else:
            owners = [self.role_by_id(unique_id)]
        policies: list[Policy] = []
        for owner in owners:
            if owner is None:
                # A record that was replaced while someone held it: it grants nothing any more.
                policies.append(denying_all(PolicyKind.IDENTITY, unique_id))
                continue
            policies += [
                compiled(document, PolicyKind.IDENTITY, name)
                for name, document in owner.inline.items()
            ]
            policies += [self._managed(arn, PolicyKind.IDENTITY) for arn in owner.attached]
        return policies

    def _managed(self, arn: str, kind: PolicyKind) -> Policy:
        policy = self.managed_policy(arn)
        return denying_all(kind, arn) if policy is None else policy.compiled(kind)
