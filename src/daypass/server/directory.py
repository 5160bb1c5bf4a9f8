"""The data directory: the master key, the account, and which server runs on it."""

import contextlib
import fcntl
import getpass
import json
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from daypass.audit import Trail, TrailError
from daypass.server.config import DEFAULT_REGION, Config, Ready, RootCredentials, ServerError
from daypass.server.presence import running, running_path
from daypass.store.engine import Store, open_store
from daypass.store.identity import Account, read_account, read_root_access_key
from daypass.store.identity.writes import create_account
from daypass.store.migrate import SchemaError
from daypass.store.sessions import load_or_create_key_ring, read_key_ring, rotate_key_ring
from daypass.tokens import KeyRing, RingKey, TokensError, new_access_key_id, new_secret_access_key

_MASTER_KEY_BYTES = 32


def initialize(data: Path, account_id: str | None, region: str | None) -> RootCredentials:
    """Make account, root user and root access key in a new data directory.

    account_id: 12 digits, default random ones. Raises `ServerError` if there is an account.
    """
    with claim(data), _opened(data) as (store, keys):
        account = read_account(store.reader)
        if account is not None:
            raise ServerError(
                f"{data} already holds account {account.id}; nothing was changed. "
                f"`daypass env --data {data}` shows its root credentials. "
                "Choose another --data for another account."
            )
        return _create(store, keys, account_id, region)


def prepare(config: Config) -> tuple[Account, RootCredentials | None]:
    """The account to serve, and its root credentials if it was made just now.

    Raises `ServerError` if the configuration asks for another account or region than there is.
    """
    with _opened(config.data) as (store, keys):
        account = read_account(store.reader)
        if account is None:
            created = _create(store, keys, config.account_id, config.region)
            account = read_account(store.reader)
            assert account is not None
            return account, created
    for name, asked, has in (
        ("--account-id", config.account_id, account.id),
        ("--region", config.region, account.region),
    ):
        if asked is not None and asked != has:
            raise ServerError(
                f"{config.data} was made with {name} {has}, not {asked}. Leave the option out, "
                "or choose another --data."
            )
    return account, None


def root_credentials(data: Path) -> RootCredentials:
    """The root user's access key. Raises `ServerError` if there is no account or no such key."""
    _require_account(data)
    with _opened(data) as (store, keys):
        account = read_account(store.reader)
        key = read_root_access_key(store.reader, keys)
    if account is None or key is None:
        raise ServerError(f"The account in {data} has no active root access key.")
    return RootCredentials(account.id, account.region, key.id, key.secret)


def key_ring(data: Path) -> Sequence[RingKey]:
    """The keys that seal session tokens. Raises `ServerError` if there is no account."""
    _require_account(data)
    with _opened(data) as (store, _):
        return read_key_ring(store.reader, load_master_key(data))


def rotate_keys(data: Path) -> Sequence[RingKey]:
    """Rotate the ring, of a running server, too, and return it. Raises `ServerError`.

    The audit trail has it first; where that cannot be written, nothing is rotated.
    """
    _require_account(data)
    with _opened(data) as (store, _):
        trail = Trail(data / "audit")
        try:
            trail.record_event_now("RotateKeyRing", {"by": getpass.getuser()})
        except TrailError as error:
            raise ServerError(str(error)) from error
        finally:
            trail.close()
        master = load_master_key(data)
        return store.write_now(
            lambda transaction: rotate_key_ring(transaction, master, time.time())
        )


@contextlib.contextmanager
def claim(data: Path) -> Iterator[None]:
    """Be the only server of this directory, for as long as the context lasts."""
    make_private(data)
    descriptor = os.open(data / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = running(data)
            whom = f" (process {other.pid} at {other.endpoint_url})" if other else ""
            raise ServerError(
                f"A server already runs on {data}{whom}. Stop it first, or choose another --data."
            ) from None
        yield
    finally:
        # Workers that were forked hold the lock, too, until the last of them is gone.
        os.close(descriptor)


def note_running(data: Path, ready: Ready | None) -> None:
    """Say in the directory which server runs on it; None: none any more."""
    path = running_path(data)
    if ready is None:
        path.unlink(missing_ok=True)
        return
    without_secrets = asdict(replace(ready, created=None))
    _write_private(path, json.dumps(without_secrets).encode())


def load_master_key(data: Path) -> bytes:
    """The master key. Raises `ServerError` if it is missing beside a database, or unreadable."""
    path = data / "master.key"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        if (data / "daypass.db").exists():
            raise ServerError(
                f"{path} is gone, and with it every secret in {data}. Put the file back from a "
                "copy, or start anew in another directory."
            ) from None
        key = secrets.token_bytes(_MASTER_KEY_BYTES)
        _write_private(path, key)
        return key
    except OSError as error:
        raise ServerError(f"{path} cannot be read: {error.strerror}.") from error
    if len(key) != _MASTER_KEY_BYTES:
        raise ServerError(f"{path} is damaged: it should hold {_MASTER_KEY_BYTES} bytes.")
    return key


def make_private(directory: Path) -> None:
    """Make a directory that only its owner can enter (mode 0700). Raises `ServerError`.

    An empty one that is there is closed; what others could already see is left as it is.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not any(directory.iterdir()):
            directory.chmod(0o700)
    except OSError as error:
        raise ServerError(f"Cannot make {directory}: {error.strerror}.") from error
    if directory.stat().st_mode & 0o077:
        raise ServerError(
            f"{directory} can be entered by other users of this machine. "
            f"Close it with `chmod 700 {directory}`, or choose another --data."
        )


def _require_account(data: Path) -> None:
    if not (data / "daypass.db").exists():
        raise ServerError(
            f"{data} holds no account yet. `daypass serve --data {data}` makes one at its first "
            f"start, `daypass init --data {data}` does only that."
        )


@contextlib.contextmanager
def _opened(data: Path) -> Iterator[tuple[Store, KeyRing]]:
    make_private(data)
    master = load_master_key(data)
    try:
        store = open_store(data)
    except SchemaError as error:
        raise ServerError(str(error)) from error
    try:
        yield store, load_or_create_key_ring(store, master, time.time())
    except TokensError as error:
        raise ServerError(f"{data}: {error}") from error
    finally:
        store.close()


def _create(
    store: Store, keys: KeyRing, account_id: str | None, region: str | None
) -> RootCredentials:
    account = account_id or f"{secrets.randbelow(9 * 10**11) + 10**11}"
    if len(account) != 12 or not (account.isascii() and account.isdigit()):
        raise ServerError(f"{account!r} is no AWS account id: give 12 digits.")
    created = RootCredentials(
        account,
        region or DEFAULT_REGION,
        new_access_key_id("AKIA", account),
        new_secret_access_key(),
    )
    store.write_now(
        lambda transaction: create_account(
            transaction,
            created.account_id,
            created.region,
            access_key_id=created.access_key_id,
            secret_access_key=created.secret_access_key,
            keys=keys,
            now=time.time(),
        )
    )
    return created


def _write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 whole or not at all, durably."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
