"""AWS's wire protocols (query, json, rest-json, rest-xml), driven by botocore's service models."""

from daypass.protocol.errors import ServiceError
from daypass.protocol.message import (
    Body,
    BodyTooLargeError,
    Request,
    Response,
    combine_headers,
)
from daypass.protocol.model import ServiceModel, load_model, load_model_file
from daypass.protocol.shapes import ModelError

__all__ = [
    "Body",
    "BodyTooLargeError",
    "ModelError",
    "Request",
    "Response",
    "ServiceError",
    "ServiceModel",
    "combine_headers",
    "load_model",
    "load_model_file",
]
