"""AWS Lambda (API version 2015-03-31): functions, their policies and URLs, and running them."""

from typing import Final

from daypass.gateway.operation import Service
from daypass.protocol import load_model
from daypass.services.functions import (
    absent,
    aliases,
    concurrency,
    event_configs,
    invocation,
    layer_policy,
    layers,
    lifecycle,
    policy,
    reading,
    streaming,
    tags,
    url_configs,
    versions,
)
from daypass.services.functions.upkeep import keep_house
from daypass.services.functions.urls import URL_SERVICE, auth_type
from daypass.sigv4 import Dialect

__all__ = ["SERVICE", "URL_SERVICE", "auth_type", "keep_house"]

# Bytes of a CreateFunction request: a package of 50 MB in base64, and what is around it.
_BODY_LIMIT: Final = 70_167_211

_OPERATIONS: Final = (
    *lifecycle.OPERATIONS,
    *reading.OPERATIONS,
    *invocation.OPERATIONS,
    *streaming.OPERATIONS,
    *policy.OPERATIONS,
    *tags.OPERATIONS,
    *url_configs.OPERATIONS,
    *versions.OPERATIONS,
    *aliases.OPERATIONS,
    *layers.OPERATIONS,
    *layer_policy.OPERATIONS,
    *event_configs.OPERATIONS,
    *concurrency.OPERATIONS,
    *absent.OPERATIONS,
)

SERVICE: Final = Service(
    name="lambda",
    codec=load_model("lambda"),
    operations={operation.name: operation for operation in _OPERATIONS},
    dialect=Dialect.JSON,
    denied="AccessDeniedException",
    body_limit=_BODY_LIMIT,
)
