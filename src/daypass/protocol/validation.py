"""What a decoded input must satisfy by its model, and AWS's sentences for what it does not."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from daypass.protocol.patterns import compile_pattern
from daypass.protocol.shapes import Member, Shape

MUST_NOT_BE_NULL: Final = "Member must not be null"
# AWS repeats the value it refuses; a megabyte of it helps nobody.
_LONGEST_SHOWN: Final = 1024


@dataclass(frozen=True, slots=True)
class Problem:
    """One unmet constraint: of the member at `where`, whose `value` may be shown unless None."""

    where: str
    value: str | None
    constraint: str
    shape: Shape

    def sentence(self) -> str:
        shown = "" if self.value is None else f" {self.value}"
        return f"Value{shown} at '{self.where}' failed to satisfy constraint: {self.constraint}"


@dataclass(frozen=True, slots=True)
class Strictness:
    """How a service words and applies the constraints of its model.

    show_values: the refused value is repeated (IAM leaves it out). null_elements: sentences about
    the elements of lists and maps also say that these must not be null, as Lambda's do.
    checks_enum: whether a value outside the enumeration is refused at this shape.
    """

    show_values: bool = True
    null_elements: bool = False
    checks_enum: Callable[[Shape], bool] = lambda _: True


Check = Callable[[Any, str, list[Problem]], None]
_Violated = Callable[[Any], bool]


def summarize(problems: Iterable[Problem]) -> str:
    """All problems in the sentence that the query and JSON services answer with."""
    sentences = [problem.sentence() for problem in problems]
    noun = "error" if len(sentences) == 1 else "errors"
    return f"{len(sentences)} validation {noun} detected: {'; '.join(sentences)}"


def compile_check(shape: Shape, strictness: Strictness) -> Check | None:
    """The check of a value of this shape, or None where every value will do."""
    if shape.kind == "structure":
        return _check_structure(shape, strictness)
    if shape.kind == "list":
        return _check_list(shape, strictness)
    if shape.kind == "map":
        return _check_map(shape, strictness)
    return _check_own(shape, strictness)


def _check_structure(shape: Shape, strictness: Strictness) -> Check | None:
    required = tuple(member for member in shape.members.values() if member.required)
    checks: dict[str, tuple[str, Check]] = {}
    for name, member in shape.members.items():
        check = compile_check(member.shape, strictness)
        if check is not None:
            checks[name] = (_lower_first(name), check)
    if not required and not checks:
        return None
    null = "null" if strictness.show_values else None

    def check_structure(value: Mapping[str, Any], where: str, problems: list[Problem]) -> None:
        prefix = f"{where}." if where else ""
        for member in required:
            if member.name not in value:
                place = prefix + _lower_first(member.name)
                problems.append(Problem(place, null, MUST_NOT_BE_NULL, member.shape))
        for name, item in value.items():
            if name in checks:
                label, check = checks[name]
                check(item, prefix + label, problems)

    return check_structure


def _check_list(shape: Shape, strictness: Strictness) -> Check | None:
    own = _check_own(shape, strictness)
    element = _reference(shape.element)
    inner = _constraints(element.shape, strictness) if element.shape.scalar else []
    nested = None if element.shape.scalar else compile_check(element.shape, strictness)
    if own is None and not inner and nested is None:
        return None
    sentence = f"Member must satisfy constraint: {_listed(inner, strictness)}"

    def check_list(value: list[Any], where: str, problems: list[Problem]) -> None:
        if own is not None:
            own(value, where, problems)
        if nested is not None:
            for index, item in enumerate(value, 1):
                nested(item, f"{where}.{index}.member", problems)
        elif any(violated(item) for item in value for violated, _ in inner):
            problems.append(Problem(where, _show(value, shape, strictness), sentence, shape))

    return check_list


def _check_map(shape: Shape, strictness: Strictness) -> Check | None:
    own = _check_own(shape, strictness)
    value_shape = _reference(shape.value).shape
    keys = _constraints(_reference(shape.key).shape, strictness)
    values = _constraints(value_shape, strictness) if value_shape.scalar else []
    nested = None if value_shape.scalar else compile_check(value_shape, strictness)
    if own is None and not keys and not values and nested is None:
        return None
    key_sentence = f"Map keys must satisfy constraint: {_listed(keys, strictness)}"
    value_sentence = f"Map value must satisfy constraint: {_listed(values, strictness)}"

    def check_map(value: dict[str, Any], where: str, problems: list[Problem]) -> None:
        if own is not None:
            own(value, where, problems)
        shown = _show(value, shape, strictness)
        if any(violated(key) for key in value for violated, _ in keys):
            problems.append(Problem(where, shown, key_sentence, shape))
        if any(violated(item) for item in value.values() for violated, _ in values):
            problems.append(Problem(where, shown, value_sentence, shape))
        if nested is not None:
            for key, item in value.items():
                nested(item, f"{where}.{key}.member", problems)

    return check_map


def _check_own(shape: Shape, strictness: Strictness) -> Check | None:
    constraints = _constraints(shape, strictness)
    if not constraints:
        return None
    fits = _fits(shape)

    def check(value: Any, where: str, problems: list[Problem]) -> None:
        # Nearly all that comes is right, and told so by one look.
        if fits is not None and fits(value):
            return
        for violated, sentence in constraints:
            if violated(value):
                problems.append(Problem(where, _show(value, shape, strictness), sentence, shape))

    return check


def _constraints(shape: Shape, strictness: Strictness) -> list[tuple[_Violated, str]]:
    """The constraints of the shape itself, in the order in which AWS names them."""
    found: list[tuple[_Violated, str]] = []
    numeric = shape.kind in ("integer", "long", "float", "double")
    measure = _value if numeric else len
    noun = "value" if numeric else "length"
    matches = compile_pattern(shape.pattern) if shape.pattern else None
    if matches is not None:
        sentence = f"Member must satisfy regular expression pattern: {shape.pattern}"
        found.append((_bounded(matches, shape.maximum), sentence))
    if shape.kind in ("boolean", "timestamp", "structure"):
        return found
    maximum, minimum = shape.maximum, shape.minimum
    if maximum is not None:
        sentence = f"Member must have {noun} less than or equal to {maximum}"
        found.append((lambda item: measure(item) > maximum, sentence))
    if minimum is not None:
        sentence = f"Member must have {noun} greater than or equal to {minimum}"
        found.append((lambda item: measure(item) < minimum, sentence))
    if shape.enum and strictness.checks_enum(shape):
        allowed = frozenset(shape.enum)
        sentence = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        found.append((lambda item: item not in allowed, sentence))
    return found


def _fits(shape: Shape) -> Callable[[str], bool] | None:
    """Whether a text violates none of its constraints; None where a look at each must tell."""
    if shape.kind != "string" or shape.enum:
        return None
    least, most = shape.minimum or 0, inf if shape.maximum is None else shape.maximum
    matches = compile_pattern(shape.pattern) if shape.pattern else None
    if matches is None:
        return lambda text: least <= len(text) <= most
    return lambda text: least <= len(text) <= most and matches(text)


def _bounded(matches: Callable[[str], bool], maximum: float | None) -> _Violated:
    """No match, for texts of the allowed length: a longer one is refused for its length alone."""
    if maximum is None:
        return lambda text: not matches(text)
    return lambda text: len(text) <= maximum and not matches(text)


def _value(number: float) -> float:
    return number


def _listed(constraints: list[tuple[_Violated, str]], strictness: Strictness) -> str:
    sentences = [sentence for _, sentence in constraints]
    # Inside a list AWS names the length first and the pattern after it.
    sentences.sort(key=lambda sentence: "pattern" in sentence)
    if strictness.null_elements:
        sentences.append(MUST_NOT_BE_NULL)
    return f"[{', '.join(sentences)}]"


def _show(value: Any, shape: Shape, strictness: Strictness) -> str | None:
    """The value between quotes as AWS repeats it; None where it must not or cannot be."""
    if not strictness.show_values or shape.sensitive or isinstance(value, bytes):
        return None
    if isinstance(value, list):
        if not _reference(shape.element).shape.scalar or _reference(shape.element).shape.sensitive:
            return None
        text = f"[{', '.join(map(str, value))}]"
    elif isinstance(value, dict):
        if not _reference(shape.value).shape.scalar or _reference(shape.value).shape.sensitive:
            return None
        text = f"{{{', '.join(f'{key}={item}' for key, item in value.items())}}}"
    else:
        text = str(value)
    return f"'{text}'" if len(text) <= _LONGEST_SHOWN else None


def _reference(member: Member | None) -> Member:
    if member is None:
        raise ValueError("A list or map of the model does not say what it holds.")
    return member


_FIRST = re.compile(r"^[A-Z]")


def _lower_first(name: str) -> str:
    """How AWS's sentences name a member: roleArn for RoleArn."""
    return _FIRST.sub(lambda match: match[0].lower(), name)
