"""Reading the sentence with which AWS refuses a request; `Decision.message` writes it."""

from dataclasses import dataclass
from typing import Final

from daypass.policy.requests import Layer

REASONS: Final = (" because no ", " with an explicit deny in ")


@dataclass(frozen=True, slots=True)
class AccessDenied:
    """What the sentence tells. principal: the caller's ARN. resource: "*" if none is named.
    layer: the kind of policy that decided, None if it does not say. explicit: whether that
    denies, rather than does not allow."""

    principal: str
    action: str
    resource: str
    layer: Layer | None
    explicit: bool


def read_access_denied(message: str) -> AccessDenied:
    """The parts of `User: … is not authorized to perform: … on resource: … because …`, whatever
    stands before it. Raises `ValueError` if it is no such sentence."""
    before, _, told = message.strip().partition(" is not authorized to perform: ")
    reason = ""
    # The last of them: the key of an object may hold any words.
    start = max(told.rfind(beginning) for beginning in REASONS)
    if start >= 0:
        told, reason = told[:start], told[start + 1 :]
    action, _, resource = told.partition(" on resource: ")
    principal = before.rpartition("User: ")[2]
    if not principal or ":" not in action or " " in action:
        raise ValueError('it is not like "User: … is not authorized to perform: …"')
    return AccessDenied(
        principal,
        action.rstrip("."),
        resource.strip(' "') or "*",
        # A page of AWS's documentation has the plural.
        _layer(reason.replace("sessions policy", "session policy")),
        reason.startswith("with"),
    )


def _layer(reason: str) -> Layer | None:
    """The kind of policy that is named first."""
    places = {layer: reason.find(layer.value) for layer in Layer}
    named = [layer for layer, place in places.items() if place >= 0]
    return min(named, key=lambda layer: places[layer], default=None)
