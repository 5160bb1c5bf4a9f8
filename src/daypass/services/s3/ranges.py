"""Which bytes of an object a Range header asks for (RFC 9110 section 14; one range, as S3)."""

import re
from dataclasses import dataclass

from daypass.protocol.errors import ServiceError

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)\Z")
# Longer numbers are beyond any object; int() of what a client sent stays short work.
_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Span:
    """`size` bytes from `start` of an object of `total` bytes."""

    start: int
    size: int
    total: int

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.start + self.size - 1}/{self.total}"


def span_of(header: str | None, total: int) -> Span | None:
    """The bytes asked for, None for all of them: what cannot be understood is not a range.

    Raises InvalidRange where no byte of the object is in it.
    """
    match = _RANGE.match(header.strip()) if header else None
    if match is None:
        return None
    first, last = (_number(text) for text in match.groups())
    if first is None:
        if last is None:
            return None
        start = max(0, total - last)
        if last == 0 or total == 0:
            raise _invalid(header or "", total)
        return Span(start, total - start, total)
    if last is not None and last < first:
        return None
    if first >= total:
        raise _invalid(header or "", total)
    end = total - 1 if last is None else min(last, total - 1)
    return Span(first, end - first + 1, total)


def _number(text: str) -> int | None:
    return int(text[:_DIGITS]) if text else None


def _invalid(header: str, total: int) -> ServiceError:
    return ServiceError(
        "InvalidRange",
        "The requested range is not satisfiable",
        416,
        fields={"RangeRequested": header, "ActualObjectSize": str(total)},
        headers={"Content-Range": f"bytes */{total}"},
    )
