"""Conditional requests: what must hold of an object before it is read, written or deleted.

Sources: RFC 9110 section 13; S3 User Guide, "Add preconditions to S3 operations".
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import formatdate
from typing import Any

from daypass.protocol.errors import ServiceError
from daypass.services.s3.errors import header_not_implemented, no_such_key, precondition_failed
from daypass.store.buckets import StoredObject


def check_reading(found: StoredObject, members: Mapping[str, Any], prefix: str = "") -> None:
    """Raise unless the conditions of a read hold: 304 NotModified, or 412 PreconditionFailed.

    prefix: of the members' names; "CopySource" of a copy, which is refused with 412 throughout.
    """
    match = members.get(f"{prefix}IfMatch")
    none_match = members.get(f"{prefix}IfNoneMatch")
    since: datetime | None = members.get(f"{prefix}IfModifiedSince")
    unmodified: datetime | None = members.get(f"{prefix}IfUnmodifiedSince")
    # An entity tag decides alone; a date beside it is not looked at (RFC 9110 section 13.2.2).
    if match is not None:
        if not _matches(match, found.etag):
            raise precondition_failed(_header("If-Match", prefix))
    elif unmodified is not None and found.modified > unmodified.timestamp():
        raise precondition_failed(_header("If-Unmodified-Since", prefix))
    if none_match is not None:
        unchanged, condition = _matches(none_match, found.etag), "If-None-Match"
    elif since is not None:
        unchanged, condition = found.modified <= since.timestamp(), "If-Modified-Since"
    else:
        return
    if unchanged:
        if prefix:
            raise precondition_failed(_header(condition, prefix))
        raise _not_modified(found)


def writing(members: Mapping[str, Any], key: str) -> Callable[[str | None], None]:
    """What raises, told the ETag of what a write would replace, if it must not happen."""
    match: str | None = members.get("IfMatch")
    none_match: str | None = members.get("IfNoneMatch")
    if none_match is not None and none_match.strip() != "*":
        raise header_not_implemented("If-None-Match")

    def check(etag: str | None) -> None:
        if none_match is not None and etag is not None:
            raise precondition_failed("If-None-Match")
        if match is not None:
            if etag is None:
                raise no_such_key(key)
            if not _matches(match, etag):
                raise precondition_failed("If-Match")

    return check


def deleting(match: str | None, key: str) -> Callable[[str | None], None]:
    """The same for a deletion. `*` asks that there be something to delete."""

    def check(etag: str | None) -> None:
        if match is None:
            return
        if etag is None:
            raise precondition_failed("If-Match") if match.strip() == "*" else no_such_key(key)
        if not _matches(match, etag):
            raise precondition_failed("If-Match")

    return check


def _matches(condition: str, etag: str) -> bool:
    tags = (tag.strip().removeprefix("W/").strip('"') for tag in condition.split(","))
    return any(tag in {"*", etag} for tag in tags)


def _header(name: str, prefix: str) -> str:
    return f"x-amz-copy-source-{name}" if prefix else name


def _not_modified(found: StoredObject) -> ServiceError:
    headers = {"ETag": f'"{found.etag}"', "Last-Modified": formatdate(found.modified, usegmt=True)}
    if "CacheControl" in found.headers:
        headers["Cache-Control"] = found.headers["CacheControl"]
    if "Expires" in found.headers:
        headers["Expires"] = found.headers["Expires"]
    return ServiceError("NotModified", "Not Modified", 304, headers=headers)
