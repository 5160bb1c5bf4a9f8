"""Points in time as AWS's protocols write them: ISO 8601, RFC 822 and Unix seconds."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import Final

Moment = datetime | float | int
Format = Callable[[Moment], str]

_DAY: Final = 86_400
_TWO: Final = tuple(f"{number:02d}" for number in range(60))
_MINUTES: Final = tuple(f"{hour:02d}:{minute}" for hour in range(24) for minute in _TWO)


def parse_iso8601(text: str) -> datetime:
    """An ISO 8601 date and time; UTC where it names no zone. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def parse_rfc822(text: str) -> datetime:
    """An HTTP date (RFC 9110 section 5.6.7). Raises `ValueError`."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, OverflowError, IndexError):
        raise ValueError(f"not an HTTP date: {text}") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def parse_seconds(number: float) -> datetime:
    """Unix seconds. Raises `ValueError`."""
    try:
        return datetime.fromtimestamp(number, UTC)
    except (OverflowError, OSError):
        raise ValueError("not a time within the years 1 to 9999") from None


def unix_seconds(moment: Moment) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else moment


def iso8601_seconds(moment: Moment) -> str:
    """2024-05-01T12:00:00Z, as STS, IAM, condition keys and CloudTrail have it."""
    return _iso8601_second(int(unix_seconds(moment) // 1))


def iso8601_milliseconds(moment: Moment) -> str:
    """2024-05-01T12:00:00.000Z, as S3 writes it."""
    # Looked up, not formatted: datetime.isoformat costs four times as much, and a listing has a
    # thousand of them.
    if isinstance(moment, datetime):
        moment = moment.timestamp()
    days, milliseconds = divmod(round(moment * 1_000_000) // 1000, _DAY * 1000)
    second, milliseconds = divmod(milliseconds, 1000)
    fraction = f"{milliseconds:03d}" if milliseconds else "000"
    return f"{_date(days)}T{_MINUTES[second // 60]}:{_TWO[second % 60]}.{fraction}Z"


def rfc822(moment: Moment) -> str:
    """Wed, 01 May 2024 12:00:00 GMT."""
    days, second = divmod(int(unix_seconds(moment) // 1), _DAY)
    return f"{_http_date(days)} {_MINUTES[second // 60]}:{_TWO[second % 60]} GMT"


@lru_cache(maxsize=4096)
def _iso8601_second(moment: int) -> str:
    # The requests of one second share it, and sessions that are issued together end together.
    days, second = divmod(moment, _DAY)
    return f"{_date(days)}T{_MINUTES[second // 60]}:{_TWO[second % 60]}Z"


@lru_cache(maxsize=4096)
def _date(days: int) -> str:
    return datetime.fromtimestamp(days * _DAY, UTC).strftime("%Y-%m-%d")


@lru_cache(maxsize=4096)
def _http_date(days: int) -> str:
    """Wed, 01 May 2024: by the email package, for strftime speaks the language of the locale."""
    return formatdate(days * _DAY, usegmt=True)[: -len(" 00:00:00 GMT")]
