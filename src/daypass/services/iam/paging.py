"""One page of a list: MaxItems items in the order of their keys, after Marker."""

import base64
import binascii
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, Final, TypeVar

from daypass.gateway.operation import Call
from daypass.services.iam.errors import validation_error

T = TypeVar("T")

_DEFAULT_ITEMS: Final = 100


def page(
    call: Call,
    member: str,
    items: Iterable[T],
    key: Callable[[T], str],
    show: Callable[[T], object],
) -> dict[str, Any]:
    """The output's list member with IsTruncated and Marker. key: unique, and what orders.

    A marker is the key of the last item shown, so what is deleted between two pages moves
    nothing. Raises `ServiceError` for a marker that is none of ours.
    """
    ordered = sorted(((key(item), item) for item in items), key=itemgetter(0))
    marker = call.input.get("Marker")
    if marker is not None:
        last = _opened(marker)
        ordered = [pair for pair in ordered if pair[0] > last]
    limit = call.input.get("MaxItems", _DEFAULT_ITEMS)
    output: dict[str, Any] = {
        member: [show(item) for _, item in ordered[:limit]],
        "IsTruncated": len(ordered) > limit,
    }
    if len(ordered) > limit:
        output["Marker"] = base64.urlsafe_b64encode(ordered[limit - 1][0].encode()).decode()
    return output


def _opened(marker: str) -> str:
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise validation_error("Invalid Marker.") from error
