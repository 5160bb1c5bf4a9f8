"""The values conditions compare: numbers, dates, addresses, base64. Each parser answers None for
text that is not such a value."""

import base64
import binascii
import ipaddress
from calendar import monthrange, timegm
from decimal import Decimal
from functools import lru_cache

NANOSECONDS = 1_000_000_000
BOOLEANS = {"true": True, "false": False}
MAPPED_IPV4 = 0xFFFF << 32


def parse_number(text: str) -> Decimal | None:
    """A decimal number: digits with an optional sign and fraction. No exponent, no infinity."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    whole, _, fraction = digits.partition(".")
    if not (whole + fraction).isdecimal() or not digits.isascii() or digits.endswith("."):
        return None
    return Decimal(text)


def parse_boolean(text: str) -> bool | None:
    """`true` or `false`, in any case."""
    return BOOLEANS.get(text.lower())


def parse_binary(text: str) -> bytes | None:
    """The bytes of base64 text."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


@lru_cache(maxsize=4096)
def parse_date(text: str) -> int | None:
    """Nanoseconds since 1970 of a W3C profile of ISO 8601 date, or of epoch seconds.

    Four digits are a year; any other number is seconds. A time without a zone is UTC.
    """
    if not text.isascii():
        return None
    if len(text) != 4 and text.isdecimal():
        return int(text) * NANOSECONDS if len(text) <= 19 else None
    day, separator, time = text.partition("T")
    if not separator:
        day, separator, time = text.partition("t")
    seconds = _day_seconds(day)
    if seconds is None:
        return None
    if not separator:
        return seconds * NANOSECONDS
    offset = _time_nanoseconds(time) if day.count("-") == 2 else None
    return None if offset is None else seconds * NANOSECONDS + offset


def _day_seconds(text: str) -> int | None:
    parts = text.split("-")
    if [len(part) for part in parts] not in ([4], [4, 2], [4, 2, 2]):
        return None
    if not all(part.isdecimal() for part in parts):
        return None
    year, month, day = (int(part) for part in [*parts, "01", "01"][:3])
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]:
        return None
    return timegm((year, month, day, 0, 0, 0))


def _time_nanoseconds(text: str) -> int | None:
    """Of hh:mm[:ss[.fraction]] with an optional zone: Z, +hh:mm or -hh:mm."""
    clock, zone = text, 0
    if text[-1:] in ("Z", "z"):
        clock = text[:-1]
    elif text[-6:-5] in ("+", "-"):
        clock = text[:-6]
        minutes = _clock_seconds(text[-5:])
        if minutes is None:
            return None
        zone = minutes if text[-6] == "+" else -minutes
    clock, point, fraction = clock.partition(".")
    seconds = _clock_seconds(clock)
    if seconds is None or (point and not (fraction.isdecimal() and len(fraction) <= 9)):
        return None
    if point and clock.count(":") != 2:
        return None
    return (seconds - zone) * NANOSECONDS + int((fraction or "0").ljust(9, "0"))


def _clock_seconds(text: str) -> int | None:
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(len(part) == 2 and part.isdecimal() for part in parts):
        return None
    hours, minutes, seconds = (int(part) for part in [*parts, "00"][:3])
    # 60 is a leap second, which counts as the first second of the next minute.
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return hours * 3600 + minutes * 60 + seconds


@lru_cache(maxsize=4096)
def parse_address(text: str) -> tuple[int, int] | None:
    """The version and the number of an IP address. An IPv4 address in IPv6 form is IPv4, so that
    a caller cannot step around a rule by the way its address is written."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    number = int(address)
    if address.version == 6:
        if "%" in text:
            return None
        if number >> 32 == MAPPED_IPV4 >> 32:
            return 4, number & 0xFFFFFFFF
    return address.version, number


def parse_network(text: str) -> tuple[int, int, int] | None:
    """The version, the network number and the number of host bits of a CIDR block. An address
    alone is a block of one; host bits that are set are ignored."""
    address, slash, length = text.partition("/")
    parsed = parse_address(address)
    if parsed is None:
        return None
    version, number = parsed
    bits = 128 if ":" in address else 32
    prefix = bits
    if slash:
        if not length.isdecimal() or not length.isascii() or len(length) > 3 or int(length) > bits:
            return None
        prefix = int(length)
    host = bits - prefix
    if version == 4 and host > 32:
        return None
    return version, number >> host, host
