"""A service model in botocore's format as typed values: shapes, members, operations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LOCATIONS = frozenset({"uri", "querystring", "header", "headers", "statusCode"})


class ModelError(ValueError):
    """A service model that cannot be used: what is wrong with it, and where."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A type of the service model.

    kind: "structure", "list", "map", "string", "integer", … as the model says. minimum, maximum:
    of the length, or of a number's value. payload: the member that is the whole HTTP body.
    wire: the shape's own XML element name. element, key, value: of lists and maps.
    """

    name: str
    kind: str
    members: dict[str, "Member"] = field(default_factory=dict)
    element: "Member | None" = None
    key: "Member | None" = None
    value: "Member | None" = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    enum: tuple[str, ...] = ()
    sensitive: bool = False
    flattened: bool = False
    streaming: bool = False
    event_stream: bool = False
    payload: str = ""
    wire: str = ""
    namespace: str = ""
    timestamp_format: str = ""

    @property
    def scalar(self) -> bool:
        return self.kind not in ("structure", "list", "map")


@dataclass(frozen=True, slots=True)
class Member:
    """A shape in its place: in a structure, list or map, with the traits it has there.

    wire: its name on the wire; named: whether the model says that name, or it is the member's.
    location: "" for the body, else one of `LOCATIONS`. namespace: the XML attribute, ready to be
    written after the element's name, or "".
    """

    name: str
    shape: Shape
    wire: str
    named: bool = False
    location: str = ""
    required: bool = False
    flattened: bool = False
    streaming: bool = False
    attribute: bool = False
    namespace: str = ""
    timestamp_format: str = ""


@dataclass(frozen=True, slots=True)
class OperationModel:
    """An operation: its HTTP binding and its input and output structures.

    uri: the template, query literals included. status: of a success. result_wrapper: the query
    protocol's element around the output. input_root: the XML element of an unnamed body.
    """

    name: str
    method: str
    uri: str
    status: int
    input: Shape
    output: Shape | None
    result_wrapper: str = ""
    input_root: str = ""


EMPTY = Shape("Empty", "structure")


class Shapes:
    """The shapes of one model, made on demand: most operations of a model are never called."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self._made: dict[str, Shape] = {}
        self._making: set[str] = set()

    def shape(self, name: str) -> Shape:
        """The shape of this name. Raises `ModelError` if there is none, or if it holds itself."""
        made = self._made.get(name)
        if made is not None:
            return made
        if name not in self._raw:
            raise ModelError(f"The model refers to the shape {name}, which it does not define.")
        if name in self._making:
            raise ModelError(f"The shape {name} holds itself; recursive shapes have no use here.")
        self._making.add(name)
        try:
            made = self._make(name, self._raw[name])
        finally:
            self._making.discard(name)
        self._made[name] = made
        return made

    def _make(self, name: str, raw: Mapping[str, Any]) -> Shape:
        required = frozenset(raw.get("required", ()))
        return Shape(
            name=name,
            kind=raw["type"],
            members={
                key: self._member(key, reference, required=key in required)
                for key, reference in raw.get("members", {}).items()
            },
            element=self._optional("member", raw.get("member")),
            key=self._optional("key", raw.get("key")),
            value=self._optional("value", raw.get("value")),
            minimum=raw.get("min"),
            maximum=raw.get("max"),
            pattern=raw.get("pattern", ""),
            enum=tuple(raw.get("enum", ())),
            sensitive=raw.get("sensitive", False),
            flattened=raw.get("flattened", False),
            streaming=raw.get("streaming", False),
            event_stream=raw.get("eventstream", False),
            payload=raw.get("payload", ""),
            wire=raw.get("locationName", ""),
            namespace=namespace_attribute(raw.get("xmlNamespace")),
            timestamp_format=raw.get("timestampFormat", ""),
        )

    def _optional(self, name: str, reference: Mapping[str, Any] | None) -> Member | None:
        return None if reference is None else self._member(name, reference, required=True)

    def _member(self, name: str, reference: Mapping[str, Any], *, required: bool) -> Member:
        shape = self.shape(reference["shape"])
        wire = reference.get("locationName") or shape.wire
        location = reference.get("location", "")
        if location and location not in LOCATIONS:
            raise ModelError(f"The member {name} is at {location}, which is not known here.")
        return Member(
            name=name,
            shape=shape,
            wire=wire or name,
            named=bool(wire),
            location=location,
            required=required,
            flattened=reference.get("flattened", shape.flattened),
            streaming=reference.get("streaming", shape.streaming),
            attribute=reference.get("xmlAttribute", False),
            namespace=namespace_attribute(reference.get("xmlNamespace")) or shape.namespace,
            timestamp_format=reference.get("timestampFormat", "") or shape.timestamp_format,
        )


def namespace_attribute(raw: Mapping[str, str] | str | None) -> str:
    """The XML attribute that declares a namespace, with the blank before it; "" for none."""
    if not raw:
        return ""
    if isinstance(raw, str):
        return f' xmlns="{raw}"'
    prefix = f":{raw['prefix']}" if raw.get("prefix") else ""
    return f' xmlns{prefix}="{raw["uri"]}"'


def read_operation(raw: Mapping[str, Any], shapes: Shapes) -> OperationModel:
    """An operation of the model with its shapes. Raises `ModelError`."""
    output = raw.get("output")
    source = raw.get("input")
    return OperationModel(
        name=raw["name"],
        method=raw["http"]["method"],
        uri=raw["http"]["requestUri"],
        status=raw["http"].get("responseCode", 200),
        input=EMPTY if source is None else shapes.shape(source["shape"]),
        output=None if output is None else shapes.shape(output["shape"]),
        result_wrapper=(output or {}).get("resultWrapper", ""),
        input_root=(source or {}).get("locationName", ""),
    )
