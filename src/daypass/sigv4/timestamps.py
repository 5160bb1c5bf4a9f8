"""Times as signatures spell them, without a locale: 20150830T123600Z."""

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from daypass.sigv4.refusal import Reason, Refusal

_ISO_BASIC: Final = re.compile("[0-9]{8}T[0-9]{6}Z").fullmatch
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_HTTP_DATE: Final = re.compile(
    rf"(?:[A-Z][a-z]{{2}}, )?([0-9]{{1,2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:GMT|UTC|[+-]0000)"
).fullmatch


@lru_cache(maxsize=64)
def timestamp_of(second: int) -> str:
    """Unix seconds as YYYYMMDDTHHMMSSZ."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))


def stamp_of_date_header(headers: Mapping[str, str]) -> str:
    """The timestamp of a request that has only a Date header, as botocore and curl may sign."""
    date = headers.get("date")
    if date is None:
        raise Refusal(Reason.MISSING_DATE)
    match = _HTTP_DATE(date)
    if match is None:
        return date
    day, month, year, *clock = match.groups()
    return f"{year}{_MONTHS.index(month) + 1:02}{int(day):02}T{''.join(clock)}Z"


def seconds_of(stamp: str) -> float | None:
    """Unix seconds of YYYYMMDDTHHMMSSZ, None for anything else."""
    return _seconds_of(stamp) if len(stamp) == 16 else None


@lru_cache(maxsize=1024)
def _seconds_of(stamp: str) -> float | None:
    if not _ISO_BASIC(stamp):
        return None
    year, month, day = int(stamp[:4]), int(stamp[4:6]), int(stamp[6:8])
    # Days since 1970 in the proleptic Gregorian calendar, its years begun in March; `time` and
    # `calendar` would import a locale for it.
    shifted = year - (month < 3)
    days = 365 * shifted + shifted // 4 - shifted // 100 + shifted // 400
    days += (153 * ((month + 9) % 12) + 2) // 5 + day - 719469
    second = days * 86400 + int(stamp[9:11]) * 3600 + int(stamp[11:13]) * 60 + int(stamp[13:15])
    # A date or time that does not exist is spelled otherwise when it is written again.
    return float(second) if timestamp_of(second) == stamp else None
