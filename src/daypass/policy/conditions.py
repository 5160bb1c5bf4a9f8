"""Condition operators, compiled to functions of the request context.

`Condition` is one operator applied to one key. AWS's rules, from "IAM JSON policy elements:
Condition operators" and "Set operators for multivalued context keys":

- values are alternatives; a negated operator holds when none of them matches;
- a missing key fails a positive operator and satisfies a negated one and every `…IfExists`;
- `ForAllValues` holds for a missing or empty key, `ForAnyValue` does not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from typing import Final, NamedTuple

from daypass.policy import values
from daypass.policy.patterns import Context, Matcher, Variable, compile_pattern
from daypass.policy.variables import VariableError, has_variable, parse_template, split_segments

Check = Callable[[Context], bool]
SET_OPERATORS: Final = ("ForAllValues", "ForAnyValue")
IF_EXISTS: Final = "IfExists"


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """What one operator compares. name as AWS writes it; base: the positive operator it negates
    or is; family: the type of its values."""

    name: str
    base: str
    family: str
    negated: bool = False


def _operators() -> Mapping[str, Operator]:
    table = [
        Operator("StringEquals", "StringEquals", "String"),
        Operator("StringNotEquals", "StringEquals", "String", True),
        Operator("StringEqualsIgnoreCase", "StringEqualsIgnoreCase", "String"),
        Operator("StringNotEqualsIgnoreCase", "StringEqualsIgnoreCase", "String", True),
        Operator("StringLike", "StringLike", "String"),
        Operator("StringNotLike", "StringLike", "String", True),
        Operator("ArnEquals", "ArnLike", "Arn"),
        Operator("ArnLike", "ArnLike", "Arn"),
        Operator("ArnNotEquals", "ArnLike", "Arn", True),
        Operator("ArnNotLike", "ArnLike", "Arn", True),
        Operator("Bool", "Bool", "Bool"),
        Operator("BinaryEquals", "BinaryEquals", "Binary"),
        Operator("IpAddress", "IpAddress", "IpAddress"),
        Operator("NotIpAddress", "IpAddress", "IpAddress", True),
        Operator("Null", "Null", "Null"),
    ]
    for family in ("Numeric", "Date"):
        table.append(Operator(f"{family}NotEquals", f"{family}Equals", family, True))
        table += [Operator(f"{family}{name}", f"{family}{name}", family) for name in COMPARISONS]
    return {operator.name.lower(): operator for operator in table}


COMPARISONS: Final[Mapping[str, Callable[[Decimal | int, Decimal | int], bool]]] = {
    "Equals": eq,
    "LessThan": lt,
    "LessThanEquals": le,
    "GreaterThan": gt,
    "GreaterThanEquals": ge,
}
OPERATORS: Final = _operators()


# A named tuple is made in a third of the time of a frozen dataclass, and policies are full of them.
class Condition(NamedTuple):
    """One operator on one key. set_operator: "ForAllValues", "ForAnyValue" or "". key as
    written; values as text. variables: whether `${` is special (Version 2012-10-17)."""

    operator: Operator
    set_operator: str
    if_exists: bool
    key: str
    values: tuple[str, ...]
    variables: bool

    @property
    def name(self) -> str:
        """The operator as AWS writes it, `ForAnyValue:StringLikeIfExists`."""
        prefix = f"{self.set_operator}:" if self.set_operator else ""
        return f"{prefix}{self.operator.name}{IF_EXISTS if self.if_exists else ''}"


@lru_cache(maxsize=512)
def parse_operator(name: str) -> tuple[Operator, str, bool] | None:
    """The operator, the set operator and whether it is `…IfExists`; None for an unknown one.

    Upper and lower case are the same: a Deny must not lose its meaning to a slip of the shift
    key (docs/decisions/operator-names.md)."""
    set_operator, rest = "", name
    head, colon, tail = name.partition(":")
    if colon:
        known = {known.lower(): known for known in SET_OPERATORS}.get(head.lower())
        if known is None:
            return None
        set_operator, rest = known, tail
    if_exists = rest.lower().endswith(IF_EXISTS.lower())
    if if_exists:
        rest = rest[: -len(IF_EXISTS)]
    operator = OPERATORS.get(rest.lower())
    if operator is None or (operator.name == "Null" and if_exists):
        return None
    return operator, set_operator, if_exists


def unreadable_values(condition: Condition) -> list[str]:
    """The values that can never match because they are not of the operator's type."""
    return [value for value in condition.values if _compile_value(condition, value) is None]


@lru_cache(maxsize=8192)
def compile_condition(condition: Condition) -> Check:
    """The condition as a function of the request context."""
    key = condition.key.lower()
    if condition.operator.base == "Null":
        return _null_check(key, condition.values)
    test = _any_value(condition)
    if condition.set_operator:
        return _set_check(key, test, condition)
    check = _single_check(key, test, condition)
    if condition.name == "StringEquals" and _plain(condition):
        return _literal_check(key, frozenset(condition.values), check)
    return check


def _plain(condition: Condition) -> bool:
    return not (condition.variables and any("${" in value for value in condition.values))


def _null_check(key: str, written: Sequence[str]) -> Check:
    wanted = {values.parse_boolean(value) for value in written}
    return lambda context: _empty(context.get(key)) in wanted


def _empty(value: str | Sequence[str] | None) -> bool:
    """Absent, or present without a value. AWS calls both null."""
    if value is None or type(value) is str:
        return not value
    return not any(value)


