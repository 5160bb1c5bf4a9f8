"""A service as its model says it: requests to operations and inputs, outputs to responses."""

import gzip
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, final

from daypass.protocol.coder import Coder, WireProtocol
from daypass.protocol.errors import ServiceError
from daypass.protocol.json_rpc import JsonRpcProtocol
from daypass.protocol.message import Body, Request, Response
from daypass.protocol.query import QueryProtocol
from daypass.protocol.recording import Recorded, Recorder, compile_recorder
from daypass.protocol.rest_json import JsonFaults, RestJsonProtocol, message_members
from daypass.protocol.rest_xml import RestXmlProtocol
from daypass.protocol.routing import Router
from daypass.protocol.s3 import S3Faults
from daypass.protocol.shapes import EMPTY, ModelError, Shapes, read_operation
from daypass.protocol.validation import Strictness

# IAM names the member it refuses and leaves its value out; Lambda says of elements that they must
# not be null. The others repeat the value.
_STRICTNESS: Final = {
    "IAM": Strictness(show_values=False),
    "Lambda": Strictness(null_elements=True),
}
# What the json services call input that breaks their model, where it is not ValidationException.
_INVALID: Final = {"CloudWatch Logs": "InvalidParameterException"}


@final
class ServiceModel:
    """Reads requests and writes answers of one service (a `Codec` of the gateway).

    Operations are compiled when they are first asked for.
    """

    def __init__(self, model: Mapping[str, Any]) -> None:
        self._operations: Mapping[str, Any] = model["operations"]
        self._shapes = Shapes(model["shapes"])
        self._protocol = _protocol(model)
        self._coders: dict[str, Coder] = {}
        self._recorders: dict[str, tuple[Recorder, Recorder]] = {}

    @property
    def operations(self) -> frozenset[str]:
        """The names of all operations of the model."""
        return frozenset(self._operations)

    def route(self, request: Request, path: str, body: bytes) -> str:
        """The operation's name. Raises `ServiceError` for one that does not exist."""
        return self._protocol.route(request, path, body)

    def streams(self, operation: str) -> bool:
        """Whether the operation takes its body as a stream."""
        return self._coder(operation).streams

    def decode(
        self, operation: str, request: Request, path: str, body: bytes | Body
    ) -> dict[str, Any]:
        """The validated input: members by their names in the model. Raises `ServiceError`.

        Timestamps are aware datetimes, blobs bytes, a streaming member the `Body` itself.
        """
        return self._coder(operation).decode(request, path, body)

    def encode(self, operation: str, output: Mapping[str, Any] | None, request_id: str) -> Response:
        """The answer. Timestamps are aware datetimes or Unix seconds; None is left out.

        Raises KeyError for a member that the model does not have.
        """
        return self._coder(operation).encode(output, request_id)

    def encode_error(self, error: ServiceError, request: Request, request_id: str) -> Response:
        """The answer that carries this error."""
        return self._protocol.encode_error(error, request, request_id)

    def unsupported(self, operation: str) -> ServiceError:
        """The error for an operation that exists at AWS and not here; it names the operation."""
        return self._protocol.unsupported(operation)

    def record_input(self, operation: str, decoded: Mapping[str, Any]) -> Recorded:
        """What of an input may be written down, as JSON has it."""
        return self._recorder(operation)[0](decoded)

    def record_output(self, operation: str, output: Mapping[str, Any] | None) -> Recorded:
        """What of an output may be written down, as JSON has it."""
        return self._recorder(operation)[1](output or {})

    def _recorder(self, operation: str) -> tuple[Recorder, Recorder]:
        recorder = self._recorders.get(operation)
        if recorder is None:
            model = read_operation(self._operations[operation], self._shapes)
            recorder = self._recorders[operation] = (
                compile_recorder(model.input),
                compile_recorder(model.output or EMPTY),
            )
        return recorder

    def _coder(self, operation: str) -> Coder:
        coder = self._coders.get(operation)
        if coder is None:
            model = read_operation(self._operations[operation], self._shapes)
            coder = self._coders[operation] = self._protocol.compile(model)
        return coder


def load_model(name: str) -> ServiceModel:
    """The newest model that botocore ships for "sts", "iam", "lambda", "logs" or "s3".

    Read from botocore's files: importing botocore itself would cost ten times the reading.
    Raises `ModelError` if botocore or the model is not there.
    """
    package = find_spec("botocore")
    if package is None or package.origin is None:
        raise ModelError("botocore is not installed, which holds AWS's service models.")
    versions = sorted((Path(package.origin).parent / "data" / name).glob("*/service-2.json*"))
    if not versions:
        raise ModelError(f"The installed botocore has no model of the service {name}.")
    return load_model_file(versions[-1])


def load_model_file(path: Path) -> ServiceModel:
    """A service model in botocore's format, plain or gzipped. Raises `ModelError`."""
    raw = path.read_bytes()
    model = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    return ServiceModel(model)


def _protocol(model: Mapping[str, Any]) -> WireProtocol:
    metadata, operations, shapes = model["metadata"], model["operations"], model["shapes"]
    strictness = _STRICTNESS.get(metadata["serviceId"], Strictness())
    name = metadata["protocol"]
    if name == "query":
        version, namespace = metadata["apiVersion"], metadata["xmlNamespace"]
        return QueryProtocol(version, namespace, frozenset(operations), strictness)
    if name == "json":
        version, target = metadata["jsonVersion"], metadata["targetPrefix"]
        invalid = _INVALID.get(metadata["serviceId"], "ValidationException")
        return JsonRpcProtocol(version, target, frozenset(operations), strictness, invalid)
    router = Router(operations.values(), shapes)
    if name == "rest-json":
        return RestJsonProtocol(router, JsonFaults(), strictness, message_members(shapes))
    if name == "rest-xml":
        return RestXmlProtocol(router, S3Faults())
    raise ModelError(f"The protocol {name} is not spoken here.")
