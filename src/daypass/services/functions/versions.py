"""PublishVersion and ListVersionsByFunction: code and configuration that never change again."""

import base64
import binascii
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation
from daypass.protocol.errors import ServiceError
from daypass.services.functions.configuration import describe, describe_in_list
from daypass.services.functions.errors import (
    function_not_found,
    invalid_parameter,
    stale_revision,
    unsupported,
)
from daypass.services.functions.names import find_function, needs, refer
from daypass.services.functions.reading import enumerate_versions
from daypass.store import functions as state

_PAGE: Final = 50


async def _publish(call: Call) -> Mapping[str, Any]:
    node = call.node
    if "PublishTo" in call.input:
        raise unsupported("PublishTo")
    function = find_function(call)
    given: str = call.input.get("CodeSha256", "")
    try:
        version = await node.store.write(
            partial(
                state.publish_version,
                name=function.name,
                description=call.input.get("Description"),
                code_sha256=_read_sha256(given) if given else "",
                expected_revision=call.input.get("RevisionId", ""),
            )
        )
    except state.CodeDiffersError as error:
        known = base64.b64encode(bytes.fromhex(str(error))).decode()
        raise invalid_parameter(
            f"CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({known}). "
            "Please try again with the CodeSHA256 in $LATEST."
        ) from error
    except state.StaleRevisionError as error:
        raise stale_revision() from error
    except state.NoSuchFunctionError:
        raise function_not_found(refer(call).whole.arn) from None
    node.store.refresh()
    published = find_function(call).find(version)
    if published is None:  # deleted in the meantime
        raise _gone(call, version)
    return describe(node, published, version)


def _gone(call: Call, version: str) -> ServiceError:
    return function_not_found(f"{refer(call).whole.arn}:{version}")


def _read_sha256(given: str) -> str:
    """The hex digest; of what is no digest, something that no code has."""
    try:
        return base64.b64decode(given, validate=True).hex() or given
    except (binascii.Error, ValueError):
        return given


async def _list(call: Call) -> Mapping[str, Any]:
    function = find_function(call)
    marker = call.input.get("Marker", "")
    after = int(marker) if marker.isascii() and marker.isdecimal() else -1
    limit = min(call.input.get("MaxItems", _PAGE), _PAGE)
    listed = [(number, found) for number, found in enumerate_versions(function) if number > after]
    output: dict[str, Any] = {
        "Versions": [
            describe_in_list(call.node, version, version.version) for _, version in listed[:limit]
        ]
    }
    if len(listed) > limit:
        output["NextMarker"] = str(listed[limit - 1][0])
    return output


OPERATIONS: Final = (
    Operation("PublishVersion", needs("lambda:PublishVersion", whole=True), _publish),
    Operation(
        "ListVersionsByFunction",
        needs("lambda:ListVersionsByFunction", whole=True),
        _list,
        effect=Effect.READ,
    ),
)