def _single_check(key: str, test: Matcher, condition: Condition) -> Check:
    negated, if_exists = condition.operator.negated, condition.if_exists
    missing = if_exists or negated

    def check(context: Context) -> bool:
        value = context.get(key)
        if type(value) is not str:
            if not value:
                return missing
            # An operator without a set operator compares one value; several match none.
            if len(value) > 1:
                return negated
            value = value[0]
        if if_exists and not value:
            return True
        return test(value, context) is not negated

    def check_plain(context: Context) -> bool:
        value = context.get(key)
        return test(value, context) if type(value) is str else check(context)

    return check if negated or if_exists else check_plain


def _literal_check(key: str, wanted: frozenset[str], general: Check) -> Check:
    """StringEquals with plain values, the most frequent condition, in one step."""

    def check(context: Context) -> bool:
        value = context.get(key)
        return value in wanted if type(value) is str else general(context)

    return check


def _set_check(key: str, test: Matcher, condition: Condition) -> Check:
    negated = condition.operator.negated
    for_all = condition.set_operator == "ForAllValues"
    missing = for_all or condition.if_exists

    def check(context: Context) -> bool:
        value = context.get(key)
        if _empty(value) or value is None:
            return missing
        found = (value,) if type(value) is str else value
        if for_all:
            return all(test(each, context) is not negated for each in found)
        return any(test(each, context) is not negated for each in found)

    return check


def _any_value(condition: Condition) -> Matcher:
    """Whether a value of the request matches any value of the policy."""
    if condition.operator.base == "StringEquals" and _plain(condition):
        exact = frozenset(condition.values)
        return lambda value, _: value in exact
    compiled = [_compile_value(condition, value) for value in condition.values]
    tests = [test for test in compiled if test is not None]
    if not tests:
        return lambda _value, _context: False
    if len(tests) == 1:
        return tests[0]
    return lambda value, context: any(test(value, context) for test in tests)


def _compile_value(condition: Condition, written: str) -> Matcher | None:
    """The test for one value of the policy; None if it is not of the operator's type."""
    operator = condition.operator
    if operator.family == "String":
        return _string_test(operator.base, written, condition.variables)
    if operator.family == "Arn":
        return _arn_test(written, condition.variables)
    if operator.family in ("Numeric", "Date"):
        return _ordered_test(operator, written)
    if operator.family == "IpAddress":
        return _address_test(written)
    if operator.family == "Bool":
        return _boolean_test(written, condition.variables)
    if operator.family == "Binary":
        return _binary_test(written)
    return None if values.parse_boolean(written) is None else _never


def _never(_value: str, _context: Context) -> bool:
    return False


def _string_test(base: str, written: str, variables: bool) -> Matcher | None:
    ignore_case = base == "StringEqualsIgnoreCase"
    try:
        pattern = parse_template(written, wildcards=base == "StringLike", variables=variables)
    except VariableError:
        return None
    if not ignore_case:
        return compile_pattern(pattern)
    if not has_variable(pattern):
        folded = "".join(str(token) for token in pattern).lower()
        return lambda value, _: value.lower() == folded

    def same(value: str, context: Context) -> bool:
        pieces: list[str] = []
        for token in pattern:
            piece = token.resolve(context) if isinstance(token, Variable) else str(token)
            if piece is None:
                return False
            pieces.append(piece)
        return value.lower() == "".join(pieces).lower()

    return same


def _arn_test(written: str, variables: bool) -> Matcher | None:
    """Six segments, each compared alone; a wildcard does not cross a colon but in the last."""
    segments = split_segments(written)
    if len(segments) != 6:
        return None
    if any("${" in segment for segment in segments[:3]) and variables:
        return None
    try:
        patterns = [parse_template(s, wildcards=True, variables=variables) for s in segments]
    except VariableError:
        return None
    if all(len(p) == 0 or (len(p) == 1 and isinstance(p[0], str)) for p in patterns[:5]):
        head = "".join(f"{segment}:" for segment in segments[:5])
        if "${" not in head:
            size, tail = len(head), compile_pattern(patterns[5])
            return lambda value, context: value.startswith(head) and tail(value[size:], context)
    tests = [compile_pattern(pattern) for pattern in patterns]

    def match(value: str, context: Context) -> bool:
        found = value.split(":", 5)
        return len(found) == 6 and all(
            test(segment, context) for test, segment in zip(tests, found, strict=True)
        )

    return match


def _ordered_test(operator: Operator, written: str) -> Matcher | None:
    compare = COMPARISONS[operator.base.removeprefix(operator.family)]
    parse: Callable[[str], Decimal | int | None] = (
        values.parse_number if operator.family == "Numeric" else values.parse_date
    )
    wanted = parse(written)
    if wanted is None:
        return None

    def test(value: str, _: Context) -> bool:
        found = parse(value)
        return found is not None and compare(found, wanted)

    return test


def _address_test(written: str) -> Matcher | None:
    network = values.parse_network(written)
    if network is None:
        return None
    version, number, host = network

    def test(value: str, _: Context) -> bool:
        address = values.parse_address(value)
        return address is not None and address[0] == version and address[1] >> host == number

    return test


def _boolean_test(written: str, variables: bool) -> Matcher | None:
    try:
        pattern = parse_template(written, wildcards=False, variables=variables)
    except VariableError:
        return None
    if not has_variable(pattern):
        wanted = values.parse_boolean(written)
        if wanted is None:
            return None
        return lambda value, _: values.parse_boolean(value) is wanted
    matches = compile_pattern(pattern)
    return lambda value, context: (
        values.parse_boolean(value) is not None and matches(value, context)
    )


def _binary_test(written: str) -> Matcher | None:
    wanted = values.parse_binary(written)
    if wanted is None:
        return None
    return lambda value, _: values.parse_binary(value) == wanted
