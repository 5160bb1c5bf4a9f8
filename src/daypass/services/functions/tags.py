"""TagResource, UntagResource, ListTags."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.services.functions.errors import function_not_found, invalid_parameter
from daypass.services.functions.names import (
    Reference,
    lookup,
    permission,
    read_reference,
)
from daypass.store import functions as state
from daypass.store.functions import Function

# The tag that pins the id of a function's URL, with ":ALIAS" after it of an alias's. It decides
# when the URL is created.
URL_ID_TAG: Final = "daypass:url-id"
_URL_ID: Final = re.compile(r"[a-z0-9]{32}", re.ASCII)
_TAGS_LIMIT: Final = 50
_KEY_LIMIT: Final = 128
_VALUE_LIMIT: Final = 256


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise InvalidParameterValueException for tags that cannot be."""
    if len(tags) > _TAGS_LIMIT:
        raise invalid_parameter("Number of tags exceeds resource tag limit.")
    for key, value in tags.items():
        if not 0 < len(key) <= _KEY_LIMIT or len(value) > _VALUE_LIMIT:
            raise invalid_parameter(
                f"A tag's key has 1 to {_KEY_LIMIT} characters and its value at most "
                f"{_VALUE_LIMIT}."
            )
        if key.lower().startswith("aws:"):
            raise invalid_parameter("Tag keys that begin with aws: are reserved.")
        pins = key == URL_ID_TAG or key.startswith(f"{URL_ID_TAG}:")
        if pins and _URL_ID.fullmatch(value) is None:
            raise invalid_parameter(
                f"The tag {key} is the id of a function's URL: 32 characters a-z and 0-9."
            )


def tag_context(tags: Mapping[str, str]) -> dict[str, str | Sequence[str]]:
    """The condition keys of tags in a request."""
    context: dict[str, str | Sequence[str]] = {
        f"aws:requesttag/{key.lower()}": value for key, value in tags.items()
    }
    if tags:
        context["aws:tagkeys"] = list(tags)
    return context


def _refer(call: Call) -> Reference:
    arn: str = call.input["Resource"]
    if ":function:" not in arn:
        raise invalid_parameter(f"{arn} is not a function. Only functions have tags here.")
    return read_reference(call.node, arn)


def _find(call: Call) -> Function:
    reference = _refer(call)
    function = lookup(call.node, reference)
    if function is None:
        raise function_not_found(reference.arn)
    if reference.qualifier:
        raise invalid_parameter(
            "Tags on function aliases and versions are not supported. Please specify a function "
            "ARN."
        )
    return function


def _needs_tag(call: Call) -> Sequence[Permission]:
    context = tag_context(call.input["Tags"])
    return [permission(call.node, _refer(call), "lambda:TagResource", context)]


def _needs_untag(call: Call) -> Sequence[Permission]:
    context = {"aws:tagkeys": call.input["TagKeys"]}
    return [permission(call.node, _refer(call), "lambda:UntagResource", context)]


def _needs_list(call: Call) -> Sequence[Permission]:
    return [permission(call.node, _refer(call), "lambda:ListTags", {})]


async def _tag(call: Call) -> None:
    function = _find(call)
    added: Mapping[str, str] = call.input["Tags"]
    if not added:
        raise invalid_parameter("An error occurred and the request cannot be processed.")
    check_tags({**function.tags, **added})
    await _change(call, function, added, ())


async def _untag(call: Call) -> None:
    await _change(call, _find(call), {}, call.input["TagKeys"])


async def _change(
    call: Call, function: Function, added: Mapping[str, str], removed: Sequence[str]
) -> None:
    try:
        await call.node.store.write(
            partial(state.update_tags, name=function.name, added=added, removed=removed)
        )
    except state.NoSuchFunctionError:
        raise function_not_found(_refer(call).arn) from None


async def _list(call: Call) -> Mapping[str, Any]:
    return {"Tags": dict(_find(call).tags)}


OPERATIONS: Final = (
    Operation("TagResource", _needs_tag, _tag),
    Operation("UntagResource", _needs_untag, _untag),
    Operation("ListTags", _needs_list, _list, effect=Effect.READ),
)
