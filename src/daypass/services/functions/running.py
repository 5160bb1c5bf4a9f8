"""From a stored function to an invocation: its environment, its role's credentials, its event."""

import os
from functools import partial
from typing import Final

from daypass.gateway.issue import issue_session
from daypass.gateway.node import Node
from daypass.gateway.record import record_service_session
from daypass.services.functions.code import read_package
from daypass.services.functions.configuration import find_execution_role, log_group
from daypass.services.functions.logs import open_stream
from daypass.services.functions.names import function_arn
from daypass.store.functions import Function, Version
from daypass.tokens import SessionKind
from daypass.workers import Credentials, FunctionSpec, Supplies

# Its value `container`: environments renew their credentials instead of being replaced.
CREDENTIALS_TAG: Final = "daypass:credentials"
# Seconds before the end of its credentials, beyond the longest invocation, at which an environment
# is replaced by one with new ones.
_CREDENTIALS_MARGIN: Final = 60
_LAMBDA: Final = "lambda.amazonaws.com"


def describe_function(node: Node, function: Function, version: Version) -> FunctionSpec:
    """What the workers need to know of a version of a function."""
    renews = function.tags.get(CREDENTIALS_TAG) == "container"
    return FunctionSpec(
        name=function.name,
        arn=function_arn(node, function.name),
        # Changes of its policy or other tags leave its environments as they are.
        revision=f"{version.content_id}/{renews}",
        renews_credentials=renews,
        runtime=version.runtime,
        handler=version.handler,
        code_sha256=version.code.sha256,
        timeout=version.timeout,
        memory_size=version.memory_size,
        ephemeral_storage=version.ephemeral_storage,
        region=node.region,
        endpoint_url=node.endpoint_url,
        version=version.version,
        reserved_concurrency=function.reserved_concurrency,
        unreserved_concurrency=_unreserved(node),
        variables=version.variables or {},
        layers=tuple(layer.code.sha256 for layer in version.layers),
        log_format=version.logging.format,
        log_level=version.logging.level,
        log_group=version.logging.group,
    )


def _unreserved(node: Node) -> int:
    """This process's share of what no function has reserved."""
    account = node.function_settings.concurrency
    left = max(0, account - node.functions.reserved_concurrency)
    return node.environments.limit * left // account


def supplies(node: Node, version: Version) -> Supplies:
    """Where an environment of this version gets its credentials and its packages."""

    async def credentials() -> Credentials:
        return await _issue_credentials(node, version)

    async def package(sha256: str) -> bytes:
        return await read_package(node, packages[sha256])

    packages = {layer.code.sha256: layer.code for layer in version.layers}
    packages[version.code.sha256] = version.code
    stream = partial(open_stream, node, version.role_arn, log_group(version))
    return Supplies(credentials, package, stream)


async def _issue_credentials(node: Node, version: Version) -> Credentials:
    """Assume the execution role as Lambda does.

    Raises `ServiceError` if that is not trusted, `TrailError` if it cannot be recorded.
    """
    role = find_execution_role(node, version.role_arn)
    issued = issue_session(
        node,
        kind=SessionKind.ASSUMED_ROLE,
        subject_id=role.id,
        subject_name=role.name,
        session_name=version.function,
        duration=node.function_session,
        now=node.clock(),
    )
    await record_service_session(node, _LAMBDA, role.arn, issued)
    last = issued.expiration - version.timeout - _CREDENTIALS_MARGIN
    half = issued.expiration - node.function_session / 2

    def standing() -> bool:
        return node.identity.role_by_id(role.id) is not None and not node.revocations.revoked(
            issued.session
        )

    def good_until(end: float) -> bool:
        now = node.clock()
        return now < end and not node.keys.expired(issued.session, now) and standing()

    return Credentials(
        *(issued.access_key_id, issued.secret_access_key, issued.session_token),
        lasting=lambda: good_until(last),
        standing=standing,
        fresh=lambda: good_until(half),
        expiration=issued.expiration,
    )


def new_trace_id(now: float) -> str:
    """A trace header as AWS makes it; nothing is traced."""
    return f"Root=1-{int(now):08x}-{os.urandom(12).hex()};Parent={os.urandom(8).hex()};Sampled=0"
