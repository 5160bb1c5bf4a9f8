"""AWS Security Token Service: issues temporary credentials (API version 2011-06-15)."""

from daypass.gateway.operation import Operation, Service
from daypass.protocol import load_model
from daypass.services.sts import (
    assume_role,
    assume_role_with_saml,
    assume_role_with_web_identity,
    assume_root,
    decode_authorization_message,
    get_access_key_info,
    get_caller_identity,
    get_delegated_access_token,
    get_federation_token,
    get_scoped_credentials,
    get_session_token,
    get_web_identity_token,
)
from daypass.services.sts.issuer import answer_issuer
from daypass.services.sts.upkeep import keep_house
from daypass.sigv4 import Dialect

__all__ = ["SERVICE", "answer_issuer", "keep_house"]

_OPERATIONS: tuple[Operation, ...] = (
    assume_role.OPERATION,
    assume_role_with_saml.OPERATION,
    assume_role_with_web_identity.OPERATION,
    assume_root.OPERATION,
    decode_authorization_message.OPERATION,
    get_access_key_info.OPERATION,
    get_caller_identity.OPERATION,
    get_delegated_access_token.OPERATION,
    get_federation_token.OPERATION,
    get_scoped_credentials.OPERATION,
    get_session_token.OPERATION,
    get_web_identity_token.OPERATION,
)

SERVICE = Service(
    name="sts",
    codec=load_model("sts"),
    operations={operation.name: operation for operation in _OPERATIONS},
    dialect=Dialect.QUERY,
)
