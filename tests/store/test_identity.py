"""The identity tables, the cache over them, and principals as unique ids."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data
from sqlalchemy import Table, event, insert, select
from sqlalchemy.exc import IntegrityError

from daypass.policy import (
    AuthorizationRequest,
    Layers,
    PolicySet,
    Principal,
    PrincipalKind,
    evaluate,
)
from daypass.store import engine as engine_module
from daypass.store.engine import Store, open_store
from daypass.store.identity import (
    IdentityCache,
    IdentityKind,
    InvalidPrincipalError,
    aws_managed_policies,
    create_account,
    ids_to_principals,
    principals_to_ids,
    read_account,
    read_root_access_key,
    read_version_document,
    tables,
    writes,
)
from daypass.tokens import DecryptionError, KeyRing, new_ring

ACCOUNT = "123456789012"
NOW = 1_800_000_000.5
USER, ROLE, GROUP = IdentityKind.USER, IdentityKind.ROLE, IdentityKind.GROUP
ROOT_KEY_ID, ROOT_SECRET = "AKIAROOTROOTROOTROOT", "s3cret/of/the/root/user/0123456789abcdef"


def statement(effect: str, action: str, resource: str = "*") -> str:
    body = {"Effect": effect, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [body]})


def trust(*principals: str) -> str:
    body = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": list(principals)}}
    return json.dumps({"Version": "2012-10-17", "Statement": [body]})


def allows(identity: PolicySet, action: str, boundary: PolicySet | None = None) -> bool:
    principal = Principal(PrincipalKind.USER, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/any")
    request = AuthorizationRequest(principal, action, "arn:aws:s3:::bucket", {}, ACCOUNT)
    return evaluate(request, Layers(identity=identity, boundary=boundary)).allowed


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing(bytes(range(32)), new_ring(NOW))


@pytest.fixture
def store(tmp_path: Path, keys: KeyRing) -> Iterator[Store]:
    opened = open_store(tmp_path)
    opened.write_now(
        lambda t: create_account(
            t,
            ACCOUNT,
            "eu-west-1",
            access_key_id=ROOT_KEY_ID,
            secret_access_key=ROOT_SECRET,
            keys=keys,
            now=NOW,
        )
    )
    yield opened
    opened.close()


@pytest.fixture
def cache(store: Store, keys: KeyRing) -> IdentityCache:
    cache = IdentityCache(keys, ACCOUNT)
    store.keep(cache)
    return cache


def add_user(store: Store, unique_id: str, name: str, path: str = "/") -> None:
    store.write_now(
        lambda t: writes.insert_identity(
            t, USER, unique_id, name=name, path=path, now=NOW, boundary=None, tags={}
        )
    )
    store.refresh()


def add_role(store: Store, unique_id: str, name: str, document: str, path: str = "/") -> None:
    store.write_now(
        lambda t: writes.insert_identity(
            t,
            ROLE,
            unique_id,
            name=name,
            path=path,
            now=NOW,
            boundary=None,
            tags={"team": "a"},
            description=None,
            max_session_duration=3600,
            trust=document,
        )
    )
    store.refresh()


def add_policy(store: Store, policy_id: str, name: str, document: str) -> str:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    store.write_now(
        lambda t: writes.insert_policy(
            t,
            policy_id,
            arn=arn,
            name=name,
            path="/",
            description=None,
            tags={},
            document=document,
            now=NOW,
        )
    )
    store.refresh()
    return arn


def write(store: Store, change: object, *arguments: object, **columns: object) -> None:
    store.write_now(lambda t: change(t, *arguments, **columns))
    store.refresh()


# -- tables ----------------------------------------------------------------------------------


def test_the_migration_makes_the_tables_that_are_declared(store):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    mine = {table.name for table in vars(tables).values() if isinstance(table, Table)}
    assert len(mine) == 10

    def is_mine(_object: object, name: str, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or name in mine

    context = MigrationContext.configure(store.reader, opts={"include_object": is_mine})
    assert compare_metadata(context, tables.metadata) == []


def test_names_are_unique_whatever_their_case(store, cache):
    add_user(store, "AIDA1", "Alice")
    with pytest.raises(IntegrityError):
        add_user(store, "AIDA2", "aLICE")
    assert cache.user("Alice").id == "AIDA1"
    assert cache.user("alice") is None


# -- the account and access keys -------------------------------------------------------------


def test_the_account_and_the_root_access_key_are_read_back(store, cache, keys):
    account = read_account(store.reader)
    assert (account.id, account.region, account.created) == (ACCOUNT, "eu-west-1", int(NOW))
    key = read_root_access_key(store.reader, keys)
    assert (key.id, key.secret, key.user, key.active) == (ROOT_KEY_ID, ROOT_SECRET, None, True)
    assert cache.access_key(ROOT_KEY_ID) == key
    assert cache.account == account


def test_before_the_first_start_there_is_no_account(tmp_path, keys):
    opened = open_store(tmp_path)
    assert read_account(opened.reader) is None
    assert read_root_access_key(opened.reader, keys) is None
    opened.close()


def test_no_secret_is_at_rest_or_in_a_repr(store, cache, tmp_path):
    store.reader.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    for path in tmp_path.iterdir():
        assert ROOT_SECRET.encode() not in path.read_bytes(), path.name
    assert ROOT_SECRET not in repr(cache.access_key(ROOT_KEY_ID))


def test_an_encrypted_secret_moved_to_another_key_id_does_not_decrypt(store, keys):
    encrypted = store.reader.execute(select(tables.access_keys.c.encrypted_secret)).scalar_one()
    store.write_now(
        lambda t: t.connection.execute(
            insert(tables.access_keys).values(
                id="AKIAANOTHER", encrypted_secret=encrypted, active=True, created=0
            )
        )
    )
    with pytest.raises(DecryptionError):
        store.keep(IdentityCache(keys, ACCOUNT))


def test_an_access_key_follows_its_user_through_a_rename(store, cache, keys):
    add_user(store, "AIDA1", "alice")
    write(store, writes.insert_access_key, "AKIA1", "AIDA1", secret="x", keys=keys, now=NOW)
    assert cache.access_key("AKIA1").user == "alice"
    write(store, writes.update_identity, USER, "AIDA1", name="alicia", path="/new/")
    add_user(store, "AIDA2", "alice")
    assert cache.access_key("AKIA1").user == "alicia"
    assert cache.user("alicia").id == "AIDA1"
    assert cache.user("alicia").arn == f"arn:aws:iam::{ACCOUNT}:user/new/alicia"
    assert cache.user("alice").id == "AIDA2"
    assert [key.id for key in cache.access_keys_of("AIDA1")] == ["AKIA1"]
    assert cache.access_keys_of("AIDA2") == []
    write(store, writes.set_access_key_status, "AKIA1", "AIDA1", False)
    assert cache.access_key("AKIA1").active is False
    write(store, writes.delete_access_key, "AKIA1", "AIDA1")
    assert cache.access_key("AKIA1") is None
    assert cache.access_keys_of("AIDA1") == []


def test_an_access_key_is_changed_only_through_its_own_user(store, cache, keys):
    add_user(store, "AIDA1", "alice")
    for user_id in ("AIDA1", "AIDA2"):
        found = store.write_now(
            lambda t, owner=user_id: writes.delete_access_key(t, ROOT_KEY_ID, owner)
        )
        assert found is False
    assert store.write_now(lambda t: writes.delete_access_key(t, ROOT_KEY_ID, None)) is True


# -- what policies grant ---------------------------------------------------------------------


def test_inline_and_attached_policies_grant_from_the_next_refresh(store, cache):
    add_user(store, "AIDA1", "alice")
    arn = add_policy(store, "ANPA1", "Lists", statement("Allow", "s3:ListBucket"))
    assert not allows(cache.user("alice").identity, "s3:ListBucket")
    write(store, writes.attach, USER, "AIDA1", arn)
    assert allows(cache.user("alice").identity, "s3:ListBucket")
    write(store, writes.put_inline_policy, USER, "AIDA1", "no", statement("Deny", "s3:List*"))
    assert not allows(cache.user("alice").identity, "s3:ListBucket")
    write(store, writes.delete_inline_policy, USER, "AIDA1", "no")
    assert allows(cache.user("alice").identity, "s3:ListBucket")
    write(store, writes.detach, USER, "AIDA1", arn)
    assert not allows(cache.user("alice").identity, "s3:ListBucket")


def test_a_new_default_version_holds_for_everything_the_policy_is_attached_to(store, cache):
    add_user(store, "AIDA1", "alice")
    arn = add_policy(store, "ANPA1", "Shared", statement("Allow", "s3:ListBucket"))
    add_role(store, "AROA1", "worker", trust(ACCOUNT))
    write(store, writes.attach, USER, "AIDA1", arn)
    write(store, writes.update_identity, ROLE, "AROA1", boundary=arn)
    user, role = cache.user("alice"), cache.role("worker")
    everything = user.identity
    assert allows(user.identity, "s3:ListBucket")
    assert allows(everything, "s3:ListBucket", role.boundary)
    new = statement("Allow", "s3:GetObject")
    write(store, writes.insert_policy_version, "ANPA1", new, as_default=True, now=NOW)
    # The records themselves did not change, and are the ones a caller may still hold.
    assert cache.user("alice") is user
    assert cache.role("worker") is role
    assert not allows(user.identity, "s3:ListBucket")
    assert allows(user.identity, "s3:GetObject")
    assert not allows(everything, "s3:ListBucket", role.boundary)
    assert read_version_document(store.reader, "ANPA1", 1) == statement("Allow", "s3:ListBucket")
    assert cache.managed_policy(arn).document == new
    assert list(cache.managed_policy(arn).versions) == [1, 2]


def test_a_compiled_set_is_kept_until_something_changes(store, cache):
    add_user(store, "AIDA1", "alice")
    user = cache.user("alice")
    assert user.identity is user.identity
    before = user.identity
    add_user(store, "AIDA2", "bob")
    assert user.identity is before


def test_a_users_groups_grant_to_it(store, cache):
    add_user(store, "AIDA1", "alice")
    write(store, writes.insert_identity, GROUP, "AGPA1", name="staff", path="/", now=NOW)
    allow = statement("Allow", "s3:ListBucket")
    write(store, writes.put_inline_policy, GROUP, "AGPA1", "list", allow)
    assert not allows(cache.user("alice").identity, "s3:ListBucket")
    write(store, writes.insert_membership, "AIDA1", "AGPA1")
    assert allows(cache.user("alice").identity, "s3:ListBucket")
    assert cache.user("alice").group_ids == ("AGPA1",)
    write(store, writes.put_inline_policy, GROUP, "AGPA1", "list", statement("Deny", "s3:*"))
    assert not allows(cache.user("alice").identity, "s3:ListBucket")
    write(store, writes.put_inline_policy, GROUP, "AGPA1", "list", allow)
    write(store, writes.delete_membership, "AIDA1", "AGPA1")
    assert not allows(cache.user("alice").identity, "s3:ListBucket")


def test_a_stored_policy_that_cannot_be_read_denies_everything(store, cache):
    add_user(store, "AIDA1", "alice")
    write(store, writes.put_inline_policy, USER, "AIDA1", "all", statement("Allow", "*"))
    write(store, writes.put_inline_policy, USER, "AIDA1", "bad", '{"Statement": [{"Effect": "De')
    assert not allows(cache.user("alice").identity, "s3:ListBucket")


def test_a_missing_attached_policy_or_boundary_denies_everything(store, cache):
    add_user(store, "AIDA1", "alice")
    write(store, writes.put_inline_policy, USER, "AIDA1", "all", statement("Allow", "*"))
    everything = cache.user("alice").identity
    assert allows(everything, "s3:ListBucket")
    gone = f"arn:aws:iam::{ACCOUNT}:policy/gone"
    write(store, writes.update_identity, USER, "AIDA1", boundary=gone)
    assert not allows(everything, "s3:ListBucket", cache.user("alice").boundary)
    write(store, writes.attach, USER, "AIDA1", gone)
    assert not allows(cache.user("alice").identity, "s3:ListBucket")


def test_a_trust_policy_that_cannot_be_read_trusts_nobody(store, cache):
    add_role(store, "AROA1", "worker", trust("*"))
    caller = Principal(PrincipalKind.USER, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/a", "", "AIDA9")
    role = cache.role("worker")
    request = AuthorizationRequest(caller, "sts:AssumeRole", role.arn, {}, ACCOUNT)

    def trusted() -> bool:
        layers = Layers(resource=cache.role("worker").trust, resource_must_allow=True)
        return evaluate(request, layers).allowed

    assert trusted()
    write(store, writes.update_identity, ROLE, "AROA1", trust="{")
    assert not trusted()


def test_a_deleted_identity_is_gone_and_grants_nothing_to_who_still_holds_it(store, cache):
    add_user(store, "AIDA1", "alice")
    write(store, writes.put_inline_policy, USER, "AIDA1", "all", statement("Allow", "*"))
    held = cache.user("alice")
    write(store, writes.delete_inline_policy, USER, "AIDA1", "all")
    write(store, writes.delete_identity, USER, "AIDA1")
    assert cache.user("alice") is None
    assert cache.user_by_id("AIDA1") is None
    assert not allows(held.identity, "s3:ListBucket")


def test_a_whole_load_equals_what_reloads_made(store, cache, keys):
    add_user(store, "AIDA1", "alice", "/a/")
    add_role(store, "AROA1", "worker", trust(ACCOUNT))
    arn = add_policy(store, "ANPA1", "P", statement("Allow", "s3:*"))
    write(store, writes.insert_identity, GROUP, "AGPA1", name="staff", path="/", now=NOW)
    write(store, writes.insert_membership, "AIDA1", "AGPA1")
    write(store, writes.attach, GROUP, "AGPA1", arn)
    write(store, writes.attach, ROLE, "AROA1", arn)
    write(store, writes.insert_access_key, "AKIA1", "AIDA1", secret="x", keys=keys, now=NOW)
    fresh = IdentityCache(keys, ACCOUNT)
    store.keep(fresh)
    for records in ("users", "roles", "groups", "managed_policies"):
        assert list(getattr(fresh, records)()) == list(getattr(cache, records)())
    assert fresh.access_key("AKIA1") == cache.access_key("AKIA1")


def test_a_change_loads_its_own_record_alone(store, cache):
    add_user(store, "AIDA1", "alice")
    add_user(store, "AIDA2", "bob")
    alice = cache.user("alice")
    queries: list[str] = []
    event.listen(
        store.reader, "before_cursor_execute", lambda c, cur, sql, *rest: queries.append(sql)
    )
    write(store, writes.update_identity, USER, "AIDA2", tags={"a": "b"})
    assert cache.user("bob").tags == {"a": "b"}
    assert cache.user("alice") is alice
    assert all("WHERE" in sql for sql in queries)
    queries.clear()
    store.refresh()
    assert cache.user("bob").identity is cache.user("bob").identity
    assert queries == []


def test_a_process_behind_the_log_loads_all_identities(store, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, "CHANGES_KEPT", 2)
    other = open_store(tmp_path)

    def change(transaction: object) -> None:
        for number in range(1001):
            writes.insert_identity(
                transaction,
                USER,
                f"AIDA{number}",
                name=f"u{number}",
                path="/",
                now=NOW,
                boundary=None,
                tags={},
            )

    other.write_now(change)
    other.close()
    store.refresh()
    assert cache.user("u1000").id == "AIDA1000"


# -- AWS's managed policies ------------------------------------------------------------------


def test_aws_managed_policies_are_what_aws_publishes(cache):
    published = json.loads(aws_managed_policies_data)
    assert len(aws_managed_policies()) >= 20
    for arn, policy in aws_managed_policies().items():
        entry = published[policy.name]
        assert json.loads(policy.document) == entry["Document"]
        assert arn == f"arn:aws:iam::aws:policy{entry['Path']}{policy.name}"
        assert f"v{policy.default_version}" == entry["DefaultVersionId"]
        assert cache.managed_policy(arn) is policy
        assert PolicySet([policy.policy]).entries


def test_administrator_access_attached_allows_everything(store, cache):
    add_user(store, "AIDA1", "alice")
    write(store, writes.attach, USER, "AIDA1", "arn:aws:iam::aws:policy/AdministratorAccess")
    assert allows(cache.user("alice").identity, "lambda:CreateFunction")


# -- principals ------------------------------------------------------------------------------


def named(text: str) -> object:
    return json.loads(text)["Statement"][0]["Principal"]["AWS"]


def test_users_and_roles_are_kept_by_id_and_shown_by_arn(store, cache):
    user, role = "AIDAAAAAAAAAAAAAAAAAA", "AROAAAAAAAAAAAAAAAAAA"
    add_user(store, user, "alice", "/division/")
    add_role(store, role, "worker", trust(ACCOUNT))
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session"
    arns = [
        f"arn:aws:iam::{ACCOUNT}:user/division/alice",
        f"arn:aws:iam::{ACCOUNT}:role/worker",
        f"arn:aws:iam::{ACCOUNT}:root",
        ACCOUNT,
        session,
        "*",
    ]
    stored = principals_to_ids(trust(*arns), cache)
    assert named(stored) == [user, role, *arns[2:]]
    assert named(ids_to_principals(stored, cache)) == arns
    # The same user under a new name is the same principal.
    write(store, writes.update_identity, USER, user, name="alicia")
    shown = named(ids_to_principals(stored, cache))
    assert shown[0] == f"arn:aws:iam::{ACCOUNT}:user/division/alicia"


def test_a_user_made_again_under_its_name_is_not_the_one_that_was_named(store, cache):
    old, new = "AIDAAAAAAAAAAAAAAAAAA", "AIDABBBBBBBBBBBBBBBBB"
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    add_user(store, old, "alice")
    stored = principals_to_ids(trust(arn), cache)
    write(store, writes.delete_identity, USER, old)
    assert named(ids_to_principals(stored, cache)) == [old]
    add_user(store, new, "alice")
    add_role(store, "AROA1", "worker", stored)
    assert named(ids_to_principals(stored, cache)) == [old]

    def trusted(unique_id: str) -> bool:
        caller = Principal(PrincipalKind.USER, ACCOUNT, arn, unique_id=unique_id)
        role = cache.role("worker")
        request = AuthorizationRequest(caller, "sts:AssumeRole", role.arn, {}, ACCOUNT)
        return evaluate(request, Layers(resource=role.trust, resource_must_allow=True)).allowed

    assert trusted(old)
    assert not trusted(new)
    # A dangling id that comes back in an update is refused.
    with pytest.raises(InvalidPrincipalError):
        principals_to_ids(stored, cache)


@pytest.mark.parametrize(
    "principal",
    [
        f"arn:aws:iam::{ACCOUNT}:user/nobody",
        f"arn:aws:iam::{ACCOUNT}:user/Alice",
        f"arn:aws:iam::{ACCOUNT}:user/wrong/path/alice",
        f"arn:aws:iam::{ACCOUNT}:role/alice",
        "arn:aws:iam::999999999999:user/alice",
        f"arn:aws:iam::{ACCOUNT}:user/*",
        f"arn:aws:iam::{ACCOUNT}:user/al*",
        f"arn:aws:iam::{ACCOUNT}:group/staff",
        f"arn:aws:iam::{ACCOUNT}:root/x",
        f"arn:aws:iam::{ACCOUNT}:user/alice\n",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/*",
        "AIDAAAAAAAAAAAAAAAAAA",
        "alice",
        "",
        "12345678901",
        "arn:aws-cn:iam::123456789012:root",
    ],
)
def test_a_principal_that_does_not_exist_is_refused(store, cache, principal):
    add_user(store, "AIDAAAAAAAAAAAAAAAAAA", "alice")
    with pytest.raises(InvalidPrincipalError) as refused:
        principals_to_ids(trust(principal), cache)
    assert str(refused.value) == f'Invalid principal in policy: "AWS":"{principal}"'


def test_single_values_not_principal_and_other_kinds_of_principal(store, cache):
    add_user(store, "AIDAAAAAAAAAAAAAAAAAA", "alice")
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    document = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "NotPrincipal": {"AWS": arn, "Service": "lambda.amazonaws.com"},
            "Action": "s3:*",
            "Resource": "*",
        },
    }
    stored = principals_to_ids(json.dumps(document), cache)
    assert json.loads(stored)["Statement"]["NotPrincipal"] == {
        "AWS": "AIDAAAAAAAAAAAAAAAAAA",
        "Service": "lambda.amazonaws.com",
    }
    assert json.loads(ids_to_principals(stored, cache)) == document


def test_a_document_without_identities_keeps_its_text(cache):
    for text in (trust("*", ACCOUNT), '{ "Statement":[{"Principal":"*"}] }'):
        assert principals_to_ids(text, cache) == text
        assert ids_to_principals(text, cache) == text
