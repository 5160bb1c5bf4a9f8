"""Virtual MFA devices: whose they are, and each of their codes good for one use.

No request of the steady state reads them, so they are in no cache.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    RowMapping,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from daypass.store.engine import Transaction
from daypass.store.schema import metadata
from daypass.tokens import KeyRing
from daypass.tokens.totp import step_at, step_of_code

# The purpose under which seeds are encrypted; their context is the device's ARN.
_SEEDS: Final = "mfa-seed"
# Steps a code may be early or late (RFC 6238, section 5.2, recommends no more than one).
_WINDOW: Final = 1
# Steps a device's clock may be wrong by, either way, when two codes in a row show how it goes.
_FURTHEST_DRIFT: Final = 20
# Wrong codes in a row that are let pass; each one after them closes the device for twice as long,
# from half a minute to a quarter of an hour. One in 333,333 codes is right at any moment.
_FREE_FAILURES: Final = 5
_SHORTEST_PAUSE: Final = 30.0
_LONGEST_PAUSE: Final = 900.0

# Grows by what users create: at most 5,000 rows. user_id: NULL until it is enabled for a user.
# drift: steps its clock is ahead. last_step: that of the newest code it was used with. failures:
# wrong codes in a row; paused_until: no code is taken before, Unix seconds.
mfa_devices = Table(
    "mfa_devices",
    metadata,
    Column("arn", String(1024), primary_key=True),
    Column("folded_arn", String(1024), nullable=False, unique=True),
    Column("user_id", ForeignKey("users.id"), index=True),
    Column("encrypted_seed", LargeBinary, nullable=False),
    Column("enabled", Integer),
    Column("drift", Integer, nullable=False),
    Column("last_step", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("paused_until", Float, nullable=False),
    Column("tags", JSON, nullable=False),
)


@dataclass(frozen=True, slots=True)
class MfaDevice:
    """A virtual MFA device. arn: its serial number. user_id, enabled (Unix seconds): None until it
    is enabled for a user."""

    arn: str
    user_id: str | None
    enabled: int | None
    tags: Mapping[str, str] = field(default_factory=dict)


class CodeCheck(Enum):
    """What became of a code."""

    GOOD = "good"
    WRONG = "wrong"
    NO_DEVICE = "no device"


# -- reading -----------------------------------------------------------------------------------


def find_device(connection: Connection, arn: str) -> MfaDevice | None:
    """The device with exactly this ARN."""
    row = _row(connection, arn)
    return None if row is None else _device(row)


def devices_of(connection: Connection, user_id: str) -> Sequence[MfaDevice]:
    """The devices enabled for a user."""
    statement = select(mfa_devices).where(mfa_devices.c.user_id == user_id)
    return [_device(row) for row in connection.execute(statement).mappings()]


def all_devices(connection: Connection) -> Sequence[MfaDevice]:
    """Every device of the account."""
    return [_device(row) for row in connection.execute(select(mfa_devices)).mappings()]


def arn_is_taken(connection: Connection, arn: str) -> bool:
    """Whether there is a device of this ARN, whatever the case."""
    statement = select(mfa_devices.c.arn).where(mfa_devices.c.folded_arn == arn.lower())
    return connection.execute(statement).first() is not None


def count_devices(connection: Connection, *, in_use: bool = False) -> int:
    """How many there are; in_use: of those enabled for a user."""
    statement = select(func.count()).select_from(mfa_devices)
    if in_use:
        statement = statement.where(mfa_devices.c.user_id.is_not(None))
    return int(connection.execute(statement).scalar_one())


# -- changes -----------------------------------------------------------------------------------


def insert_device(
    transaction: Transaction, arn: str, seed: bytes, tags: Mapping[str, str], keys: KeyRing
) -> None:
    """A device that is no user's yet."""
    transaction.connection.execute(
        insert(mfa_devices).values(
            arn=arn,
            folded_arn=arn.lower(),
            user_id=None,
            encrypted_seed=keys.encrypt(_SEEDS, seed, arn),
            enabled=None,
            drift=0,
            last_step=0,
            failures=0,
            paused_until=0.0,
            tags=dict(tags),
        )
    )


