"""OpenID Connect providers: whose tokens the account takes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from daypass.federation.external import RESERVED, SAML
from daypass.federation.oidc import OidcProvider
from daypass.gateway.operation import Call, Operation, Output, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.iam.errors import (
    invalid_input,
    no_such_entity,
    quota_exceeded,
    validation_error,
)
from daypass.services.iam.permissions import Context, Needs, operation
from daypass.services.iam.tags import merged_tags, new_tags, shown_tags, tag_page, without_tags
from daypass.store import oidc_providers as writes
from daypass.store.engine import Transaction
from daypass.tokens import new_unique_id

# IAM's quotas ("IAM and AWS STS quotas" of the IAM User Guide).
_PROVIDERS: Final = 100
_CLIENT_IDS: Final = 100
_THUMBPRINTS: Final = 5
_TAG_QUOTA: Final = "TagsPerOpenIdConnectProvider"
_LABEL: Final = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~!$&'()+,;=:@%-]*)*")
_THUMBPRINT: Final = re.compile(r"[0-9A-Fa-f]{40}")
# Trusted identity propagation belongs to IAM Identity Center, which is not served here.
_NOT_SERVED: Final = ("ContextProvider", "IdentityCenterInstanceArn")


async def create_provider(call: Call) -> Output:
    _refuse_propagation(call)
    url = _checked_url(call.input["Url"], allow_private=call.node.oidc_allow_private)
    provider = OidcProvider(
        id=new_unique_id("OIDC"),
        url=url,
        arn=_arn_of(call),
        client_ids=_checked_client_ids(call.input.get("ClientIDList", ())),
        thumbprints=_checked_thumbprints(call.input.get("ThumbprintList", ())),
        created=int(call.now),
        tags=new_tags(call.input.get("Tags", ())),
    )

    def change(transaction: Transaction) -> None:
        if writes.name_is_taken(transaction, provider.name):
            raise ServiceError(
                "EntityAlreadyExists", f"Provider with url {url} already exists.", 409
            )
        if writes.count_providers(transaction) >= _PROVIDERS:
            raise quota_exceeded("OpenIdConnectProvidersPerAccount", _PROVIDERS)
        writes.insert_provider(transaction, provider)

    await call.node.store.write(change)
    output: dict[str, Any] = {"OpenIDConnectProviderArn": provider.arn}
    if provider.tags:
        output["Tags"] = call.input["Tags"]
    return output


async def get_provider(call: Call) -> Output:
    provider = _existing(call)
    output: dict[str, Any] = {
        "Url": provider.name,
        "ClientIDList": list(provider.client_ids),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": provider.created,
    }
    if provider.tags:
        output["Tags"] = shown_tags(provider.tags)
    return output


async def list_providers(call: Call) -> Output:
    arns = sorted(provider.arn for provider in call.node.oidc_providers.all())
    return {"OpenIDConnectProviderList": [{"Arn": arn} for arn in arns]}


async def delete_provider(call: Call) -> Output:
    provider = _existing(call)
    await call.node.store.write(
        lambda transaction: writes.delete_provider(transaction, provider.id)
    )
    return None


async def add_client_id(call: Call) -> Output:
    added: str = call.input["ClientID"]

    def change(client_ids: list[str]) -> list[str]:
        together = list(dict.fromkeys([*client_ids, added]))
        if len(together) > _CLIENT_IDS:
            raise quota_exceeded("ClientIdsPerOpenIdConnectProvider", _CLIENT_IDS)
        return together

    await _change_client_ids(call, change)
    return None


async def remove_client_id(call: Call) -> Output:
    removed: str = call.input["ClientID"]
    await _change_client_ids(call, lambda ids: [each for each in ids if each != removed])
    return None


async def update_thumbprints(call: Call) -> Output:
    provider = _existing(call)
    thumbprints = list(_checked_thumbprints(call.input["ThumbprintList"]))
    await call.node.store.write(
        lambda transaction: writes.update_provider(
            transaction, provider.id, thumbprints=thumbprints
        )
    )
    return None


async def tag_provider(call: Call) -> Output:
    provider = _existing(call)

    def change(transaction: Transaction) -> None:
        _, tags = _current(transaction, provider)
        merged = merged_tags(tags, call.input["Tags"], _TAG_QUOTA)
        writes.update_provider(transaction, provider.id, tags=merged)

    await call.node.store.write(change)
    return None


async def untag_provider(call: Call) -> Output:
    provider = _existing(call)

    def change(transaction: Transaction) -> None:
        _, tags = _current(transaction, provider)
        left = without_tags(tags, call.input["TagKeys"])
        writes.update_provider(transaction, provider.id, tags=left)

    await call.node.store.write(change)
    return None


async def list_provider_tags(call: Call) -> Output:
    return tag_page(call, _existing(call).tags)


# -- parts -----------------------------------------------------------------------------------


def _existing(call: Call) -> OidcProvider:
    arn: str = call.input["OpenIDConnectProviderArn"]
    provider = call.node.oidc_providers.by_arn(arn)
    if provider is None:
        raise no_such_entity(f"OpenIDConnect Provider not found for arn {arn}")
    return provider


def _current(transaction: Transaction, provider: OidcProvider) -> tuple[list[str], dict[str, str]]:
    """The client ids and tags as they are now. Raises `ServiceError` if it is gone."""
    found = writes.read_lists(transaction, provider.id)
    if found is None:
        raise no_such_entity(f"OpenIDConnect Provider not found for arn {provider.arn}")
    return found[0], dict(found[1])


async def _change_client_ids(call: Call, change: Callable[[list[str]], list[str]]) -> None:
    provider = _existing(call)

    def write(transaction: Transaction) -> None:
        client_ids, _ = _current(transaction, provider)
        writes.update_provider(transaction, provider.id, client_ids=change(client_ids))

    await call.node.store.write(write)


def _checked_url(url: str, *, allow_private: bool) -> str:
    """The issuer's URL. allow_private: plain HTTP and ports are taken, for what runs nearby."""
    wrong = invalid_input("Invalid Open ID Connect Provider URL.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise wrong from error
    if not parts.scheme or not parts.netloc:
        raise validation_error("Invalid Open ID Connect Provider URL")
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise invalid_input(
            "Invalid Open ID Connect Provider URL. The URL must begin with https://."
        )
    # The text as a whole, so that nothing urlsplit drops (a tab, a line's end) is let pass.
    name = f"{parts.netloc}{parts.path}"
    host, in_brackets = parts.hostname or "", parts.netloc.startswith("[")
    plain = url == f"{parts.scheme}://{name}" and _PATH.fullmatch(parts.path)
    if not plain or "@" in parts.netloc or (port is not None and not allow_private):
        raise wrong
    if not (in_brackets and allow_private) and not _HOST.fullmatch(host):
        raise wrong
    if name.lower().partition(":")[0].partition("/")[0] in {*RESERVED, SAML} or port == 0:
        raise wrong
    return url


def _checked_client_ids(given: Sequence[str]) -> tuple[str, ...]:
    if len(given) > _CLIENT_IDS:
        raise quota_exceeded("ClientIdsPerOpenIdConnectProvider", _CLIENT_IDS)
    return tuple(dict.fromkeys(given))


def _checked_thumbprints(given: Sequence[str]) -> tuple[str, ...]:
    if len(given) > _THUMBPRINTS:
        raise invalid_input("Thumbprint list must contain fewer than 5 entries.")
    if not all(_THUMBPRINT.fullmatch(each) for each in given):
        raise invalid_input("A thumbprint is the SHA-1 hash of a certificate: 40 hex digits.")
    return tuple(dict.fromkeys(each.lower() for each in given))


def _refuse_propagation(call: Call) -> None:
    for member in _NOT_SERVED:
        if member in call.input:
            raise invalid_input(
                f"{member} is not supported: this server has no IAM Identity Center. Leave it out."
            )


# -- what they need --------------------------------------------------------------------------


def _arn_of(call: Call) -> str:
    """The ARN of the provider that is to be made; without its scheme, as AWS has it."""
    return writes.provider_arn(call.account_id, call.input["Url"].partition("://")[2])


def _on_new(call: Call) -> Sequence[Permission]:
    permission = Permission(f"iam:{call.operation.name}", _arn_of(call), _tags_context(call, None))
    if not call.input.get("Tags"):
        return [permission]
    return [permission, replace(permission, action="iam:TagOpenIDConnectProvider")]


def _on_existing(call: Call) -> Sequence[Permission]:
    arn: str = call.input["OpenIDConnectProviderArn"]
    context = _tags_context(call, call.node.oidc_providers.by_arn(arn))
    return [Permission(f"iam:{call.operation.name}", arn, context)]


def _on_all(call: Call) -> Sequence[Permission]:
    arn = writes.provider_arn(call.account_id, "*")
    return [Permission(f"iam:{call.operation.name}", arn)]


def _tags_context(call: Call, provider: OidcProvider | None) -> Context:
    context: Context = {}
    for key, value in (provider.tags if provider else {}).items():
        context[f"aws:resourcetag/{key.lower()}"] = value
        context[f"iam:resourcetag/{key.lower()}"] = value
    tags, keys = call.input.get("Tags", ()), call.input.get("TagKeys", ())
    for tag in tags:
        context[f"aws:requesttag/{tag['Key'].lower()}"] = tag["Value"]
    named = tuple(tag["Key"] for tag in tags) or tuple(keys)
    if named:
        context["aws:tagkeys"] = named
    return context


_DECLARED: Final[tuple[tuple[str, Needs, Callable[[Call], Any]], ...]] = (
    ("CreateOpenIDConnectProvider", _on_new, create_provider),
    ("GetOpenIDConnectProvider", _on_existing, get_provider),
    ("ListOpenIDConnectProviders", _on_all, list_providers),
    ("DeleteOpenIDConnectProvider", _on_existing, delete_provider),
    ("AddClientIDToOpenIDConnectProvider", _on_existing, add_client_id),
    ("RemoveClientIDFromOpenIDConnectProvider", _on_existing, remove_client_id),
    ("UpdateOpenIDConnectProviderThumbprint", _on_existing, update_thumbprints),
    ("TagOpenIDConnectProvider", _on_existing, tag_provider),
    ("UntagOpenIDConnectProvider", _on_existing, untag_provider),
    ("ListOpenIDConnectProviderTags", _on_existing, list_provider_tags),
)
OPERATIONS: Final[tuple[Operation, ...]] = tuple(operation(*each) for each in _DECLARED)
