"""YAML that remembers its lines, and CloudFormation's short forms in it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import yaml

# Values in all. Anchors and aliases let ten lines say a billion.
_MOST: Final = 10_000
_DEEPEST: Final = 30
_STANDARD: Final = "tag:yaml.org,2002:"


class TemplateError(Exception):
    """What is wrong with a template, and in which line."""

    def __init__(self, line: int, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.why = why
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, a number, a truth value or nothing; and a date, which YAML knows too, as its text."""

    line: int
    value: str | int | float | bool | None

    def plain(self) -> object:
        return self.value


@dataclass(frozen=True, slots=True)
class Listed:
    line: int
    items: list["Node"]

    def plain(self) -> list[object]:
        return [item.plain() for item in self.items]


@dataclass(frozen=True, slots=True)
class Mapped:
    """Members by name. intrinsic: it is a function of CloudFormation's, like {"Ref": …}."""

    line: int
    items: dict[str, "Node"] = field(default_factory=dict)

    @property
    def intrinsic(self) -> str:
        name = next(iter(self.items), "")
        is_one = len(self.items) == 1 and (name in {"Ref", "Condition"} or name.startswith("Fn::"))
        return name if is_one else ""

    def plain(self) -> dict[str, object]:
        return {name: node.plain() for name, node in self.items.items()}


Node = Scalar | Listed | Mapped


def read_document(content: str) -> Node:
    """The one document of a text. Raises `TemplateError`."""
    try:
        root = yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise TemplateError(line, f"This is no YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise TemplateError(1, f"This is no YAML: {error}.") from error
    if root is None:
        raise TemplateError(1, "There is nothing in it.")
    return _Reader().read(root, 0)


class _Reader:
    def __init__(self) -> None:
        self._left = _MOST
        self._constructor = yaml.constructor.SafeConstructor()

    def read(self, node: yaml.Node, depth: int) -> Node:
        line = node.start_mark.line + 1
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise TemplateError(line, "This is too large or too deep for a template.")
        if node.tag.startswith("!"):
            return self._short_form(node, line, depth)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, line, depth)
        if isinstance(node, yaml.SequenceNode):
            return Listed(line, [self.read(item, depth + 1) for item in node.value])
        return self._scalar(node, line)

    def _scalar(self, node: yaml.Node, line: int) -> Scalar:
        if node.tag in {f"{_STANDARD}{kind}" for kind in ("int", "float", "bool", "null")}:
            try:
                return Scalar(line, self._constructor.construct_object(node))
            except ValueError as error:
                raise TemplateError(line, f"{node.value} is no value: {error}.") from error
        # Of a date the text counts: `Version: 2012-10-17`.
        return Scalar(line, str(node.value))

    def _mapping(self, node: yaml.MappingNode, line: int, depth: int) -> Mapped:
        items: dict[str, Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if not isinstance(key, yaml.ScalarNode) or name == "<<":
                raise TemplateError(key.start_mark.line + 1, "A name is expected here.")
            if name in items:
                raise TemplateError(key.start_mark.line + 1, f"{name} is there twice.")
            items[name] = self.read(value, depth + 1)
        return Mapped(line, items)

    def _short_form(self, node: yaml.Node, line: int, depth: int) -> Mapped:
        """`!Ref x` is {"Ref": x}, and `!Sub x` is {"Fn::Sub": x}."""
        name = node.tag[1:]
        if isinstance(node, yaml.ScalarNode):
            inner: Node = Scalar(line, str(node.value))
        elif isinstance(node, yaml.SequenceNode):
            inner = Listed(line, [self.read(item, depth + 1) for item in node.value])
        else:
            assert isinstance(node, yaml.MappingNode)
            inner = self._mapping(node, line, depth + 1)
        return Mapped(line, {name if name in {"Ref", "Condition"} else f"Fn::{name}": inner})


def mapping(node: Node, what: str) -> Mapped:
    if not isinstance(node, Mapped):
        raise TemplateError(node.line, f"{what} has no names and values here.")
    return node


def sequence(node: Node, what: str) -> Listed:
    if not isinstance(node, Listed):
        raise TemplateError(node.line, f"{what} is no list here.")
    return node


def text(node: Node, what: str) -> str:
    """A scalar as CloudFormation takes it where a text is wanted: true for True, 1 for 1."""
    if not isinstance(node, Scalar) or node.value is None:
        raise TemplateError(node.line, f"{what} is no text here.")
    return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)


def integer(node: Node, what: str) -> int:
    given = text(node, what)
    if not given.isascii() or not given.isdigit() or len(given) > 9:
        raise TemplateError(node.line, f"{what} is {given}, and no whole number.")
    return int(given)


def only(given: Mapped, allowed: Iterable[str], what: str) -> None:
    """Refuse what is not read."""
    known = set(allowed)
    for name, node in given.items.items():
        if name not in known:
            raise TemplateError(
                node.line,
                f"{name} is no {what} that this reads.",
                f"It reads {', '.join(sorted(known))}.",
                "Leave it out, or deploy this function another way.",
            )
