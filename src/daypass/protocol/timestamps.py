"""Points in time as AWS's protocols write them: ISO 8601, RFC 822 and Unix seconds."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import Final

Moment = datetime | float | int
Format = Callable[[Moment], str]

_DAY: Final = 86_400


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
    """2024-05-01T12:00:00Z, as STS and IAM write it."""
    whole = int(unix_seconds(moment) // 1)
    return f"{_clock(whole)}Z"


def iso8601_milliseconds(moment: Moment) -> str:
    """2024-05-01T12:00:00.000Z, as S3 writes it."""
    whole, thousandths = divmod(int(unix_seconds(moment) * 1000 // 1), 1000)
    return f"{_clock(whole)}.{thousandths:03d}Z"


def rfc822(moment: Moment) -> str:
    """Wed, 01 May 2024 12:00:00 GMT."""
    return formatdate(unix_seconds(moment) // 1, usegmt=True)


def _clock(whole: int) -> str:
    days, second = divmod(whole, _DAY)
    return f"{_date(days)}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


# A listing's times fall on few days: the date is the dear half of the text.
@lru_cache(maxsize=4096)
def _date(days: int) -> str:
    return datetime.fromtimestamp(days * _DAY, UTC).strftime("%Y-%m-%d")
