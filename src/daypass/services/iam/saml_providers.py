"""SAML providers: whose assertions the account takes."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from daypass.federation.saml import (
    Metadata,
    MetadataError,
    MetadataQuotaError,
    SamlProvider,
    parse_metadata,
    provider_arn,
)
from daypass.gateway.operation import Call, Operation, Output, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.iam.errors import invalid_input, no_such_entity, quota_exceeded
from daypass.services.iam.permissions import Needs, operation, tagged_permission
from daypass.services.iam.tags import merged_tags, new_tags, shown_tags, tag_page, without_tags
from daypass.store import saml_providers as writes
from daypass.store.engine import Transaction
from daypass.tokens import new_unique_id

# IAM's quota ("IAM and AWS STS quotas" of the IAM User Guide).
_PROVIDERS: Final = 100
_TAG_QUOTA: Final = "TagsPerSAMLProvider"
# How long a document holds that does not say so itself: AWS answers a hundred years.
_FOR_EVER: Final = 100 * 365 * 86_400
# Of the year 9999: with an offset, a document can name a later one.
_LAST_SECOND: Final = 253_402_300_799
# Decryption, and trusted identity propagation, which belongs to IAM Identity Center.
_NOT_SERVED: Final[tuple[tuple[str, str], ...]] = (
    ("AddPrivateKey", "this server does not decrypt assertions"),
    ("RemovePrivateKey", "this server does not decrypt assertions"),
    ("ContextProvider", "this server has no IAM Identity Center"),
    ("IdentityCenterInstanceArn", "this server has no IAM Identity Center"),
    ("RemoveContextProvider", "this server has no IAM Identity Center"),
    ("RemoveIdentityCenterInstance", "this server has no IAM Identity Center"),
)


async def create_provider(call: Call) -> Output:
    _refuse_what_is_not_served(call)
    name, document = call.input["Name"], call.input["SAMLMetadataDocument"]
    metadata = await _parsed(document, call.now)
    provider = SamlProvider(
        id=new_unique_id("SAMLSP"),
        account=call.account_id,
        name=name,
        issuers=metadata.issuers,
        valid_until=_valid_until(metadata, call.now),
        created=int(call.now),
        tags=new_tags(call.input.get("Tags", ())),
    )

    def change(transaction: Transaction) -> None:
        if writes.name_is_taken(transaction, name):
            message = f"Provider with name {name} already exists."
            raise ServiceError("EntityAlreadyExists", message, 409)
        if writes.count_providers(transaction) >= _PROVIDERS:
            raise quota_exceeded("SAMLProvidersPerAccount", _PROVIDERS)
        writes.insert_provider(transaction, provider, document)

    await call.node.store.write(change)
    output: dict[str, Any] = {"SAMLProviderArn": provider.arn}
    if provider.tags:
        output["Tags"] = shown_tags(provider.tags)
    return output


async def get_provider(call: Call) -> Output:
    provider = _existing(call)
    document = writes.read_document(call.node.store.reader, provider.id)
    if document is None:
        raise _not_found(provider.arn)
    output: dict[str, Any] = {
        "SAMLProviderUUID": provider.id,
        "SAMLMetadataDocument": document,
        "SAMLKeyHashes": [
            {"IssuerURL": issuer, "KeyHashes": [hashlib.sha256(key).hexdigest() for key in keys]}
            for issuer, keys in provider.issuers.items()
        ],
        "CreateDate": provider.created,
        "ValidUntil": provider.valid_until,
        "AssertionEncryptionMode": "Allowed",
    }
    if provider.tags:
        output["Tags"] = shown_tags(provider.tags)
    return output


async def list_providers(call: Call) -> Output:
    providers = sorted(call.node.saml_providers.all(), key=lambda provider: provider.arn)
    return {
        "SAMLProviderList": [
            {
                "Arn": provider.arn,
                "ValidUntil": provider.valid_until,
                "CreateDate": provider.created,
                "IsTrustedIdentityPropagationEnabled": False,
            }
            for provider in providers
        ]
    }


async def update_provider(call: Call) -> Output:
    _refuse_what_is_not_served(call)
    provider = _existing(call)
    document: str | None = call.input.get("SAMLMetadataDocument")
    if document is None:
        if "AssertionEncryptionMode" not in call.input:
            raise invalid_input(
                "Unable to update identity provider. No updates are defined for metadata or "
                "encryption assertion."
            )
        return {"SAMLProviderArn": provider.arn}
    metadata = await _parsed(document, call.now)
    valid_until = _valid_until(metadata, call.now)

    def change(transaction: Transaction) -> None:
        if not writes.replace_document(
            transaction, provider.id, document, metadata.issuers, valid_until
        ):
            raise _not_found(provider.arn)

    await call.node.store.write(change)
    return {"SAMLProviderArn": provider.arn}


async def delete_provider(call: Call) -> Output:
    provider = _existing(call)
    await call.node.store.write(
        lambda transaction: writes.delete_provider(transaction, provider.id)
    )
    return None


async def tag_provider(call: Call) -> Output:
    await _change_tags(call, lambda tags: merged_tags(tags, call.input["Tags"], _TAG_QUOTA))
    return None


async def untag_provider(call: Call) -> Output:
    await _change_tags(call, lambda tags: without_tags(tags, call.input["TagKeys"]))
    return None


async def list_provider_tags(call: Call) -> Output:
    return tag_page(call, _existing(call).tags)


# -- parts -----------------------------------------------------------------------------------


def _existing(call: Call) -> SamlProvider:
    arn: str = call.input["SAMLProviderArn"]
    provider = call.node.saml_providers.by_arn(arn)
    if provider is None:
        raise _not_found(arn)
    return provider


def _not_found(arn: str) -> ServiceError:
    return no_such_entity(f"Manifest not found for arn {arn}")


async def _change_tags(call: Call, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    provider = _existing(call)

    def write(transaction: Transaction) -> None:
        tags = writes.read_tags(transaction, provider.id)
        if tags is None:
            raise _not_found(provider.arn)
        writes.set_tags(transaction, provider.id, change(tags))

    await call.node.store.write(write)


async def _parsed(document: str, now: float) -> Metadata:
    try:
        # Ten million characters take a while.
        return await asyncio.to_thread(parse_metadata, document, now)
    except MetadataQuotaError as error:
        raise quota_exceeded(error.quota, error.limit) from error
    except MetadataError as error:
        raise invalid_input(f"Could not parse metadata: {error}") from error


def _valid_until(metadata: Metadata, now: float) -> int:
    until = now + _FOR_EVER if metadata.valid_until is None else metadata.valid_until
    return min(int(until), _LAST_SECOND)


def _refuse_what_is_not_served(call: Call) -> None:
    for member, reason in _NOT_SERVED:
        if member in call.input:
            raise invalid_input(f"{member} is not supported: {reason}. Leave it out.")
    if call.input.get("AssertionEncryptionMode") == "Required":
        raise invalid_input(
            "AssertionEncryptionMode Required is not supported: this server does not decrypt "
            "assertions. Use Allowed, and let the identity provider send them signed only."
        )


# -- what they need --------------------------------------------------------------------------


def _on_new(call: Call) -> Sequence[Permission]:
    arn = provider_arn(call.account_id, call.input["Name"])
    permission = tagged_permission(call, arn, {})
    if not call.input.get("Tags"):
        return [permission]
    return [permission, replace(permission, action="iam:TagSAMLProvider")]


def _on_existing(call: Call) -> Sequence[Permission]:
    arn: str = call.input["SAMLProviderArn"]
    provider = call.node.saml_providers.by_arn(arn)
    return [tagged_permission(call, arn, provider.tags if provider else {})]


def _on_all(call: Call) -> Sequence[Permission]:
    return [Permission(f"iam:{call.operation.name}", provider_arn(call.account_id, "*"))]


_DECLARED: Final[tuple[tuple[str, Needs, Callable[[Call], Any]], ...]] = (
    ("CreateSAMLProvider", _on_new, create_provider),
    ("GetSAMLProvider", _on_existing, get_provider),
    ("ListSAMLProviders", _on_all, list_providers),
    ("UpdateSAMLProvider", _on_existing, update_provider),
    ("DeleteSAMLProvider", _on_existing, delete_provider),
    ("TagSAMLProvider", _on_existing, tag_provider),
    ("UntagSAMLProvider", _on_existing, untag_provider),
    ("ListSAMLProviderTags", _on_existing, list_provider_tags),
)
OPERATIONS: Final[tuple[Operation, ...]] = tuple(operation(*each) for each in _DECLARED)
