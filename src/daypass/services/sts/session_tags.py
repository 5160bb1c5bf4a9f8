"""Session tags: passed, made transitive, and inherited along a chain of roles.

The rules are those of "Pass session tags in AWS STS" in the IAM User Guide. Keys differ without
regard to case, and keep the case they were passed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from daypass.gateway.operation import Call
from daypass.services.sts.errors import invalid_parameter, validation_error
from daypass.tokens import Session

_RESERVED: Final = "aws:"


@dataclass(frozen=True, slots=True)
class SessionTags:
    """The tags of a session to be issued: what was passed and what it inherits."""

    tags: Mapping[str, str]
    transitive: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.tags)

    def context(self) -> dict[str, str | Sequence[str]]:
        """The condition keys the trust policy sees them under."""
        if not self.tags:
            return {}
        context: dict[str, str | Sequence[str]] = {
            f"aws:requesttag/{key.lower()}": value for key, value in self.tags.items()
        }
        context["aws:tagkeys"] = tuple(self.tags)
        if self.transitive:
            context["sts:transitivetagkeys"] = self.transitive
        return context


_NO_TAGS: Final = SessionTags({}, ())


def read_session_tags(call: Call) -> SessionTags:
    """The tags a request gives the new session. Raises `ServiceError`."""
    passed: list[dict[str, Any]] = call.input.get("Tags", [])
    wanted: list[str] = call.input.get("TransitiveTagKeys", [])
    inherited = _inherited(call.caller.session)
    if not (passed or wanted or inherited):
        return _NO_TAGS
    tags = {entry["Key"]: entry["Value"] for entry in passed}
    folded = {key.lower(): key for key in tags}
    if len(folded) < len(passed):
        raise invalid_parameter(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    if any(key.startswith(_RESERVED) for key in folded):
        raise validation_error('Tag keys that begin with "aws:" are reserved.')
    if wanted and not {key.lower() for key in wanted} <= folded.keys():
        raise invalid_parameter(
            "The specified transitive tag key must be included in the requested tags."
        )
    if inherited and any(key.lower() in folded for key in inherited):
        raise invalid_parameter(
            "One of the specified transitive tag keys can't be set because it conflicts with a "
            "transitive tag key from the calling session."
        )
    transitive = dict.fromkeys((*inherited, *(folded[key.lower()] for key in wanted)))
    return SessionTags({**inherited, **tags}, tuple(transitive))


def _inherited(session: Session | None) -> dict[str, str]:
    if session is None:
        return {}
    return {key: session.tags[key] for key in session.transitive_tags}