def delete_device(transaction: Transaction, arn: str) -> None:
    transaction.connection.execute(delete(mfa_devices).where(mfa_devices.c.arn == arn))


def set_device_tags(transaction: Transaction, arn: str, tags: Mapping[str, str]) -> None:
    _update(transaction, arn, tags=dict(tags))


def assign_device(transaction: Transaction, arn: str, user_id: str | None, now: float) -> None:
    """Enable a device for a user; None: for nobody any more."""
    enabled = None if user_id is None else int(now)
    _update(transaction, arn, user_id=user_id, enabled=enabled)


def synchronize_device(
    transaction: Transaction, arn: str, codes: tuple[str, str], keys: KeyRing, now: float
) -> bool:
    """Whether two codes, one right after the other, are the device's; then its clock is known.

    The codes are used up with it. A wrong pair is one of 10^12, and counts for no pause.
    """
    row = _row(transaction.connection, arn)
    if row is None:
        return False
    seed, here = _seed(row, keys), step_at(now)
    # INVARIANT: no step at or before one that was used is ever good again.
    earliest = max(row["last_step"] + 1, here - _FURTHEST_DRIFT)
    for step in range(earliest, here + _FURTHEST_DRIFT):
        first, second = (
            step_of_code(seed, code, [step + place]) for place, code in enumerate(codes)
        )
        if first is not None and second is not None:
            # A step is how long it takes to read and send two codes, no fault of the clock.
            drift = second - here
            _update(
                transaction,
                arn,
                drift=0 if abs(drift) <= _WINDOW else drift,
                last_step=second,
                failures=0,
                paused_until=0.0,
            )
            return True
    return False


def use_code(
    transaction: Transaction, arn: str, user_id: str, code: str, keys: KeyRing, now: float
) -> CodeCheck:
    """Check a code of a user's device, and use it up if it is good.

    INVARIANT: of all requests with one code, in whichever process, one gets GOOD: this runs in the
    store's writer, and what it wrote is durable before anybody learns of it.
    """
    row = _row(transaction.connection, arn)
    if row is None or row["user_id"] != user_id:
        return CodeCheck.NO_DEVICE
    # After the clock was set back, a pause is no longer than it ever is.
    if now < row["paused_until"] <= now + _LONGEST_PAUSE:
        return CodeCheck.WRONG
    expected = step_at(now) + row["drift"]
    steps = range(expected - _WINDOW, expected + _WINDOW + 1)
    step = step_of_code(_seed(row, keys), code, steps)
    if step is None:
        failures = row["failures"] + 1
        pause = 0.0
        if failures >= _FREE_FAILURES:
            doubled = _SHORTEST_PAUSE * 2.0 ** min(failures - _FREE_FAILURES, 10)
            pause = min(doubled, _LONGEST_PAUSE)
        _update(transaction, arn, failures=failures, paused_until=now + pause)
        return CodeCheck.WRONG
    if step <= row["last_step"]:
        # Used before. Programs that run side by side send one code several times; that is no guess.
        return CodeCheck.WRONG
    _update(transaction, arn, last_step=step, failures=0, paused_until=0.0)
    return CodeCheck.GOOD


# -- parts -------------------------------------------------------------------------------------


def _row(connection: Connection, arn: str) -> RowMapping | None:
    statement = select(mfa_devices).where(mfa_devices.c.arn == arn)
    return connection.execute(statement).mappings().first()


def _update(transaction: Transaction, arn: str, **columns: object) -> None:
    transaction.connection.execute(
        update(mfa_devices).where(mfa_devices.c.arn == arn).values(**columns)
    )


def _seed(row: RowMapping, keys: KeyRing) -> bytes:
    return keys.decrypt(_SEEDS, row["encrypted_seed"], row["arn"])


def _device(row: RowMapping) -> MfaDevice:
    return MfaDevice(row["arn"], row["user_id"], row["enabled"], dict(row["tags"]))
